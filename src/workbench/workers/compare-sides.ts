import type { AbInput } from '../../replay/ab.ts';
import { type AbCompared, compareAll } from '../../replay/ab-record.ts';
import { Transferred } from '../rpc.ts';

/** Two programs on the events of a long trace. */
export function compareLong(input: AbInput): Transferred<AbCompared> {
  const compared = compareAll(input);
  return new Transferred(compared, [compared.result.differing.buffer as ArrayBuffer]);
}
