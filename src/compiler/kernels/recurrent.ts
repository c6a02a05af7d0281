import type { FuncBuilder, Reg } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { clamp, notNegative } from './arith.ts';
import { kernelFunc, type Layout, type Port, type Space } from './frame.ts';
import { ONE_BITS, SIGMOID_BYTES, sigmoidOf } from './scores.ts';

/** Sums before a gate, and cell states, are integers of 2⁻²⁰. */
export const GATE_BITS = 20;
/** Fraction bits of the multipliers that turn sums of products into 2⁻²⁰. */
const SUM_SHIFT = 32;
/** Gates are cut to so many bits before they are multiplied. */
const FACTOR_BITS = 24;
/** Sums are saturated here, where every gate is. */
const MOST = 2 ** 30 - 1;
const ROWS = 4;
/** Terms that are unrolled at once. */
const UNROLL = 16;

export interface ProjectShape {
  readonly k: number;
  readonly n: number;
  readonly space: Space;
  /** Bytes from one element of the operand to the next. */
  readonly stride: number;
}

const blockBytes = (k: number): number => 8 * k + 16 * ROWS;
/** Bytes of the weights of a projection: blocks of four rows, term by term, then rounding term and multiplier of each row. */
export const projectBytes = (k: number, n: number): number => Math.ceil(n / ROWS) * blockBytes(k);

/** Weights `[n, k]` in int16 with a scale for each row; `unit` is the operand's. */
export function packProject(weights: ArrayLike<number>, bias: ArrayLike<number>, k: number, n: number, unit: number): Uint8Array {
  const bytes = new Uint8Array(projectBytes(k, n));
  const view = new DataView(bytes.buffer);
  for (let row = 0; row < n; row++) {
    let top = 0;
    for (let j = 0; j < k; j++) top = Math.max(top, Math.abs(weights[row * k + j]!));
    const step = top / 32767 || 1;
    const block = Math.floor(row / ROWS) * blockBytes(k);
    for (let j = 0; j < k; j++) view.setInt16(block + 8 * j + 2 * (row % ROWS), Math.round(weights[row * k + j]! / step), true);
    const params = block + 8 * k + 16 * (row % ROWS);
    view.setBigInt64(params, BigInt(Math.round(bias[row]! * 2 ** (GATE_BITS + SUM_SHIFT) + 2 ** (SUM_SHIFT - 1))), true);
    view.setBigInt64(params + 8, BigInt(Math.round(unit * step * 2 ** (GATE_BITS + SUM_SHIFT))), true);
  }
  return bytes;
}

/** `out[n] = (Σ x[k]·w[n, k]·mul[n] + add[n]) s>> 32`, 64-bit sums of int16 products. Arguments: out (32-bit integers), x, weights. */
export function projectKernel(name: string, s: ProjectShape, layout: Layout, origin: OriginId): IrFunc {
  const ports: Port[] = [
    { space: 'scratch', extent: 4 * s.n },
    { space: s.space, extent: (s.k - 1) * s.stride + 2 },
    { space: 'weights', extent: projectBytes(s.k, s.n) },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const [out, x, weights] = ptrs as [Reg, Reg, Reg];
    const block = (rows: number, to: Reg, w: Reg): void => {
      const sums = Array.from({ length: rows }, () => b.copy(0));
      const run = (count: number, from: Reg, at: Reg): void => {
        for (let k = 0; k < count; k++) {
          const value = b.load(from, k * s.stride, 2, true);
          for (let r = 0; r < rows; r++) {
            const term = b.load(at, 8 * k + 2 * r, 2, true);
            b.aluTo(term, 'mul', term, value);
            b.aluTo(sums[r]!, 'add', sums[r]!, term);
          }
        }
      };
      const whole = Math.floor(s.k / UNROLL);
      const strides = [
        [x, s.stride * UNROLL],
        [w, 8 * UNROLL],
      ] as const;
      const [from, at] = whole > 0 ? b.strided(whole, strides, ([p, q]) => run(UNROLL, p!, q!)) : [x, w];
      if (s.k % UNROLL) run(s.k % UNROLL, from!, at!);
      for (let r = 0; r < rows; r++) {
        const params = 8 * s.k + 16 * r;
        b.aluTo(sums[r]!, 'mul', sums[r]!, b.load(w, params + 8, 8));
        b.aluTo(sums[r]!, 'add', sums[r]!, b.load(w, params, 8));
        b.aluTo(sums[r]!, 'arsh', sums[r]!, SUM_SHIFT);
        clamp(b, sums[r]!, -MOST, MOST);
        b.store(to, 4 * r, sums[r]!, 4);
      }
    };
    const full = Math.floor(s.n / ROWS);
    const strides = [
      [out, 4 * ROWS],
      [weights, blockBytes(s.k)],
    ] as const;
    const [to, w] = full > 0 ? b.strided(full, strides, ([p, q]) => block(ROWS, p!, q!)) : [out, weights];
    if (s.n % ROWS) block(s.n % ROWS, to!, w!);
  });
}

export type Gate = 'Sigmoid' | 'Tanh' | 'Relu';

/** σ or tanh of an integer of 2⁻²⁰, in 2⁻³⁰; both from the table of σ, `tanh x = 2σ(2x) − 1`. ReLU stays as it is. */
function gate(b: FuncBuilder, kind: Gate, table: Reg, x: Reg): Reg {
  if (kind === 'Relu') {
    notNegative(b, x);
    b.aluTo(x, 'lsh', x, ONE_BITS - GATE_BITS);
    return x;
  }
  if (kind === 'Tanh') b.aluTo(x, 'lsh', x, 1);
  b.aluTo(x, 'lsh', x, 24 - GATE_BITS);
  const y = sigmoidOf(b, table, x);
  if (kind === 'Tanh') {
    b.aluTo(y, 'lsh', y, 1);
    b.aluTo(y, 'sub', y, 2 ** ONE_BITS);
  }
  return y;
}

export interface CellShape {
  readonly op: 'RNN' | 'GRU' | 'LSTM' | 'reset';
  readonly hidden: number;
  /** Activations in the operator's order. */
  readonly gates: readonly Gate[];
  /** GRU: the reset gate comes after the recurrent product. */
  readonly after: boolean;
  /** A unit of the hidden state is 2^(range − 15); more than 15 bits of ReLU do not happen. */
  readonly range: number;
}

/**
 * One step of a cell. Arguments: the new state (int16), the one before, the sums (from the input, then from the state, 32 bits each;
 * behind them LSTM's cell state), and the table of σ. `reset` is the part of a GRU whose reset gate comes before the product: state times gate.
 */
export function cellKernel(name: string, s: CellShape, layout: Layout, origin: OriginId): IrFunc {
  const { hidden } = s;
  const count = s.op === 'LSTM' ? 4 : s.op === 'RNN' ? 1 : 3;
  const sums = 4 * hidden * count;
  const ports: Port[] = [
    { space: 'scratch', extent: 2 * hidden },
    { space: 'scratch', extent: 2 * hidden },
    { space: 'scratch', extent: 2 * sums + (s.op === 'LSTM' ? 4 * hidden : 0) },
    { space: 'weights', extent: SIGMOID_BYTES },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const table = ptrs[3]!;
    b.strided(
      hidden,
      [
        [ptrs[0]!, 2],
        [ptrs[1]!, 2],
        [ptrs[2]!, 4],
      ],
      ([to, before, at]) => {
        const fromInput = (i: number): Reg => b.load(at!, 4 * hidden * i, 4, true);
        const fromState = (i: number): Reg => b.load(at!, sums + 4 * hidden * i, 4, true);
        const both = (i: number): Reg => {
          const x = fromInput(i);
          b.aluTo(x, 'add', x, fromState(i));
          return x;
        };
        /** A gate of {@link FACTOR_BITS}. */
        const factor = (kind: Gate, x: Reg): Reg => {
          const y = gate(b, kind, table, x);
          b.aluTo(y, 'arsh', y, ONE_BITS - FACTOR_BITS);
          return y;
        };
        const store = (h: Reg): void => {
          // From 2⁻³⁰ to the state's unit.
          const shift = 15 + s.range;
          b.aluTo(h, 'add', h, 2 ** (shift - 1));
          b.aluTo(h, 'arsh', h, shift);
          clamp(b, h, -32767, 32767);
          b.store(to!, 0, h, 2);
        };
        const previous = (): Reg => {
          const h = b.load(before!, 0, 2, true);
          b.aluTo(h, 'lsh', h, 15 + s.range);
          return h;
        };
        if (s.op === 'RNN') store(gate(b, s.gates[0]!, table, both(0)));
        else if (s.op === 'reset') {
          const r = factor(s.gates[0]!, both(1));
          const h = previous();
          b.aluTo(h, 'mul', h, r);
          b.aluTo(h, 'arsh', h, FACTOR_BITS);
          store(h);
        } else if (s.op === 'GRU') {
          const candidate = fromState(2);
          if (s.after) {
            b.aluTo(candidate, 'mul', candidate, factor(s.gates[0]!, both(1)));
            b.aluTo(candidate, 'arsh', candidate, FACTOR_BITS);
          }
          b.aluTo(candidate, 'add', candidate, fromInput(2));
          const n = gate(b, s.gates[1]!, table, candidate);
          const z = factor(s.gates[0]!, both(0));
          const h = previous();
          // (1 − z)·n + z·h
          b.aluTo(h, 'sub', h, n);
          b.aluTo(h, 'mul', h, z);
          b.aluTo(h, 'arsh', h, FACTOR_BITS);
          b.aluTo(h, 'add', h, n);
          store(h);
        } else {
          // Gates stand in the order input, output, forget, cell.
          const input = factor(s.gates[0]!, both(0));
          const cell = gate(b, s.gates[1]!, table, both(3));
          b.aluTo(cell, 'arsh', cell, ONE_BITS - GATE_BITS);
          b.aluTo(cell, 'mul', cell, input);
          const kept = b.load(at!, 2 * sums, 4, true);
          b.aluTo(kept, 'mul', kept, factor(s.gates[0]!, both(2)));
          b.aluTo(kept, 'add', kept, cell);
          b.aluTo(kept, 'add', kept, 2 ** (FACTOR_BITS - 1));
          b.aluTo(kept, 'arsh', kept, FACTOR_BITS);
          clamp(b, kept, -MOST, MOST);
          b.store(at!, 2 * sums, kept, 4);
          const h = gate(b, s.gates[2]!, table, kept);
          b.aluTo(h, 'mul', h, factor(s.gates[0]!, both(1)));
          b.aluTo(h, 'arsh', h, FACTOR_BITS);
          store(h);
        }
      },
    );
  });
}

/** Copies constants of `words` 32-bit words from the weights. */
export function wordsKernel(name: string, words: number, layout: Layout, origin: OriginId): IrFunc {
  const ports: Port[] = [
    { space: 'scratch', extent: 4 * words },
    { space: 'weights', extent: 4 * words },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    b.strided(
      words,
      ptrs.map((p) => [p, 4] as const),
      ([to, from]) => b.store(to!, 0, b.load(from!, 0, 4), 4),
    );
  });
}
