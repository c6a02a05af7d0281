import { afterAll, describe, expect, it } from 'vitest';
import { traffic } from '../hooks/testing/traffic.ts';
import { encodeModel } from '../onnx/testing/encode-model.ts';
import { writePcap } from '../traces/testing/write-pcap.ts';
import { call, json, scratchFolder } from './testing/call.ts';

const scratch = scratchFolder();
afterAll(scratch.remove);

const input = {
  kind: 'concat',
  parts: [
    { kind: 'fields', features: ['tcp.syn', { name: 'ip.proto', oneHot: [6, 17] }] },
    {
      kind: 'flow',
      features: [
        { name: 'flow.bytes', log2: true, mean: 12, scale: 0.25 },
        { name: 'flow.gap', log2: true, scale: 0.1 },
      ],
    },
    { kind: 'sequence', length: 3, of: [{ name: 'signed_size', scale: 0.001 }] },
  ],
};
const binding = scratch.write('b.json', JSON.stringify({ hook: 'xdp', input, output: { kind: 'argmax', verdicts: ['PASS', 'DROP'] } }));
const WIDTH = 8;
const weights = Float32Array.from({ length: WIDTH * 2 }, (_, i) => Math.sin(2 + i * 1.3));
const model = scratch.write(
  'm.onnx',
  encodeModel({
    opset: 17,
    nodes: [{ op: 'MatMul', name: '/out', inputs: ['x', 'w'], outputs: ['y'] }],
    inputs: [{ name: 'x', dtype: 'float32', dims: [1, WIDTH] }],
    outputs: [{ name: 'y', dtype: 'float32', dims: [1, 2] }],
    initializers: { w: { dtype: 'float32', dims: [WIDTH, 2], data: weights } },
  }),
);
const capture = scratch.write(
  'c.pcap',
  writePcap(
    traffic(3, 400, 20).map(({ frame, timeNs }) => ({
      data: frame,
      seconds: 1_700_000_000 + Math.floor(timeNs / 1e9),
      nanoseconds: timeNs % 1e9,
    })),
    { nanoseconds: true },
  ),
);

interface Replayed {
  events: number;
  verdicts: Record<string, number>;
  agreement: number;
}

describe('bindings of features on the command line', () => {
  it('compile, and replay agrees with ONNX Runtime in both engines and from the object', async () => {
    const compiled = await json<{ verify: { accepted: boolean }; accuracy: { argmaxAgreement: number } }>(
      ...(['compile', model, '-o', scratch.path('m.o'), '--binding', binding, '--calibrate', capture] as const),
    );
    expect(compiled.value.verify.accepted).toBe(true);
    expect(compiled.value.accuracy.argmaxAgreement).toBeGreaterThan(0.98);
    const options = ['--binding', binding, '--calibrate', capture, '--compare', 'ort', '--min-agreement', '0.98'] as const;
    const wasm = await json<Replayed>('replay', model, capture, ...options);
    expect(wasm.status).toBe(0);
    expect(Object.keys(wasm.value.verdicts).sort()).toEqual(['DROP', 'PASS']);
    const object = await json<Replayed>('replay', scratch.path('m.o'), capture, '--engine', 'interp');
    expect(object.value.verdicts).toEqual(wasm.value.verdicts);
  }, 120_000);

  it('a model that takes another number of features is refused with both numbers', async () => {
    const other = scratch.write(
      'other.json',
      JSON.stringify({
        hook: 'xdp',
        input: { kind: 'flow', features: ['flow.bytes'] },
        output: { kind: 'argmax', verdicts: ['PASS', 'DROP'] },
      }),
    );
    const { status, err } = await call('compile', model, '-o', scratch.path('n.o'), '--binding', other);
    expect(status).toBe(2);
    expect(err).toMatch(/\/input gives 1 numbers, but model input `x` is \[1, 8\]: 8 numbers/);
  });
});
