import { helperName } from '../bpf/helper-names.ts';
import { KFUNC_BASE } from './decode.ts';
import { DYNPTR_HELPERS } from './helpers/dynptr.ts';
import { GENERAL_HELPERS } from './helpers/general.ts';
import { KFUNCS } from './helpers/kfuncs.ts';
import { MAP_HELPERS } from './helpers/maps.ts';
import { SKB_HELPERS } from './helpers/skb.ts';
import { XDP_HELPERS } from './helpers/xdp.ts';
import { type HelperTable, type Machine, setResult } from './machine.ts';

export type { Machine, Redirect, VmEvent } from './machine.ts';

/** bpf_tail_call, which the engines carry out themselves. */
export const TAIL_CALL = 12;

const RUN: HelperTable = { ...GENERAL_HELPERS, ...MAP_HELPERS, ...XDP_HELPERS, ...SKB_HELPERS, ...DYNPTR_HELPERS };

/** Helpers that this machine has, by number, and kernel functions, by name. */
export const availableHelpers = (): number[] => [...Object.keys(RUN).map(Number), TAIL_CALL].sort((a, b) => a - b);
export const availableKfuncs = (): string[] => [...KFUNCS.keys()];

/** Runs helper `id`, or the kernel function that decode.ts gave a number from KFUNC_BASE on; refuses others by name. */
export function runHelper(m: Machine, id: number): void {
  const kfunc = id >= KFUNC_BASE ? m.kfuncNames[id - KFUNC_BASE] : null;
  const run = kfunc === null ? RUN[id] : KFUNCS.get(kfunc);
  if (!run) {
    const what = kfunc === null ? `helper ${helperName(id) ?? 'unknown'}#${id}` : `kernel function ${kfunc}`;
    throw m.fault(`${what} is not available in this machine`, 'Run the program in the kernel instead');
  }
  setResult(m, run(m));
}
