import { subprogAt } from './cfg.ts';
import type { Env } from './env.ts';
import { slotMaskText } from './format.ts';
import type { State } from './state.ts';

/**
 * Which stack slots may still be read (kernel `liveness.c`, 6.18). Reads and certain writes are noted for each instruction
 * of each function *instance*, that is, of a function under one chain of calls, while paths are explored; a backward data
 * flow over an instance follows when a path ends and something new was noted.
 */
const MASKS = 8;
const READ = 0;
const WRITTEN = 2;
const WRITTEN_ACC = 4;
const LIVE = 6;

const UNKNOWN = 0;
const NONE = 1;
const SOME = 2;

/** A function under one chain of calls. */
export interface Instance {
  /** Call instructions from the outermost frame, then the start of this function. */
  readonly callsites: readonly number[];
  /** Start of the function of each frame. */
  readonly starts: readonly number[];
  readonly insnCount: number;
  /** Masks of each instruction, by frame of the chain. */
  readonly frames: (Int32Array | null)[];
  /** Instructions whose certain writes are known: none so far, or some. */
  readonly writesKnown: Uint8Array;
  updated: boolean;
  writesDropped: boolean;
}

export class StackLiveness {
  private readonly env: Env;
  private readonly instances = new Map<string, Instance>();
  private current: Instance | null = null;
  private readonly pendingWrites = new Int32Array(16);
  /** `pendingWrites` holds something. */
  private wrote = false;
  private pendingIdx = 0;
  private query: Instance[] = [];
  private queryState: State | null = null;

  constructor(env: Env) {
    this.env = env;
  }

  private instanceOf(callsites: number[], starts: number[]): Instance {
    const key = callsites.join();
    const known = this.instances.get(key);
    if (known) return known;
    const sub = this.env.subprogs[subprogAt(this.env, starts[starts.length - 1]!)]!;
    const insnCount = sub.end - sub.start;
    const made: Instance = {
      callsites,
      starts,
      insnCount,
      frames: new Array<Int32Array | null>(callsites.length).fill(null),
      writesKnown: new Uint8Array(insnCount),
      updated: false,
      writesDropped: false,
    };
    this.instances.set(key, made);
    return made;
  }

  private lookup(state: State, frameno: number): Instance {
    const frame = state.frames[frameno]!;
    frame.live ??= this.find(state, frameno);
    return frame.live;
  }

  private find(state: State, frameno: number): Instance {
    const starts: number[] = [];
    const callsites: number[] = [];
    for (let i = 0; i <= frameno; i++) {
      starts.push(this.env.subprogs[state.frames[i]!.subprogno]!.start);
      callsites.push(i < frameno ? state.frames[i + 1]!.callsite : starts[i]!);
    }
    return this.instanceOf(callsites, starts);
  }

  private ensure(): Instance {
    this.current ??= this.lookup(this.env.cur, this.env.cur.curFrame);
    return this.current;
  }

  /** The chain of calls changed. */
  reset(): void {
    this.current = null;
  }

  private masks(instance: Instance, frame: number): Int32Array {
    let masks = instance.frames[frame];
    if (!masks) {
      masks = new Int32Array(instance.insnCount * MASKS);
      instance.frames[frame] = masks;
    }
    return masks;
  }

  private noteRead(instance: Instance, frame: number, insnIdx: number, lo: number, hi: number): void {
    const masks = this.masks(instance, frame);
    const at = (insnIdx - instance.starts[instance.starts.length - 1]!) * MASKS;
    const newLo = masks[at + READ]! | lo;
    const newHi = masks[at + READ + 1]! | hi;
    const isNew = newLo !== masks[at + READ] || newHi !== masks[at + READ + 1];
    if (isNew && ((newLo & ~masks[at + LIVE]!) | (newHi & ~masks[at + LIVE + 1]!)) !== 0) instance.updated = true;
    masks[at + READ] = newLo;
    masks[at + READ + 1] = newHi;
  }

  markRead(frame: number, insnIdx: number, spi: number): void {
    this.noteRead(this.ensure(), frame, insnIdx, spi < 32 ? 1 << spi : 0, spi < 32 ? 0 : 1 << (spi - 32));
  }

  /** Called before an instruction: it has written nothing yet. */
  beginInsn(insnIdx: number): void {
    this.ensure();
    this.begin(insnIdx);
  }

  private begin(insnIdx: number): void {
    this.pendingIdx = insnIdx;
    if (!this.wrote) return;
    this.wrote = false;
    this.pendingWrites.fill(0);
  }

  /** A whole slot is certainly written by this instruction. */
  markWrite(frame: number, spi: number): void {
    this.wrote = true;
    this.pendingWrites[frame * 2 + (spi < 32 ? 0 : 1)]! |= 1 << (spi & 31);
  }

  /** Called after an instruction. */
  commitInsn(): void {
    if (this.current) this.commit(this.current);
  }

  private commit(instance: Instance): void {
    const rel = this.pendingIdx - instance.starts[instance.starts.length - 1]!;
    const known = instance.writesKnown[rel]! !== UNKNOWN;
    if (!this.wrote && instance.writesKnown[rel] !== SOME) {
      instance.writesKnown[rel] = NONE;
      return;
    }
    for (let frame = 0; frame < instance.starts.length; frame++) {
      let lo = this.pendingWrites[frame * 2]!;
      let hi = this.pendingWrites[frame * 2 + 1]!;
      if ((lo | hi) === 0 && (!known || !instance.frames[frame])) continue;
      const masks = this.masks(instance, frame);
      const at = rel * MASKS + WRITTEN;
      const oldLo = masks[at]!;
      if (known) {
        lo &= oldLo;
        // The kernel keeps the previous mask in 32 bits here, so higher slots count as never written before.
        hi = 0;
      }
      if (oldLo !== lo || hi !== 0) {
        masks[at] = lo;
        masks[at + 1] = hi;
        instance.updated = true;
      }
      if ((oldLo & ~lo) !== 0) instance.writesDropped = true;
    }
    instance.writesKnown[rel] = SOME;
  }

  /** A path ended, or a function returned: bring the instances of its chain up to date. */
  update(): void {
    this.current = null;
    const state = this.env.cur;
    for (let frame = state.curFrame; frame >= 0; frame--) {
      const instance = this.lookup(state, frame);
      if (!instance.updated) continue;
      this.solve(instance);
      instance.updated = false;
      instance.writesDropped = false;
    }
  }

  private solve(instance: Instance): void {
    const { env } = this;
    const start = instance.starts[instance.starts.length - 1]!;
    if (instance.writesDropped) {
      for (const masks of instance.frames) {
        if (!masks) continue;
        for (let i = 0; i < instance.insnCount; i++) {
          masks[i * MASKS + WRITTEN_ACC] = 0;
          masks[i * MASKS + WRITTEN_ACC + 1] = 0;
        }
      }
    }
    const sub = env.subprogs[subprogAt(env, start)]!;
    let rounds = 0;
    let changed: boolean;
    do {
      rounds++;
      changed = false;
      for (let frame = 0; frame < instance.frames.length; frame++) {
        const masks = instance.frames[frame];
        if (!masks) continue;
        for (let i = sub.postStart; i < sub.postEnd; i++) {
          if (this.step(instance, masks, frame, env.postorder[i]!, start)) changed = true;
        }
      }
    } while (changed);
    if (env.log.detail) env.log.write(`(${instance.callsites.join()}) live stack update done in ${rounds} iterations\n`);
    if (instance.starts.length > 1) this.propagate(instance);
  }

  private step(instance: Instance, masks: Int32Array, frame: number, idx: number, start: number): boolean {
    const next = this.env.following[idx]!;
    const jump = this.env.target[idx]!;
    if (next < 0 && jump < 0) return false;
    const s = ((next < 0 ? jump : next) - start) * MASKS;
    const t = jump < 0 ? s : (jump - start) * MASKS;
    const afterLo = masks[s + LIVE]! | masks[t + LIVE]!;
    const afterHi = masks[s + LIVE + 1]! | masks[t + LIVE + 1]!;
    let accLo = masks[s + WRITTEN_ACC]! & masks[t + WRITTEN_ACC]!;
    let accHi = masks[s + WRITTEN_ACC + 1]! & masks[t + WRITTEN_ACC + 1]!;
    const at = (idx - start) * MASKS;
    const writtenLo = masks[at + WRITTEN]!;
    const writtenHi = masks[at + WRITTEN + 1]!;
    accLo |= writtenLo;
    accHi |= writtenHi;
    const liveLo = (afterLo & ~writtenLo) | masks[at + READ]!;
    const liveHi = (afterHi & ~writtenHi) | masks[at + READ + 1]!;
    const changed =
      liveLo !== masks[at + LIVE] ||
      liveHi !== masks[at + LIVE + 1] ||
      accLo !== masks[at + WRITTEN_ACC] ||
      accHi !== masks[at + WRITTEN_ACC + 1];
    if (changed && this.env.log.detail) {
      const reads = masks[at + READ]! | masks[at + READ + 1]!;
      if (reads || writtenLo | writtenHi || idx === start || this.env.prunePoint[idx]) {
        this.logChange(instance, 'live', frame, idx, masks[at + LIVE]!, masks[at + LIVE + 1]!, liveLo, liveHi);
        this.logChange(instance, 'written', frame, idx, masks[at + WRITTEN_ACC]!, masks[at + WRITTEN_ACC + 1]!, accLo, accHi);
      }
    }
    masks[at + LIVE] = liveLo;
    masks[at + LIVE + 1] = liveHi;
    masks[at + WRITTEN_ACC] = accLo;
    masks[at + WRITTEN_ACC + 1] = accHi;
    return changed;
  }

  private logChange(i: Instance, what: string, frame: number, idx: number, ol: number, oh: number, nl: number, nh: number): void {
    if (ol === nl && oh === nh) return;
    let text = `(${i.callsites.join()}) frame ${frame} insn ${idx} `;
    const addedLo = nl & ~ol;
    const addedHi = nh & ~oh;
    if (addedLo | addedHi) text += `+${what} ${slotMaskText(addedLo, addedHi)} `;
    const goneLo = ol & ~nl;
    const goneHi = oh & ~nh;
    if (goneLo | goneHi) text += `-${what} ${slotMaskText(goneLo, goneHi)}`;
    this.env.log.write(`${text}\n`);
  }

  /** What the callee reads and writes in its callers' frames happens at the call in the caller. */
  private propagate(instance: Instance): void {
    const depth = instance.starts.length - 1;
    const starts = instance.starts.slice(0, depth);
    const callsites = [...instance.callsites.slice(0, depth - 1), starts[depth - 1]!];
    const outer = this.instanceOf(callsites, starts);
    const callsite = instance.callsites[depth - 1]!;
    this.begin(callsite);
    this.wrote = true;
    for (let frame = 0; frame < depth; frame++) {
      const masks = instance.frames[frame];
      if (!masks) continue;
      this.pendingWrites[frame * 2]! |= masks[WRITTEN_ACC]!;
      this.pendingWrites[frame * 2 + 1]! |= masks[WRITTEN_ACC + 1]!;
      this.noteRead(outer, frame, callsite, masks[LIVE]!, masks[LIVE + 1]!);
    }
    this.commit(outer);
  }

  /** Prepares `isAlive` for a state. */
  queryInit(state: State): void {
    this.queryState = state;
    this.query = state.frames.map((_, frame) => this.lookup(state, frame));
  }

  private liveBefore(instance: Instance, insnIdx: number, frame: number, spi: number): boolean {
    const masks = instance.frames[frame];
    if (!masks) return false;
    const at = (insnIdx - instance.starts[instance.starts.length - 1]!) * MASKS + LIVE;
    return ((spi < 32 ? masks[at]! >>> spi : masks[at + 1]! >>> (spi - 32)) & 1) !== 0;
  }

  /** The slot may be read from here on, in this function or after a return to a caller. */
  isAlive(frame: number, spi: number): boolean {
    const top = this.query.length - 1;
    if (this.liveBefore(this.query[top]!, this.queryState!.insnIdx, frame, spi)) return true;
    for (let i = frame; i < top; i++) {
      const callsite = this.query[top]!.callsites[i]!;
      const from = this.env.callsCallback[callsite] ? callsite : callsite + 1;
      if (this.liveBefore(this.query[i]!, from, frame, spi)) return true;
    }
    return false;
  }
}
