import { InputError } from '../../base/errors.ts';
import type { Program } from '../../bpf/program.ts';
import type { Compiled } from '../../compiler/api.ts';
import type { ProgramSpec } from '../clients.ts';
import type { ProjectOptions } from '../document.ts';
import type { CallContext } from '../rpc.ts';

type ModelSource = Extract<ProgramSpec['from'], { kind: 'model' }>;

export async function compileModel(_from: ModelSource, _options: ProjectOptions, _context: CallContext): Promise<Compiled> {
  throw new InputError('this build has no compiler yet');
}

export function readObjectProgram(_bytes: Uint8Array, file: string): Program {
  throw new InputError('this build reads no object files yet', file);
}
