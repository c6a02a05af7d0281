import type { StateRow } from '../api.ts';
import { frameRows, type Names } from '../format.ts';
import {
  MASK_HI,
  MASK_LO,
  S32_MAX,
  S32_MIN,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
  VALUE_HI,
  VALUE_LO,
} from '../reg.ts';
import { isLock, type State } from '../state.ts';
import { toBigSigned, toBigUnsigned } from '../w64.ts';

/** A register or slot with everything that is known about it; absent numbers: a pointer's or slot's text says all. */
export interface ValueRow extends StateRow {
  readonly frame: number;
  readonly umin?: bigint;
  readonly umax?: bigint;
  readonly s32?: readonly [number, number];
  readonly u32?: readonly [number, number];
}

/** What is held beside registers and stack. */
export interface HeldRow {
  readonly kind: 'reference' | 'lock' | 'irq' | 'rcu' | 'preempt' | 'speculative' | 'may_goto';
  readonly id: number;
  /** Instruction that took it; -1 where none is known. */
  readonly insnIdx: number;
}

/** A state in words: of the current function and of its callers. */
export interface StateTold {
  readonly frame: number;
  /** Call instruction of each frame; -1 for the one that verification began with. */
  readonly calls: readonly number[];
  readonly rows: readonly ValueRow[];
  readonly held: readonly HeldRow[];
}

const all = (): boolean => true;

/** A state of our verifier in words. */
export function tell(names: Names, state: State): StateTold {
  const rows: ValueRow[] = [];
  state.frames.forEach((frame, f) => {
    for (const { name, text, regs: r, base: b } of frameRows(names, frame, all, all)) {
      const row = { frame: f, name: name.toLowerCase(), text };
      if (!r) rows.push(row);
      else
        rows.push({
          ...row,
          smin: toBigSigned(r[b + SMIN_LO]!, r[b + SMIN_HI]!),
          smax: toBigSigned(r[b + SMAX_LO]!, r[b + SMAX_HI]!),
          umin: toBigUnsigned(r[b + UMIN_LO]!, r[b + UMIN_HI]!),
          umax: toBigUnsigned(r[b + UMAX_LO]!, r[b + UMAX_HI]!),
          s32: [r[b + S32_MIN]!, r[b + S32_MAX]!],
          u32: [r[b + U32_MIN]! >>> 0, r[b + U32_MAX]! >>> 0],
          tnumValue: toBigUnsigned(r[b + VALUE_LO]!, r[b + VALUE_HI]!),
          tnumMask: toBigUnsigned(r[b + MASK_LO]!, r[b + MASK_HI]!),
        });
    }
  });
  const held: HeldRow[] = state.refs
    .filter(({ id }) => id)
    .map((ref) => ({ kind: ref.kind === 'ptr' ? 'reference' : isLock(ref) ? 'lock' : 'irq', id: ref.id, insnIdx: ref.insnIdx }));
  if (state.activeRcu) held.push({ kind: 'rcu', id: state.activeRcu, insnIdx: -1 });
  if (state.activePreempt) held.push({ kind: 'preempt', id: state.activePreempt, insnIdx: -1 });
  if (state.speculative) held.push({ kind: 'speculative', id: 0, insnIdx: -1 });
  if (state.mayGotoDepth) held.push({ kind: 'may_goto', id: state.mayGotoDepth, insnIdx: -1 });
  return { frame: state.curFrame, calls: state.frames.map(({ callsite }) => callsite), rows, held };
}
