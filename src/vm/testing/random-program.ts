import type { Insn, MapDef, Program } from '../../bpf/program.ts';
import { rawProgram } from '../conformance.ts';

// Random programs that the verifier accepts: scalars in r0…r5 and r9, the packet in r6, a map value in r7, r8 for pointers of the
// moment, the stack initialised. At the end every scalar is left in the map, so that no difference hides.

/** The size of map `state`: scratch, then one word for each scalar. */
const SCRATCH = 128;
const SCALARS = [0, 1, 2, 3, 4, 5, 9];
const STACK = 64;
const PACKET = 60;

export const MAPS: readonly MapDef[] = [
  { name: 'state', type: 2, keySize: 4, valueSize: SCRATCH + 8 * SCALARS.length, maxEntries: 1, flags: 0 },
  { name: 'hash', type: 1, keySize: 4, valueSize: 16, maxEntries: 4, flags: 0 },
  { name: 'percpu', type: 6, keySize: 4, valueSize: 16, maxEntries: 2, flags: 0 },
  { name: 'percpu_hash', type: 5, keySize: 8, valueSize: 8, maxEntries: 3, flags: 0 },
  { name: 'array', type: 2, keySize: 4, valueSize: 12, maxEntries: 5, flags: 0 },
];
const [STATE, HASH, PERCPU, PERCPU_HASH, ARRAY] = [0, 1, 2, 3, 4];

/** mulberry32 */
export function randomSource(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

const insn = (opcode: number, dst: number, src: number, off = 0, imm = 0): Insn => ({ opcode, dst, src, off, imm });
const mov = (dst: number, src: number) => insn(0xbf, dst, src);
const call = (helper: number) => insn(0x85, 0, 0, 0, helper);

class Generator {
  readonly #random: () => number;
  readonly #functions: Insn[][] = [];
  /** Calls to patch: index in the main program and function number. */
  readonly #calls: { at: number; to: number }[] = [];
  /** Inside a block whose instructions are counted for a jump, or a loop. */
  #nesting = 0;

  constructor(seed: number) {
    this.#random = randomSource(seed);
  }

  #below(n: number): number {
    return this.#random() % n;
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#below(items.length)];
  }

  #constant(): number {
    return this.#pick([0, 1, -1, 2, 255, 0x7fffffff, -0x80000000, this.#random() | 0, this.#below(256), this.#random() | 0]);
  }

  #wide(dst: number): Insn[] {
    return [insn(0x18, dst, 0, 0, this.#constant()), insn(0, 0, 0, 0, this.#constant())];
  }

  #scalar(): number {
    return this.#pick(SCALARS);
  }

  #alu(scalars: readonly number[] = SCALARS): Insn[] {
    const cls = this.#pick([4, 7]);
    const dst = this.#pick(scalars);
    const src = this.#pick(scalars);
    const operation = this.#pick([0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xa0, 0xb0, 0xc0, 0xd0, 0xb1, 0x31, 0x91]);
    if (operation === 0x80) return [insn(0x80 | cls, dst, 0)];
    if (operation === 0xd0) return [insn(this.#pick([0xd4, 0xdc, 0xd7]), dst, 0, 0, this.#pick([16, 32, 64]))];
    if (operation === 0xb1) return [insn(0xb0 | cls | 8, dst, src, this.#pick(cls === 7 ? [8, 16, 32] : [8, 16]))];
    const off = operation & 1;
    const code = (operation & 0xf0) | cls;
    if (this.#below(2)) return [insn(code | 8, dst, src, off)];
    let k = this.#constant();
    if (operation === 0x60 || operation === 0x70 || operation === 0xc0) k &= cls === 7 ? 63 : 31;
    if ((code & 0xf0) === 0x30 || (code & 0xf0) === 0x90) k ||= 7;
    return [insn(code, dst, 0, off, k)];
  }

  /** A pointer register, and a range that may be accessed behind it. */
  #place(): { reg: number; from: number; to: number } {
    return this.#pick([
      { reg: 6, from: 0, to: PACKET },
      { reg: 7, from: 0, to: SCRATCH },
      { reg: 10, from: -STACK, to: 0 },
    ]);
  }

  #access(reg: number, from: number, to: number): Insn {
    const [width, size] = this.#pick([
      [0x10, 1],
      [0x08, 2],
      [0x00, 4],
      [0x18, 8],
    ] as const);
    // The verifier wants stack accesses aligned; alignment elsewhere is free.
    const step = reg === 10 ? size : 1;
    const off = from + this.#below(Math.floor((to - from - size) / step) + 1) * step;
    switch (this.#below(4)) {
      case 0:
        return insn(0x61 | width, this.#scalar(), reg, off);
      case 1:
        return insn((size === 8 ? 0x61 : 0x81) | width, this.#scalar(), reg, off);
      case 2:
        return insn(0x63 | width, reg, this.#scalar(), off);
      default:
        return insn(0x62 | width, reg, 0, off, this.#constant());
    }
  }

  #memory(): Insn[] {
    const { reg, from, to } = this.#place();
    return [this.#access(reg, from, to)];
  }

  /** An access at an offset that the verifier only knows a range of. */
  #variable(): Insn[] {
    const index = this.#scalar();
    const size = this.#pick([0x10, 0x08, 0x00, 0x18]);
    const code = this.#below(2)
      ? insn(0x61 | size, this.#scalar(), 8, this.#below(8))
      : insn(0x63 | size, 8, this.#scalar(), this.#below(8));
    return [insn(0x57, index, 0, 0, 63), mov(8, 7), insn(0x0f, 8, index), code];
  }

  #atomic(): Insn[] {
    const wide = this.#below(2);
    const place = this.#pick([
      { reg: 7, from: 0, to: SCRATCH },
      { reg: 10, from: -STACK, to: 0 },
    ]);
    const size = wide ? 8 : 4;
    const off = place.from + this.#below((place.to - place.from) / size) * size;
    const operation = this.#pick([0x00, 0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, 0xe1, 0xf1]);
    return [insn(wide ? 0xdb : 0xc3, place.reg, this.#scalar(), off, operation)];
  }

  #acquireRelease(): Insn[] {
    const width = this.#pick([0xc3, 0xdb, 0xcb, 0xd3]);
    const off = this.#below(SCRATCH / 8) * 8;
    return this.#below(2) ? [insn(width, this.#scalar(), 7, off, 0x100)] : [insn(width, 7, this.#scalar(), off, 0x110)];
  }

  #condition(off: number): Insn {
    const operation = this.#pick([0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0]);
    const cls = this.#pick([5, 6]);
    if (this.#below(2)) return insn(operation | cls | 8, this.#scalar(), this.#scalar(), off);
    return insn(operation | cls, this.#scalar(), 0, off, this.#constant());
  }

  #branch(): Insn[] {
    const body = this.#block(1 + this.#below(5));
    return [this.#condition(body.length), ...body];
  }

  /** A loop of a known number of rounds, counted in r8. */
  #loop(): Insn[] {
    const body = Array.from({ length: 1 + this.#below(4) }, () => (this.#below(3) ? this.#alu() : this.#memory())).flat();
    const rounds = 2 + this.#below(6);
    return [insn(0xb7, 8, 0, 0, 0), ...body, insn(0x07, 8, 0, 0, 1), insn(0xa5, 8, 0, -(body.length + 2), rounds)];
  }

  /** r1…r5 are lost in a call. */
  #refill(): Insn[] {
    return [1, 2, 3, 4, 5].flatMap((reg) => this.#wide(reg));
  }

  /** A helper on a map, with key and value on the stack; the value found is written to. */
  #mapCall(): Insn[] {
    const map = this.#pick([HASH, HASH, PERCPU, PERCPU_HASH, ARRAY]);
    const keySlot = -STACK - 8;
    const key = [insn(0x7a, 10, 0, keySlot, this.#below(6)), mov(2, 10), insn(0x07, 2, 0, 0, keySlot)];
    const head = [...key, insn(0x18, 1, 1, 0, map), insn(0, 0, 0)];
    const kind = this.#below(5);
    if (kind === 0) return [...head, mov(3, 10), insn(0x07, 3, 0, 0, -16), insn(0xb7, 4, 0, 0, this.#below(4)), call(2), ...this.#refill()];
    if (kind === 1) return [...head, call(3), ...this.#refill()];
    const { valueSize } = MAPS[map];
    const body = [mov(8, 0), insn(0xb7, 0, 0, 0, 5), ...this.#refill()];
    for (let i = this.#below(3); i >= 0; i--) body.push(this.#access(8, 0, valueSize));
    // r0 is a scalar again on both ways.
    return [...head, call(1), insn(0x15, 0, 0, body.length + 1), ...body, insn(0x05, 0, 0, 11), insn(0xb7, 0, 0, 0, 6), ...this.#refill()];
  }

  #functionCall(at: number): Insn[] {
    const scalars = [0, 1, 2, 3, 4, 5];
    if (this.#functions.length < 3) {
      const body = Array.from({ length: 2 + this.#below(8) }, () => this.#alu(scalars)).flat();
      const stack = [insn(0x7b, 10, this.#pick([1, 2, 3, 4, 5]), -8), insn(0x79, 0, 10, -8)];
      // r6 and r9 are the callee's to spoil.
      this.#functions.push([...stack, mov(6, 1), mov(9, 2), ...body, insn(0x0f, 0, 6), insn(0x0f, 0, 9), insn(0x95, 0, 0)]);
    }
    this.#calls.push({ at, to: this.#below(this.#functions.length) });
    return [insn(0x85, 0, 1), ...this.#refill()];
  }

  #block(length: number): Insn[] {
    this.#nesting++;
    const out: Insn[] = [];
    while (out.length < length) {
      const kind = this.#below(20);
      if (kind < 9) out.push(...this.#alu());
      else if (kind < 13) out.push(...this.#memory());
      else if (kind < 15) out.push(...this.#variable());
      else if (kind < 16) out.push(...this.#atomic());
      else if (kind < 17) out.push(...this.#acquireRelease());
      else if (this.#nesting < 3) out.push(...(kind < 19 ? this.#branch() : this.#loop()));
    }
    this.#nesting--;
    return out;
  }

  program(): Program {
    const start: Insn[] = [
      insn(0x61, 6, 1, 0), // r6 = data
      insn(0x61, 2, 1, 4), // r2 = data_end
      mov(3, 6),
      insn(0x07, 3, 0, 0, PACKET),
      insn(0xbd, 3, 2, 2), // if r3 <= r2 goto +2
      insn(0xb7, 0, 0, 0, 0),
      insn(0x95, 0, 0),
      insn(0x18, 7, 2, 0, STATE),
      insn(0, 0, 0),
      ...SCALARS.flatMap((reg) => this.#wide(reg)),
    ];
    for (let off = -STACK; off < 0; off += 8) start.push(insn(0x7a, 10, 0, off, this.#constant()));
    const main = [...start];
    const steps = 6 + this.#below(14);
    for (let i = 0; i < steps; i++) {
      const kind = this.#below(10);
      if (kind < 7) main.push(...this.#block(2 + this.#below(6)));
      else if (kind < 9) main.push(...this.#mapCall());
      else main.push(...this.#functionCall(main.length));
    }
    SCALARS.forEach((reg, i) => {
      main.push(insn(0x7b, 7, reg, SCRATCH + i * 8));
    });
    main.push(insn(0x95, 0, 0));
    const used = [...new Set(this.#calls.map((c) => c.to))];
    const starts = new Map<number, number>();
    const insns = [...main];
    for (const to of used) {
      starts.set(to, insns.length);
      insns.push(...this.#functions[to]);
    }
    for (const { at, to } of this.#calls) insns[at] = insn(0x85, 0, 1, 0, starts.get(to)! - at - 1);
    const subprogs = [
      { name: 'main', start: 0, linkage: 'global' as const },
      ...[...starts].map(([to, start]) => ({ name: `f${to}`, start, linkage: 'static' as const })),
    ];
    return { ...rawProgram(new Uint8Array(0)), name: 'fuzz', section: 'xdp', progType: 6, license: 'GPL', insns, subprogs, maps: MAPS };
  }
}

/** The same program for the same seed. */
export function randomProgram(seed: number): Program {
  return new Generator(seed).program();
}
