/**
 * Products with ternary and binary weights beside those of eight bits: `npm run long few-bits`. Layers alone, in this machine's kernel, ns for each
 * multiply-accumulate with all that a layer does (packing, tables, scaling, saturation, storing); the best of several batches, all forms in turn.
 */
import type { Program } from '../src/bpf/program.ts';
import { openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import type { KernelProgram } from '../src/companion/kernel-program.ts';
import { type DotShape, dotKernel, dotWeights } from '../src/compiler/kernels/dot.ts';
import { MATVEC, matvecKernel, packMatvec } from '../src/compiler/kernels/matvec.ts';
import { packSums, type SumsShape, sumsKernel, sumsPackBytes } from '../src/compiler/kernels/sums.ts';
import { packTri, triKernel } from '../src/compiler/kernels/tri.ts';
import { packLinear } from '../src/compiler/plan/weights.ts';
import { layoutFor, PACK_BYTES } from '../src/compiler/testing/kernel-bench.ts';
import { programBtf } from '../src/object/program-btf.ts';
import { layer } from './compiler-speed/layers.ts';
import { bitPlanes } from './few-bits/bit-planes.ts';

const [A, OUT] = [PACK_BYTES, PACK_BYTES + 12288];
const BATCHES = 25;
const RUNS = 20;
/** [outputs, terms]; as many rows as fit beside the packing area. */
const SIZES = [
  [8, 64],
  [16, 64],
  [32, 32],
  [64, 64],
  [128, 64],
  [256, 64],
  [64, 192],
  [32, 768],
] as const;

interface Form {
  readonly name: string;
  readonly program: Program;
  readonly rows: number;
}

function forms(n: number, k: number): Form[] {
  const weights = Float64Array.from({ length: n * k }, (_, i) => Math.sin(i * 12.9898) * 0.5);
  const base = { aSpace: 'scratch', aLevels: [{ n: k, strides: [2] }], k, n, outMax: 32767, relu: false } as const;
  const rows = Math.min(30, Math.floor(12288 / (2 * k) / 6) * 6, Math.floor(4096 / (2 * n) / 6) * 6 || 6);
  const made: Form[] = [];
  for (const precision of ['w8a16', 'w2a16'] as const) {
    const bytes = packLinear({ dims: [n, k], data: weights }, null, { unit: 1, outScale: 1e4 }, dotWeights(k, 2, precision));
    const shape: DotShape = { ...base, lanes: 2, aLane: 0, b: null, outLane: 0, outBytes: 2, precision };
    const kernel = dotKernel(`pair_${precision}`, shape, layoutFor(bytes.length), 0);
    made.push({
      name: `${precision}, two rows, multiplied`,
      program: layer(kernel, rows / 2, [A, OUT, 0, A + 2 * k, OUT + 2 * n], [4 * k, 4 * n, 0, 4 * k, 4 * n], bytes),
      rows,
    });
  }
  const triBytes = packTri(n, k, weights, null, { unit: 1, outScale: 1e4 });
  const tri = triKernel('tri', { ...base, aLane: 2 * k, outLane: 2 * n }, layoutFor(triBytes.length), 0);
  made.push({ name: 'w8a8, three rows, multiplied', program: layer(tri, rows / 3, [A, OUT, 0], [6 * k, 6 * n, 0], triBytes), rows });
  for (const [name, binary] of [
    ['ternary', false],
    ['binary', true],
  ] as const) {
    const integer = (row: number, j: number): number =>
      binary ? (weights[row * k + j]! < 0 ? -1 : 1) : Math.round(weights[row * k + j]! * 2);
    if (k % 64 === 0)
      for (const carrySave of [false, true])
        made.push({
          name: `${name}, one row, planes of bits${carrySave ? ', carry-save adders' : ''}`,
          program: bitPlanes(n, k, integer, { binary, carrySave }),
          rows: 1,
        });
    for (const lanes of sumsPackBytes(binary, k) > PACK_BYTES ? [] : ([3, 2, 1] as const)) {
      const shape: SumsShape = { ...base, binary, lanes, aLane: 2 * k, outLane: 2 * n };
      const bytes = packSums(shape, integer, () => ({ add: 0n, mul: 1n << 20n }));
      const count = lanes === 1 ? 6 : rows;
      made.push({
        name: `${name}, ${['one row', 'two rows', 'three rows'][lanes - 1]}, tables`,
        program: layer(
          sumsKernel('sums', shape, layoutFor(bytes.length), 0),
          count / lanes,
          [A, OUT, 0],
          [2 * k * lanes, 2 * n * lanes, 0],
          bytes,
        ),
        rows: count,
      });
    }
  }
  for (const packing of ['dot3', 'dot2'] as const) {
    const shape = { packing, k, n, xSpace: 'scratch', xShift: MATVEC[packing].bits === 8 ? 8 : 0, outMax: 32767, relu: false } as const;
    const bytes = packMatvec(
      shape,
      (row, j) => Math.round(weights[row * k + j]! * 254),
      () => ({ add: 0n, mul: 1n << 20n }),
    );
    const kernel = matvecKernel(packing, shape, layoutFor(bytes.length), 0);
    made.push({
      name: `${packing === 'dot3' ? 'w8a8' : 'w8a16'}, one row, ${packing}`,
      program: layer(kernel, 6, [A, OUT, 0], [2 * k, 2 * n, 0], bytes),
      rows: 6,
    });
  }
  return made;
}

export default async function measure(): Promise<unknown> {
  const kernel = await openKernel();
  if (!kernel) throw new Error(whyNoKernel());
  const figures: Record<string, Record<string, number>> = {};
  for (const [n, k] of SIZES) {
    const clocks: { name: string; rows: number; program: KernelProgram; best: number }[] = [];
    for (const { name, program, rows } of forms(n, k)) {
      const { program: loaded, message } = await kernel.load(program, { btf: programBtf(program) });
      if (!loaded) throw new Error(`${name} ${n}×${k} is refused: ${message}`);
      clocks.push({ name, rows, program: loaded, best: Number.POSITIVE_INFINITY });
    }
    for (let batch = 0; batch < BATCHES; batch++)
      for (const clock of clocks)
        clock.best = Math.min(clock.best, (await clock.program.testRun(new Uint8Array(64), { repeat: RUNS })).durationNs);
    figures[`${n}x${k}`] = Object.fromEntries(
      clocks.map(({ name, rows, best }) => [name, Math.round((best / (rows * n * k)) * 1e4) / 1e4]),
    );
    for (const clock of clocks) await clock.program.closeAll();
    console.error(`${n}x${k}`, JSON.stringify(figures[`${n}x${k}`], null, 1));
  }
  kernel.close();
  return figures;
}
