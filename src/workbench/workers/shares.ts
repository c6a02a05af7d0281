import { whyNotShared } from '../../replay/sharing.ts';
import type { ProgramSpec } from '../clients.ts';
import type { CallContext } from '../rpc.ts';
import type { SharedProgram } from '../share-views.ts';
import { heldProgram } from './programs.ts';

/** The program as other workers run it, and why they may not share the trace. */
export async function sharedProgram({ program: spec }: { program: ProgramSpec }, context: CallContext): Promise<SharedProgram> {
  const { program, meta, compiled } = await heldProgram(spec, context);
  const { insns, maps, subprogs, kfuncCalls, name, section, progType, expectedAttachType, sleepable, loadFlags, license } = program;
  const bare = { name, section, progType, expectedAttachType, sleepable, loadFlags, license, insns, maps, subprogs, kfuncCalls };
  return {
    unshared: whyNotShared(program, compiled !== null),
    program: { ...bare, lineInfo: [], origins: [], insnOrigins: [] },
    meta,
  };
}
