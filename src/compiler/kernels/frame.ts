import type { FixedStrategy } from '../api.ts';
import type { LoopStyle, Reg, Val } from '../ir/builder.ts';
import { FuncBuilder } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';

/** Rows that a kernel does at once. */
export type Lanes = 1 | 2 | 3;

/** Where an operand lies. Kernels get byte offsets into these as scalar arguments; those into the weights count from the start of the map. */
export type Space = 'scratch' | 'input' | 'output' | 'weights';

/** Scratch memory comes in entries of this size, the largest value that a per-CPU array may have; where the map is shared, in larger ones if a value asks for it. */
export const PAGE_BYTES = 32768;

export const MAP_OF: Readonly<Record<Space, string>> = {
  scratch: 'scratch',
  input: 'input',
  output: 'output',
  weights: '.data.weights',
};

/** Sizes and fixed places that kernels are generated for; the same for every training run of one architecture. */
export interface Layout {
  /** Bytes that an offset may reach, by space; for scratch in one page. */
  readonly bytes: Readonly<Record<Space, number>>;
  readonly pages: number;
  /** Size of a page: a power of two. */
  readonly pageBytes: number;
  /** Bytes at the start of scratch page 0 where kernels pack token pairs. */
  readonly packBytes: number;
  /** Tables in the weights, shared by all ops. */
  readonly expOff: number;
  readonly rsqrtOff: number;
  /** Eight bytes of zero that the verifier does not know. */
  readonly zeroOff: number;
  readonly strategy: FixedStrategy;
}

/** Only `bounded` has functions that the verifier walks at every call, as if they stood inline. */
export const linkageOf = ({ strategy }: Layout): 'static' | 'global' => (strategy === 'bounded' ? 'static' : 'global');

/** Loops of a function, of which `callbackDepth` may be callbacks inside each other. */
export function loopStyle({ strategy, zeroOff }: Layout, callbackDepth: number): LoopStyle {
  const form = strategy === 'global' ? 'bounded' : strategy;
  return { form, zero: (b) => b.load(b.mapValue(MAP_OF.weights, zeroOff), 0, 8), callbackDepth };
}

/** One operand of a kernel: an argument with an offset, from which `extent` bytes are reached. */
export interface Port {
  readonly space: Space;
  readonly extent: number;
  /** Index of a port in the same buffer, hence in the same page. */
  readonly beside?: number;
}

export interface Frame {
  readonly b: FuncBuilder;
  /** Address of each port's operand. */
  readonly ptrs: readonly Reg[];
  /** Start of scratch page 0; only with `pack`. */
  readonly pack: Reg;
}

/**
 * A function of one integer kernel. Every offset is checked against its map before use, so the verifier knows the
 * bounds of all that follows; a bad offset or a missing entry returns at once.
 */
export function kernelFunc(
  name: string,
  layout: Layout,
  ports: readonly Port[],
  options: {
    readonly origin: OriginId;
    readonly pack: boolean;
    /** Loops become neither callbacks nor code repeated: what they share, or what each round spills, would not fit in the 512 bytes that all frames together may have. */
    readonly noCallbacks?: boolean;
  },
  body: (frame: Frame) => void,
): IrFunc {
  const b = new FuncBuilder(
    name,
    linkageOf(layout),
    ports.map(() => 'scalar'),
    'scalar',
    options.noCallbacks && layout.strategy === 'unrolled'
      ? { ...loopStyle(layout, 0), form: 'bounded' }
      : loopStyle(layout, options.noCallbacks ? 0 : 1),
  );
  b.setOrigin(options.origin);
  const bail = b.newBlock();
  const check = (cmp: 'ugt' | 'eq', a: Val, v: Val): void => {
    const next = b.newBlock();
    b.branch(cmp, a, v, bail, next);
    b.startBlock(next);
  };
  const key = b.stackSlot(8);
  const entries = new Map<Space, Reg>();
  const lookup = (space: Space, page: Val): Reg => {
    const at = key.addr();
    b.store(at, 0, page, 4);
    const base = b.callHelper('bpf_map_lookup_elem', [b.mapPtr(MAP_OF[space]), at]);
    check('eq', base, 0);
    return base;
  };
  const base = (space: Space): Reg => {
    if (space === 'weights') return b.mapValue(MAP_OF.weights);
    let reg = entries.get(space);
    if (!reg) {
      reg = lookup(space, 0);
      entries.set(space, reg);
    }
    return reg;
  };
  const pages: Reg[] = [];
  const ptrs = ports.map((port, i) => {
    const arg = b.arg(i);
    const limit = layout.bytes[port.space] - port.extent;
    if (limit < 0) throw new Error(`${name}: operand ${i} reaches ${port.extent} bytes of ${layout.bytes[port.space]}`);
    if (port.space === 'scratch' && layout.pages > 1) {
      const page = port.beside === undefined ? lookup('scratch', b.rsh(arg, Math.log2(layout.pageBytes))) : pages[port.beside];
      pages[i] = page;
      const off = b.and(arg, layout.pageBytes - 1);
      check('ugt', off, limit);
      return b.add(page, off);
    }
    // The comparison stands right before the use: kernels up to 6.6 forget it where the offset goes through the stack in between.
    const start = base(port.space);
    check('ugt', arg, limit);
    return b.add(start, arg);
  });
  const pack = options.pack ? base('scratch') : ptrs[0];
  body({ b, ptrs, pack });
  b.ret(0);
  b.startBlock(bail);
  b.ret(0);
  return b.finish();
}

/** One level of a kernel's inner iteration: `n` steps, a stride in bytes for each pointer. */
export interface Level {
  readonly n: number;
  readonly strides: readonly number[];
}

/** Bytes reached by an operand over some levels, given the size of one element. */
export function extentOf(levels: readonly Level[], ptr: number, elemBytes: number): number {
  return levels.reduce((sum, l) => sum + (l.n - 1) * l.strides[ptr], elemBytes);
}

const largestDivisor = (n: number, max: number): number => {
  for (let d = Math.min(n, max); d > 1; d--) if (n % d === 0) return d;
  return 1;
};

/**
 * Walks nested levels with pointers; the innermost is unrolled up to `unroll` times. `body` gets pointers and, for each element of
 * an unrolled group, the constant offsets to add to them.
 */
export function walkGroups(
  b: FuncBuilder,
  levels: readonly Level[],
  ptrs: readonly Reg[],
  unroll: number,
  body: (ptrs: readonly Reg[], group: readonly (readonly number[])[]) => void,
): void {
  const [level, ...inner] = levels;
  if (!level) {
    body(ptrs, [ptrs.map(() => 0)]);
    return;
  }
  const last = inner.length === 0;
  const fits = (u: number): boolean => level.strides.every((s) => s * u < 30000);
  let u = last ? largestDivisor(level.n, unroll) : 1;
  while (u > 1 && !fits(u)) u = largestDivisor(level.n, u - 1);
  const step = (at: readonly Reg[]): void => {
    if (last) {
      const group = Array.from({ length: u }, (_, i) => level.strides.map((s) => s * i));
      body(at, group);
    } else {
      walkGroups(b, inner, at, unroll, body);
    }
  };
  if (level.n === u) step(ptrs);
  else
    b.strided(
      level.n / u,
      ptrs.map((p, i) => [p, (level.strides[i] ?? 0) * u]),
      step,
    );
}

/** As {@link walkGroups}, one element at a time. */
export function walk(
  b: FuncBuilder,
  levels: readonly Level[],
  ptrs: readonly Reg[],
  unroll: number,
  body: (ptrs: readonly Reg[], offs: readonly number[]) => void,
): void {
  walkGroups(b, levels, ptrs, unroll, (at, group) => {
    for (const offs of group) body(at, offs);
  });
}

/** Does `body` for each lane (row of the pair). */
export function lanes(
  b: FuncBuilder,
  count: Lanes,
  ptrs: readonly Reg[],
  strides: readonly number[],
  body: (ptrs: readonly Reg[]) => void,
): void {
  walk(b, [{ n: count, strides }], ptrs, 1, (p) => body(p));
}
