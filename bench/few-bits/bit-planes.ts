import type { Program } from '../../src/bpf/program.ts';
import type { FuncBuilder, Reg } from '../../src/compiler/ir/builder.ts';
import { kernelFunc } from '../../src/compiler/kernels/frame.ts';
import { kernelProgram, layoutFor, PACK_BYTES, runKernel, SCRATCH_BYTES } from '../../src/compiler/testing/kernel-bench.ts';

/**
 * The other way to ternary and binary weights: activations of 8 bits as eight planes of bits, `popcount((plane ^ sign) & used)` of each, for a single row. There is no instruction
 * that counts bits, so words are added up by carry-save adders (Harley and Seal) as long as there are three of one weight, and what is left is counted by shifts and masks.
 * The planes are given: what making them costs is not in the time. Sums are stored as they are.
 */
const PLANES = 8;
const [X, OUT] = [PACK_BYTES, PACK_BYTES + 8192];

/** Bits of `v`, which is lost, by shifts and masks. */
function count(b: FuncBuilder, v: Reg): Reg {
  const half = (shift: number, mask: bigint): void => {
    const high = b.rsh(v, shift);
    const m = b.const(mask);
    b.aluTo(high, 'and', high, m);
    if (shift === 1) b.aluTo(v, 'sub', v, high);
    else {
      b.aluTo(v, 'and', v, m);
      b.aluTo(v, 'add', v, high);
    }
  };
  half(1, 0x5555_5555_5555_5555n);
  half(2, 0x3333_3333_3333_3333n);
  const high = b.rsh(v, 4);
  b.aluTo(v, 'add', v, high);
  b.aluTo(v, 'and', v, b.const(0x0f0f_0f0f_0f0f_0f0fn));
  b.aluTo(v, 'mul', v, b.const(0x0101_0101_0101_0101n));
  b.aluTo(v, 'rsh', v, 56);
  return v;
}

/** Counts of all words together; words are lost. With `carrySave` three words of one weight become one of it and one of the next first. */
function countAll(b: FuncBuilder, words: number, word: (i: number) => Reg, carrySave: boolean): Reg {
  const levels: Reg[][] = [[]];
  let total: Reg | null = null;
  const add = (v: Reg): void => {
    if (total) b.aluTo(total, 'add', total, v);
    else total = v;
  };
  const put = (level: number, v: Reg): void => {
    if (level === levels.length) levels.push([]);
    const held = levels[level]!;
    held.push(v);
    if (held.length < 3) return;
    const [x, y, z] = held.splice(0) as [Reg, Reg, Reg];
    const both = b.and(x, y);
    b.aluTo(x, 'xor', x, y);
    const carry = b.and(x, z);
    b.aluTo(carry, 'or', carry, both);
    b.aluTo(x, 'xor', x, z);
    held.push(x);
    put(level + 1, carry);
  };
  for (let i = 0; i < words; i++) {
    if (carrySave) put(0, word(i));
    else add(count(b, word(i)));
  }
  for (const [level, held] of levels.entries())
    for (const v of held) {
      const c = count(b, v);
      if (level) b.aluTo(c, 'lsh', c, level);
      add(c);
    }
  return total!;
}

/** One row of K (a multiple of 64) times `n` rows of weights, checked against plain sums. */
export function bitPlanes(
  n: number,
  k: number,
  weights: (row: number, k: number) => number,
  how: { binary: boolean; carrySave: boolean },
): Program {
  const words = k / 64;
  const rowWords = words * (how.binary ? 1 : 2) + 1;
  const bytes = new Uint8Array(8 * rowWords * n);
  const view = new DataView(bytes.buffer);
  const setBit = (at: number, bit: number): void =>
    view.setUint32(at + 4 * (bit >> 5), view.getUint32(at + 4 * (bit >> 5), true) | (2 ** (bit & 31)), true);
  for (let row = 0; row < n; row++) {
    let negative = 0;
    for (let j = 0; j < k; j++) {
      const w = weights(row, j);
      const at = 8 * (row * rowWords + (j >> 6));
      if (w < 0) {
        setBit(at, j & 63);
        negative++;
      }
      if (!how.binary && w !== 0) setBit(at + 8 * words, j & 63);
    }
    view.setBigInt64(8 * (row * rowWords + rowWords - 1), BigInt(negative), true);
  }
  const layout = layoutFor(bytes.length);
  const ports = [
    { space: 'scratch' as const, extent: 8 * PLANES * words },
    { space: 'scratch' as const, extent: 4 * n },
    { space: 'weights' as const, extent: bytes.length },
  ];
  const kernel = kernelFunc('planes', layout, ports, { origin: 0, pack: false }, ({ b, ptrs }) => {
    const [x, out, w] = ptrs as [Reg, Reg, Reg];
    b.strided(
      n,
      [
        [w, 8 * rowWords],
        [out, 4],
      ],
      ([row, to]) => {
        let sum: Reg | null = null;
        for (let p = PLANES - 1; p >= 0; p--) {
          const bits = countAll(
            b,
            words,
            (i) => {
              const v = b.load(x, 8 * (p * words + i), 8);
              b.aluTo(v, 'xor', v, b.load(row!, 8 * i, 8));
              if (!how.binary) b.aluTo(v, 'and', v, b.load(row!, 8 * (words + i), 8));
              return v;
            },
            how.carrySave,
          );
          // The highest plane counts negative.
          if (!sum) {
            sum = b.copy(0);
            b.aluTo(sum, 'sub', sum, bits);
          } else {
            b.aluTo(sum, 'lsh', sum, 1);
            b.aluTo(sum, 'add', sum, bits);
          }
        }
        b.aluTo(sum!, 'add', sum!, b.load(row!, 8 * (rowWords - 1), 8));
        b.store(to!, 0, sum!, 4);
      },
    );
  });
  const program = kernelProgram(kernel, [X, OUT, 0], bytes);
  check(program, n, k, weights);
  return program;
}

/** Throws when the program's sums are not those of integers. */
function check(program: Program, n: number, k: number, weights: (row: number, k: number) => number): void {
  const x = Int8Array.from({ length: k }, (_, j) => ((j * 89 + 7) % 256) - 128);
  const scratch = new Uint8Array(SCRATCH_BYTES);
  for (let p = 0; p < PLANES; p++)
    for (let j = 0; j < k; j++) if ((x[j]! >> p) & 1) scratch[X + 8 * ((p * k) / 64) + (j >> 3)]! |= 1 << (j & 7);
  const result = runKernel(program, scratch);
  for (let row = 0; row < n; row++) {
    let want = 0;
    for (let j = 0; j < k; j++) want += weights(row, j) * x[j]!;
    const got = result.getInt32(OUT + 4 * row, true);
    if (got !== want) throw new Error(`row ${row} of bit planes is ${got}, not ${want}`);
  }
}
