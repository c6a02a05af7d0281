import type { Calibration } from '../../src/compiler/api.ts';
import type { Const, HOp } from '../../src/compiler/graph/hops.ts';
import { recognise } from '../../src/compiler/graph/recognise.ts';
import { normParams, rsqrtTable } from '../../src/compiler/kernels/norm.ts';
import { expParams, expTable } from '../../src/compiler/kernels/softmax.ts';
import { Scales } from '../../src/compiler/plan/scales.ts';
import type { Model, Tensor } from '../../src/onnx/model.ts';

type Sizes = Readonly<Record<'S' | 'D' | 'H' | 'F' | 'V' | 'C', number>>;

/** Parameters of bench/native/encoder.c, in its order, from the same plan that the compiler makes of an encoder of one pre-norm layer. */
export function plainParameters(
  model: Model,
  calibration: Calibration,
): { bytes: Uint8Array; sizes: Sizes; tokens(input: Tensor): Uint8Array } {
  const graph = recognise(model);
  const scales = new Scales(graph, calibration);
  const all = <K extends HOp['kind']>(kind: K): (HOp & { kind: K })[] =>
    graph.ops.filter((op): op is HOp & { kind: K } => op.kind === kind);
  const [embed] = all('embed');
  const [position] = all('affine');
  const norms = all('norm');
  const [qkv, proj, up, down, head] = all('linear');
  const [scores, mean] = all('matmul');
  const [softmax] = all('softmax');
  const [gelu] = all('unary');
  const mixes = all('add');
  const [pool] = all('reduce');
  if (graph.ops.length !== 17 || norms.length !== 3 || mixes.length !== 2 || !pool)
    throw new Error('the plain program is for an encoder of one layer');
  const unit = scales.unit.bind(scales);
  const scale = (op: HOp): number => scales.of(op.out).scale;
  const [S, D] = [embed!.out.dims.at(-2)!, embed!.out.dims.at(-1)!];
  const sizes = { S, D, H: scores!.out.dims.at(-3)!, F: up!.weights.dims[0]!, V: embed!.table.dims[0]!, C: head!.weights.dims[0]! };
  const parts: Uint8Array[] = [];
  let size = 0;
  /** Adds a member of the structure at the next multiple of its alignment. */
  const add = (data: ArrayBufferView, align: number): void => {
    const gap = Math.ceil(size / align) * align - size;
    parts.push(new Uint8Array(gap), new Uint8Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer));
    size += gap + data.byteLength;
  };
  const longs = (...values: number[]): void =>
    add(
      BigInt64Array.from(values, (v) => BigInt(Math.round(v))),
      8,
    );
  const linear = (op: HOp & { kind: 'linear' }): void => {
    const [n, k] = op.weights.dims as [number, number];
    const most = Math.min(32767, Math.floor((2 ** 31 - 1) / (32768 * k)));
    const steps = Array.from({ length: n }, (_, row) => {
      const values = op.weights.data.subarray(row * k, (row + 1) * k);
      return values.reduce((top, v) => Math.max(top, Math.abs(v)), 0) / most || 1;
    });
    add(
      Int16Array.from(op.weights.data, (v, i) => Math.round(v / steps[Math.floor(i / k)]!)),
      2,
    );
    const out = scale(op);
    longs(...steps.flatMap((step, row) => [((op.bias?.[row] ?? 0) / out) * 2 ** 32 + 2 ** 31, ((unit(op.a) * step) / out) * 2 ** 32]));
  };
  const int16 = (data: ArrayLike<number>, of: number): Int16Array =>
    Int16Array.from(data, (v) => Math.max(-32767, Math.min(32767, Math.round(v / of))));
  const mix = (op: HOp & { kind: 'add' }): void => longs((unit(op.a) / scale(op)) * 2 ** 24, (unit(op.b) / scale(op)) * 2 ** 24);
  add(expTable(), 2);
  add(rsqrtTable(), 4);
  add(int16(embed!.table.data, scale(embed!)), 2);
  const places = (position!.add as Const).data;
  add(
    Int32Array.from(places, (v) => Math.round((v * 256) / scale(position!))),
    4,
  );
  longs((unit(position!.x) / scale(position!)) * 2 ** 24);
  for (const op of norms) add(normParams(op.gamma, op.beta, op.eps, unit(op.x), scale(op)), 8);
  linear(qkv!);
  add(expParams(unit(softmax!.x)), 8);
  longs(((unit(mean!.a) * unit(mean!.b)) / scale(mean!)) * 2 ** 32);
  linear(proj!);
  for (const op of mixes) mix(op);
  linear(up!);
  const table = Array.from({ length: 1025 }, (_, i) => gelu!.fn((i * 64 - 32768) * unit(gelu!.x)));
  add(new Int16Array([...int16(table, scale(gelu!)), ...new Int16Array(7)]), 2);
  linear(down!);
  longs((unit(pool.x) / scale(pool) / S) * 2 ** 24);
  linear(head!);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return {
    bytes,
    sizes,
    tokens: (input) => new Uint8Array(Uint16Array.from(Array.from(input.data as ArrayLike<number | bigint>, Number)).buffer),
  };
}
