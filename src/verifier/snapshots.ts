import type { InsnIdx } from '../base/units.ts';
import type { StateRow, VerifyOptions } from './api.ts';
import type { Env } from './env.ts';
import { frameRows } from './format.ts';
import { MASK_HI, MASK_LO, SMAX_HI, SMAX_LO, SMIN_HI, SMIN_LO, VALUE_HI, VALUE_LO } from './reg.ts';
import type { Frame } from './state.ts';
import { toBigSigned, toBigUnsigned } from './w64.ts';

/** The frame as it was before each instruction, on the last path that reached it; and before one instruction on every visit. */
export class Snapshots {
  private readonly env: Env;
  private readonly frames: (Frame | undefined)[] = [];
  private readonly watched: NonNullable<VerifyOptions['recordVisits']> | null;
  private readonly visits: Frame[] = [];

  constructor(env: Env, watched?: VerifyOptions['recordVisits']) {
    this.env = env;
    this.watched = watched ?? null;
  }

  take(insnIdx: InsnIdx): void {
    const { frame } = this.env.cur;
    const kept = this.frames[insnIdx];
    if (kept) kept.takeValues(frame);
    else this.frames[insnIdx] = frame.clone();
    if (insnIdx === this.watched?.insnIdx && this.visits.length < this.watched.most) this.visits.push(frame.clone());
  }

  rows(insnIdx: InsnIdx, visit?: number): readonly StateRow[] | null {
    const frame = visit === undefined ? this.frames[insnIdx] : insnIdx === this.watched?.insnIdx ? this.visits[visit] : undefined;
    if (!frame) return null;
    const all = (): boolean => true;
    return frameRows(this.env.names, frame, all, all).map(({ name, text, regs, base }) => {
      const row = { name: name.toLowerCase(), text };
      if (!regs) return row;
      return {
        ...row,
        smin: toBigSigned(regs[base + SMIN_LO]!, regs[base + SMIN_HI]!),
        smax: toBigSigned(regs[base + SMAX_LO]!, regs[base + SMAX_HI]!),
        tnumValue: toBigUnsigned(regs[base + VALUE_LO]!, regs[base + VALUE_HI]!),
        tnumMask: toBigUnsigned(regs[base + MASK_LO]!, regs[base + MASK_HI]!),
      };
    });
  }
}
