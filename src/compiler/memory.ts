import { InputError } from '../base/errors.ts';
import type { Buf, HGraph } from './graph/hops.ts';
import { place } from './graph/lazy.ts';
import { product } from './graph/view.ts';
import { PAGE_BYTES } from './kernels/frame.ts';
import type { Group } from './plan/groups.ts';

/** Where activations lie: byte offsets over all scratch pages. */
export interface Placement {
  readonly offsets: ReadonlyMap<Buf, number>;
  readonly pages: number;
  /** Bytes of a page: a power of two. */
  readonly pageBytes: number;
  /** Bytes of an entry: of the only page what is used. */
  readonly entryBytes: number;
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

/** Shared maps are not bounded as per-CPU ones are; values of more than this would not stay in any cache. */
const MOST_SHARED = 2 ** 23;

/**
 * Gives every activation a place that no other one needs at the same time; first fit, in order of birth. `perCpu`: entries of the map are bounded by
 * what a per-CPU array takes.
 */
export function placeBuffers(
  graph: HGraph,
  groups: readonly Group[],
  packBytes: number,
  elemBytes: (buf: Buf) => number,
  perCpu: boolean,
): Placement {
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
  const most = perCpu ? PAGE_BYTES : MOST_SHARED;
  const largest = Math.max(0, ...[...lives.values()].map(({ bytes }) => bytes));
  const page = Math.max(PAGE_BYTES, 2 ** Math.ceil(Math.log2(Math.min(most, largest) || 1)));
  for (const live of lives.values()) {
    const pageStart = (off: number): number => Math.floor(off / page) * page;
    if (live.bytes > most) {
      const node = graph.ops.find((op) => op.out === live.buf)?.nodes.at(-1);
      throw new InputError(
        `a value of ${live.bytes} bytes (${live.buf.dims.join(' × ')}) does not fit in one ${perCpu ? 'per-CPU ' : ''}map entry of ${most}`,
        node ? place(node) : `value ${live.buf.name}`,
        `Rewrite it with at most ${Math.floor(most / elemBytes(live.buf))} elements: a shorter sequence, a narrower layer, or parts that each have readers of their own`,
      );
    }
    const rivals = placed.filter((p) => p.from <= live.to && live.from <= p.to).sort((a, b) => a.off - b.off);
    let off = pack;
    for (const rival of rivals) {
      if (off + live.bytes <= rival.off && pageStart(off) === pageStart(off + live.bytes - 1)) break;
      off = Math.max(off, rival.off + rival.bytes);
      if (pageStart(off) !== pageStart(off + live.bytes - 1)) off = pageStart(off) + page;
    }
    if (pageStart(off) !== pageStart(off + live.bytes - 1)) off = pageStart(off) + page;
    placed.push({ ...live, off });
  }
  const end = Math.max(pack, ...placed.map((p) => p.off + p.bytes));
  const pages = Math.ceil(end / page);
  return { offsets: new Map(placed.map((p) => [p.buf, p.off])), pages, pageBytes: page, entryBytes: pages > 1 ? page : end };
}
