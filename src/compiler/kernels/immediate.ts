import type { Reg } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { notNegative, requant, saturator } from './arith.ts';
import { DOT_SHIFT, type DotShape, type DotWeights, packRows, splitLanes } from './dot.ts';
import { extentOf, kernelFunc, type Layout } from './frame.ts';

/** A matrix in code: integers `[n][k]`, and what a sum becomes for each row, `(sum · mul + add) s>> 32`. */
export interface ImmediateMatrix {
  readonly integers: Int32Array;
  readonly rows: readonly { readonly add: bigint; readonly mul: bigint }[];
}

const ROWS = 4;
/** Instructions that a matrix may take: three for each weight that is not zero. */
const MOST_WEIGHTS = 8192;
/** Cycles of a weight in the code: a multiplication, a shift, an addition. */
const CYCLES = { product: 1, shift: 0.5, one: 0.3 } as const;
/** Cycles of a weight in memory: two share a multiplication, but for those of four bits. */
const IN_MEMORY = 0.6;
const NIBBLE_IN_MEMORY = 1.1;

/** Whether a matrix is better in code than in memory: enough zeros, ones and powers of two, and its sums in one run. */
export function suitsImmediates(integers: Int32Array, k: number, { run, bits }: Pick<DotWeights, 'run' | 'bits'>): boolean {
  let [count, cycles] = [0, 0];
  for (const w of integers) {
    if (w === 0) continue;
    count++;
    const size = Math.abs(w);
    cycles += size === 1 ? CYCLES.one : Number.isInteger(Math.log2(size)) ? CYCLES.shift : CYCLES.product;
  }
  return k <= run && count <= MOST_WEIGHTS && cycles <= (bits === 4 ? NIBBLE_IN_MEMORY : IN_MEMORY) * integers.length;
}

/**
 * The dot kernel with weights in its instructions: what is multiplied by zero is not there, by one and minus one is added and taken away, by
 * powers of two shifted. Arguments: the row (or first row) of `a`, the place of its results. The same integers as from memory.
 */
export function immediateKernel(name: string, s: DotShape, matrix: ImmediateMatrix, layout: Layout, origin: OriginId): IrFunc {
  const ports = [
    { space: s.aSpace, extent: extentOf(s.aLevels, 0, 2) + (s.lanes - 1) * s.aLane },
    { space: 'scratch' as const, extent: s.n * 2 + (s.lanes - 1) * s.outLane },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: true }, ({ b, ptrs, pack }) => {
    const [a, out] = ptrs as [Reg, Reg];
    packRows(b, s, a, a, pack);
    const times = (acc: Reg, x: Reg, w: number): void => {
      const magnitude = Math.abs(w);
      let t = x;
      if (magnitude > 1) {
        const power = Math.log2(magnitude);
        t = Number.isInteger(power) ? b.lsh(x, power) : b.mul(x, magnitude);
      }
      b.aluTo(acc, w > 0 ? 'add' : 'sub', acc, t);
    };
    // One place for all blocks: the frame has 512 bytes.
    const kept = b.stackSlot(8 * ROWS * s.lanes).addr;
    for (let first = 0; first < s.n; first += ROWS) {
      const rows = Math.min(ROWS, s.n - first);
      const accs = Array.from({ length: rows }, () => b.copy(0));
      for (let k = 0; k < s.k; k++) {
        const column = accs.map((_, r) => matrix.integers[(first + r) * s.k + k]!);
        if (column.every((w) => w === 0)) continue;
        const x = b.load(pack, 8 * k, 8);
        for (const [r, w] of column.entries()) if (w !== 0) times(accs[r]!, x, w);
      }
      const outputs = saturator(b, rows * s.lanes, s.outMax, kept);
      for (const [r, acc] of accs.entries()) {
        const { add, mul } = matrix.rows[first + r]!;
        const [plus, factor] = [b.const(add), b.const(mul)];
        for (const [lane, y] of splitLanes(b, s, acc).entries()) {
          requant(b, y, factor, plus, DOT_SHIFT);
          if (s.relu) notNegative(b, y);
          outputs.put(y, (value) => b.store(out, lane * s.outLane + 2 * (first + r), value, 2));
        }
      }
      outputs.finish();
    }
  });
}
