import { InputError } from '../base/errors.ts';
import type { Buf, HGraph } from './graph/hops.ts';
import { place } from './graph/lazy.ts';
import { product } from './graph/view.ts';
import { PAGE_BYTES } from './kernels/frame.ts';
import type { Group } from './plan/groups.ts';

/** Where activations lie: byte offsets over all scratch pages (page = offset / 32,768). */
export interface Placement {
  readonly offsets: ReadonlyMap<Buf, number>;
  readonly pages: number;
  /** Bytes used of the largest page. */
  readonly pageBytes: number;
}

interface Live {
  readonly buf: Buf;
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

/** Of a word of two rows. */
const WORD_BYTES = 8;
const align = (n: number): number => Math.ceil(n / 8) * 8;

/** Gives every activation a place that no other one needs at the same time; first fit, in order of birth. */
export function placeBuffers(graph: HGraph, groups: readonly Group[], packBytes: number, elemBytes: (buf: Buf) => number): Placement {
  const lives = new Map<Buf, Live>();
  groups.forEach((group, at) => {
    for (const step of group.steps) {
      for (const access of [step.out, ...step.reads]) {
        if (access?.buf.kind !== 'act') continue;
        const { buf } = access;
        const row = group.internal.get(buf);
        const bytes =
          row === undefined
            ? product(buf.dims) * elemBytes(buf)
            : group.words?.has(buf)
              ? row * WORD_BYTES
              : row * elemBytes(buf) * group.lanes;
        lives.set(buf, { buf, bytes: align(bytes), from: lives.get(buf)?.from ?? at, to: at });
      }
    }
  });
  const placed: (Live & { off: number })[] = [];
  const pack = align(packBytes);
  for (const live of lives.values()) {
    const pageStart = (off: number): number => Math.floor(off / PAGE_BYTES) * PAGE_BYTES;
    if (live.bytes > PAGE_BYTES) {
      const node = graph.ops.find((op) => op.out === live.buf)?.nodes.at(-1);
      throw new InputError(
        `a value of ${live.bytes} bytes (${live.buf.dims.join(' × ')}) does not fit in one per-CPU map entry of ${PAGE_BYTES}`,
        node ? place(node) : `value ${live.buf.name}`,
        `Rewrite it with at most ${Math.floor(PAGE_BYTES / elemBytes(live.buf))} elements: a shorter sequence, a narrower layer, or parts that each have readers of their own`,
      );
    }
    const rivals = placed.filter((p) => p.from <= live.to && live.from <= p.to).sort((a, b) => a.off - b.off);
    let off = pack;
    for (const rival of rivals) {
      if (off + live.bytes <= rival.off && pageStart(off) === pageStart(off + live.bytes - 1)) break;
      off = Math.max(off, rival.off + rival.bytes);
      if (pageStart(off) !== pageStart(off + live.bytes - 1)) off = pageStart(off) + PAGE_BYTES;
    }
    if (pageStart(off) !== pageStart(off + live.bytes - 1)) off = pageStart(off) + PAGE_BYTES;
    placed.push({ ...live, off });
  }
  const end = Math.max(pack, ...placed.map((p) => p.off + p.bytes));
  const pages = Math.ceil(end / PAGE_BYTES);
  return { offsets: new Map(placed.map((p) => [p.buf, p.off])), pages, pageBytes: pages > 1 ? PAGE_BYTES : end };
}
