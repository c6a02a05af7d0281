import { InputError } from '../base/errors.ts';
import type { InsnIdx } from '../base/units.ts';

/** The program did what no verified program can do, or asked for what this machine does not have. */
export class VmFault extends InputError {
  /** Where it stopped; the instruction has not taken effect. */
  readonly insnIdx: InsnIdx;

  constructor(insnIdx: InsnIdx, what: string, advice = '') {
    super(what, `insn ${insnIdx}`, advice);
    this.name = 'VmFault';
    this.insnIdx = insnIdx;
  }
}
