import { encodeInsns } from '../../bpf/insn.ts';
import type { ProgramSpec } from '../clients.ts';
import type { QueryBase } from '../query-views.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import { heldProgram } from './programs.ts';

/** The program for the worker that records its verification. */
export async function queryBase({ program: spec }: { program: ProgramSpec }, context: CallContext): Promise<Transferred<QueryBase>> {
  const { insns, origins: _origins, insnOrigins: _own, ...rest } = (await heldProgram(spec, context)).program;
  const code = encodeInsns(insns) as Uint8Array<ArrayBuffer>;
  return new Transferred({ code, rest }, [code.buffer]);
}
