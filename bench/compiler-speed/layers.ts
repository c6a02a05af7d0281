import type { Program } from '../../src/bpf/program.ts';
import type { Kernel } from '../../src/companion/kernel.ts';
import { emitProgram } from '../../src/compiler/backend/emit.ts';
import { FuncBuilder } from '../../src/compiler/ir/builder.ts';
import type { IrFunc } from '../../src/compiler/ir/ir.ts';
import { MATVEC, matvecKernel, packMatvec } from '../../src/compiler/kernels/matvec.ts';
import { packPair, pairKernel } from '../../src/compiler/kernels/pair.ts';
import { packTri, triKernel } from '../../src/compiler/kernels/tri.ts';
import { kernelProgram, layoutFor, PACK_BYTES } from '../../src/compiler/testing/kernel-bench.ts';
import { programBtf } from '../../src/object/program-btf.ts';

const [A, OUT] = [PACK_BYTES, PACK_BYTES + 8192];
const ROWS = 30;
const RUNS = 40;
/** [outputs, terms] of the layers that are measured. */
const SIZES = [
  [64, 64],
  [96, 32],
  [128, 64],
] as const;

/** One program that calls a kernel for all rows; `args` are those of the first call, `moves` what each further one adds. */
export function layer(kernel: IrFunc, calls: number, args: readonly number[], moves: readonly number[], weights: Uint8Array): Program {
  const program = kernelProgram(kernel, args, weights);
  const b = new FuncBuilder('run', 'main', ['ctx']);
  const at = args.map((arg) => b.copy(arg));
  b.loop(0, calls, 1, () => {
    b.call(kernel.name, at);
    moves.forEach((move, i) => {
      if (move) b.aluTo(at[i]!, 'add', at[i]!, move);
    });
  });
  b.ret(2);
  const { insns, subprogs } = emitProgram([b.finish(), kernel], { cpu: 'v4', maps: program.maps });
  return { ...program, insns, subprogs, insnOrigins: insns.map(() => []) };
}

/** Linear layers alone, ns for each multiply-accumulate with all that a layer does (packing, scaling, saturation, storing): pair is w8a16, tri w8a8. */
export async function linearLayers(kernel: Kernel, batches: number): Promise<unknown> {
  const figures: Record<string, Record<string, number>> = {};
  for (const [n, k] of SIZES) {
    const weights = Float64Array.from({ length: n * k }, (_, i) => Math.sin(i * 12.9898) * 0.5);
    const programs: [name: string, program: Program, rows: number][] = [];
    const base = { aSpace: 'scratch', aLevels: [{ n: k, strides: [2] }], k, n, outMax: 32767, relu: false } as const;
    const pairBytes = packPair({ n, k, weights, bias: null, unit: 1, outScale: 1e4, most: 32768, zero: 0, outMax: 32767 });
    const rows = { words: false, lane: 0 } as const;
    const pair = pairKernel('pair', { ...base, a: rows, out: rows }, layoutFor(pairBytes.length), 0);
    programs.push(['pair', layer(pair, ROWS / 2, [A, OUT, 0, A + 2 * k, OUT + 2 * n], [4 * k, 4 * n, 0, 4 * k, 4 * n], pairBytes), ROWS]);
    const triBytes = packTri(n, k, weights, null, { unit: 1, outScale: 1e4 });
    const tri = triKernel('tri', { ...base, aLane: 2 * k, outLane: 2 * n }, layoutFor(triBytes.length), 0);
    programs.push(['tri', layer(tri, ROWS / 3, [A, OUT, 0], [6 * k, 6 * n, 0], triBytes), ROWS]);
    for (const packing of ['dot3', 'dot2', 'bytes'] as const) {
      const shape = { packing, k, n, xSpace: 'scratch', xShift: MATVEC[packing].bits === 8 ? 8 : 0, outMax: 32767, relu: false } as const;
      const bytes = packMatvec(
        shape,
        (row, j) => Math.round(weights[row * k + j]! * 254),
        () => ({ add: 0n, mul: 1n << 20n }),
      );
      programs.push([packing, layer(matvecKernel(packing, shape, layoutFor(bytes.length), 0), 10, [A, OUT, 0], [0, 0, 0], bytes), 10]);
    }
    const row: Record<string, number> = {};
    for (const [name, program, rows] of programs) {
      const { program: loaded, message } = await kernel.load(program, { btf: programBtf(program) });
      if (!loaded) throw new Error(`${name} ${n}×${k} is refused: ${message}`);
      let best = Number.POSITIVE_INFINITY;
      for (let i = 0; i < batches; i++) best = Math.min(best, (await loaded.testRun(new Uint8Array(64), { repeat: RUNS })).durationNs);
      row[name] = Math.round((best / (rows * n * k)) * 1e4) / 1e4;
      await loaded.close();
    }
    figures[`${n}x${k}`] = row;
  }
  console.error(JSON.stringify(figures));
  return figures;
}
