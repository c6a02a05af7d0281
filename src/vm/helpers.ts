import { helperName } from '../bpf/helper-names.ts';
import { KFUNC_BASE } from './decode.ts';
import { GENERAL_HELPERS } from './helpers/general.ts';
import { MAP_HELPERS } from './helpers/maps.ts';
import { XDP_HELPERS } from './helpers/xdp.ts';
import { type Machine, setResult } from './machine.ts';
import { HELPERS, KFUNCS } from './parts.ts';

export type { Machine, Redirect, VmEvent } from './machine.ts';

/** bpf_tail_call, which the engines carry out themselves. */
export const TAIL_CALL = 12;

for (const [id, run] of Object.entries({ ...GENERAL_HELPERS, ...MAP_HELPERS, ...XDP_HELPERS })) HELPERS.set(Number(id), run);

/** Runs helper `id`, or the kernel function that decode.ts gave a number from KFUNC_BASE on; refuses others by name. */
export function runHelper(m: Machine, id: number): void {
  const kfunc = id >= KFUNC_BASE ? m.kfuncNames[id - KFUNC_BASE] : null;
  const run = kfunc === null ? HELPERS.get(id) : (m.functions.get(kfunc) ?? KFUNCS.get(kfunc));
  if (!run) {
    const what = kfunc === null ? `helper ${helperName(id) ?? 'unknown'}#${id}` : `kernel function ${kfunc}`;
    throw m.fault(`${what} is not available in this machine`, 'Run the program in the kernel instead');
  }
  setResult(m, run(m));
}
