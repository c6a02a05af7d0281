import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  allOffsets,
  broadcastMap,
  commonLoops,
  denseMap,
  type IndexMap,
  mapDims,
  product,
  reshapeMap,
  sliceMap,
  transposeMap,
} from './view.ts';

/** A dense tensor and a random chain of view operations on it, with the elements that each should show. */
const chains = fc
  .record({
    dims: fc.array(fc.constantFrom(1, 2, 3, 4, 6), { minLength: 1, maxLength: 4 }),
    steps: fc.array(fc.record({ kind: fc.constantFrom('transpose', 'reshape', 'slice'), a: fc.nat(1000), b: fc.nat(1000) }), {
      maxLength: 5,
    }),
  })
  .map(({ dims, steps }) => {
    let map: IndexMap = denseMap(dims);
    let elements = Array.from({ length: product(dims) }, (_, i) => i);
    for (const { kind, a, b } of steps) {
      const shape = mapDims(map);
      if (kind === 'transpose') {
        const perm = shape.map((_, i) => (i + (a % shape.length)) % shape.length);
        const strides = shape.map((_, i) => product(shape.slice(i + 1)));
        const out = perm.map((p) => shape[p]);
        elements = Array.from({ length: product(out) }, (_, i) => {
          let rest = i;
          let at = 0;
          for (let d = out.length - 1; d >= 0; d--) {
            at += (rest % out[d]) * strides[perm[d]];
            rest = Math.floor(rest / out[d]);
          }
          return elements[at];
        });
        map = transposeMap(map, perm);
      } else if (kind === 'slice') {
        const axis = a % shape.length;
        const start = b % shape[axis];
        const n = 1 + ((a + b) % (shape[axis] - start));
        const cut = sliceMap(map, axis, start, n);
        if (!cut) continue;
        const inner = product(shape.slice(axis + 1));
        elements = elements.filter((_, i) => {
          const at = Math.floor(i / inner) % shape[axis];
          return at >= start && at < start + n;
        });
        map = cut;
      } else {
        // Join two neighbours, or flatten.
        const axis = a % shape.length;
        const next =
          axis + 1 < shape.length ? [...shape.slice(0, axis), shape[axis] * shape[axis + 1], ...shape.slice(axis + 2)] : [product(shape)];
        const joined = reshapeMap(map, next);
        if (joined) map = joined;
      }
    }
    return { map, elements };
  });

describe('views', () => {
  test('any chain of transposes, reshapes and slices shows the right elements in order', () => {
    fc.assert(
      fc.property(chains, ({ map, elements }) => {
        expect([...allOffsets(map)]).toEqual(elements);
      }),
      { seed: 1, numRuns: 400 },
    );
  });
  test('a reshape after a transpose joins dimensions that are apart in memory, and splits them again', () => {
    const heads = transposeMap(denseMap([2, 5, 4]), [1, 0, 2]);
    const joined = reshapeMap(heads, [5, 8]) as IndexMap;
    expect(joined.dims[1]).toHaveLength(2);
    expect(reshapeMap(joined, [5, 2, 4])).toEqual(heads);
    expect(reshapeMap(joined, [8, 5])).toBeNull();
  });
  test('broadcasting repeats with stride zero', () => {
    expect([...allOffsets(broadcastMap(denseMap([3]), [2, 3]))]).toEqual([0, 1, 2, 0, 1, 2]);
    expect([...allOffsets(broadcastMap(denseMap([2, 1]), [2, 2]))]).toEqual([0, 0, 1, 1]);
  });
  test('common loops walk all operands through the same coordinates', () => {
    const a = reshapeMap(transposeMap(denseMap([2, 5, 4]), [1, 0, 2]), [5, 8]) as IndexMap;
    const b = denseMap([5, 8]);
    const loops = commonLoops([a.dims[1], b.dims[1]]);
    expect(loops).toEqual([
      { n: 2, strides: [20, 4] },
      { n: 4, strides: [1, 1] },
    ]);
    expect(
      commonLoops([
        [
          { n: 2, stride: 9 },
          { n: 3, stride: 1 },
        ],
        [
          { n: 3, stride: 5 },
          { n: 2, stride: 1 },
        ],
      ]),
    ).toBeNull();
  });
});
