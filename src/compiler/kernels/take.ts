import type { IrFunc, OriginId } from '../ir/ir.ts';
import { clamp, type Limit, requant } from './arith.ts';
import { kernelFunc, type Layout, type Port, type Space, walk } from './frame.ts';
import { ROW_SHIFT } from './rows.ts';

/** An operand that holds computed indices of one dimension of `n`, `stride` elements apart in the indexed value. */
export interface TakeIndex {
  readonly space: Space;
  readonly n: number;
  readonly stride: number;
}

/** A run of `count` elements that go to or come from places in a value of `elements`. */
export interface TakeShape {
  readonly count: number;
  readonly elements: number;
  /** Of the operand that is read. */
  readonly space: Space;
  readonly indices: readonly TakeIndex[];
  /** `put` writes element e to its place, in the unit of the result; `take` reads it from there. */
  readonly mode: 'take' | 'put';
  readonly outMax: Limit;
}

/** Bytes of an entry in the table of places. */
export const placeBytes = (elements: number): 2 | 4 => (elements > 65536 ? 4 : 2);

/**
 * Operands: result, source, a table of places in the weights, the indices, and for `put` the factor of the source's integers. An
 * index counts from the end where it is negative; one that lies outside, which ONNX does not allow, comes to the last element.
 */
export function takeKernel(name: string, s: TakeShape, layout: Layout, origin: OriginId): IrFunc {
  const [many, few] = [s.elements * 2, s.count * 2];
  const put = s.mode === 'put';
  const entry = placeBytes(s.elements);
  const ports: Port[] = [
    { space: 'scratch', extent: put ? many : few },
    { space: s.space, extent: put ? few : many },
    { space: 'weights', extent: s.count * entry },
    ...s.indices.map(({ space }) => ({ space, extent: few })),
    ...(put ? [{ space: 'weights' as const, extent: 8 }] : []),
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const factor = put ? b.load(ptrs[ports.length - 1]!, 0, 8) : null;
    const [target, source, table, ...rest] = ptrs;
    const indices = rest.slice(0, s.indices.length);
    // The result (or the source) of a run, the table and the indices move; the other side is reached by places.
    const moving = [put ? source! : target!, table!, ...indices];
    walk(b, [{ n: s.count, strides: moving.map((_, i) => (i === 1 ? entry : 2)) }], moving, 4, (p, off) => {
      const at = b.load(p[1]!, off[1]!, entry);
      s.indices.forEach(({ n, stride }, i) => {
        const index = b.load(p[2 + i]!, off[2 + i]!, 2, true);
        const wrap = b.and(b.arsh(index, 63), n);
        b.aluTo(index, 'add', index, wrap);
        b.aluTo(index, 'mul', index, stride);
        b.aluTo(at, 'add', at, index);
      });
      b.when('ugt', at, s.elements - 1, () => b.assign(at, s.elements - 1));
      b.aluTo(at, 'lsh', at, 1);
      if (!factor) {
        b.aluTo(at, 'add', source!, at);
        b.store(p[0]!, off[0]!, b.load(at, 0, 2), 2);
        return;
      }
      b.aluTo(at, 'add', target!, at);
      const x = b.load(p[0]!, off[0]!, 2, true);
      requant(b, x, factor, 1 << (ROW_SHIFT - 1), ROW_SHIFT);
      clamp(b, x, ...boundsOf(s.outMax));
      b.store(at, 0, x, 2);
    });
  });
}

const boundsOf = (limit: Limit): [number, number] => (typeof limit === 'number' ? [-limit, limit] : [limit.min, limit.max]);
