import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { traffic } from '../hooks/testing/traffic.ts';
import { encodeModel } from '../onnx/testing/encode-model.ts';
import { writeCapture } from '../traces/capture/write.ts';
import { readNpy } from '../traces/npy.ts';
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
  writeCapture(traffic(3, 400, 20).map(({ frame, timeNs }) => ({ data: frame, timeNs: 1_700_000_000_000_000_000n + BigInt(timeNs) }))),
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

  it('write what a model is trained on', async () => {
    const { value } = await json<{ events: number; rows: number; columns: string[] }>(
      'features',
      binding,
      capture,
      '-o',
      scratch.path('x.npy'),
      '--events',
      scratch.path('e.npy'),
    );
    expect(value.events).toBe(400);
    expect(value.columns).toEqual([
      'tcp.syn',
      'ip.proto=6',
      'ip.proto=17',
      'flow.bytes',
      'flow.gap',
      'signed_size -3',
      'signed_size -2',
      'signed_size -1',
    ]);
    const [x, e] = [scratch.path('x.npy'), scratch.path('e.npy')].map((file) => readNpy(new Uint8Array(readFileSync(file))));
    expect(x!.shape).toEqual([value.rows, WIDTH]);
    expect(e!.shape).toEqual([value.rows]);
    // TCP and UDP are one-hot.
    for (let row = 0; row < value.rows; row++) expect(Number(x!.data[row * WIDTH + 1]) + Number(x!.data[row * WIDTH + 2])).toBe(1);
  });

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

describe('bindings of system calls on the command line', () => {
  const embedding = Float32Array.from({ length: 514 * 4 }, (_, i) => Math.sin(i * 12.9898) * 2);
  const calls = scratch.write(
    'calls.onnx',
    encodeModel({
      opset: 17,
      nodes: [
        { op: 'Gather', name: '/embed', inputs: ['emb', 'calls'], outputs: ['e'] },
        { op: 'ReduceMean', name: '/mean', inputs: ['e'], outputs: ['m'], attrs: { axes: { ints: [1] }, keepdims: { int: 0 } } },
        { op: 'MatMul', name: '/out', inputs: ['m', 'w'], outputs: ['y'] },
      ],
      inputs: [{ name: 'calls', dtype: 'int64', dims: [1, 6] }],
      outputs: [{ name: 'y', dtype: 'float32', dims: [1, 2] }],
      initializers: {
        emb: { dtype: 'float32', dims: [514, 4], data: embedding },
        w: { dtype: 'float32', dims: [4, 2], data: Float32Array.from([1, -1, 0.5, -0.5, -1, 1, 0.3, -0.3]) },
      },
    }),
  );
  const rule = scratch.write(
    'calls.json',
    JSON.stringify({
      hook: 'tracepoint',
      input: { kind: 'syscalls', length: 6, every: 2 },
      output: { kind: 'threshold', class: 1, threshold: 0.5, above: 'TAG', below: 'PASS' },
    }),
  );
  const names = ['read', 'write', 'openat', 'close', 'mmap', 'execve', 'socket', 'connect'];
  const trace = scratch.write(
    't.strace',
    Array.from({ length: 300 }, (_, i) => `${100 + (i % 3)} 10:00:00.${String(i).padStart(6, '0')} ${names[(i * i) % 7]}(1) = 0`).join(
      '\n',
    ),
  );

  it('replay a trace in both engines as ONNX Runtime says, also from the object', async () => {
    const compiled = await json<{ verify: { accepted: boolean; type: string } }>(
      'compile',
      calls,
      '-o',
      scratch.path('c.o'),
      '--binding',
      rule,
      '--calibrate',
      trace,
    );
    expect(compiled.value.verify).toMatchObject({ accepted: true, type: 'tracepoint' });
    const beside = await json<Replayed>(
      'replay',
      calls,
      trace,
      '--binding',
      rule,
      '--calibrate',
      trace,
      '--compare',
      'ort',
      '--min-agreement',
      '0.97',
    );
    expect(beside.status).toBe(0);
    expect(beside.value.events).toBe(300);
    expect(Object.values(beside.value.verdicts).reduce((a, b) => a + b)).toBe(150);
    const object = await json<Replayed>('replay', scratch.path('c.o'), trace, '--engine', 'interp');
    expect(object.value.verdicts).toEqual(beside.value.verdicts);
    const same = ['--binding', rule, '--calibrate', trace, '--compare', 'ort', '--against', scratch.path('c.o')];
    const both = await json<Replayed & { against: { verdicts: object; comparison: object } }>('replay', calls, trace, ...same);
    expect(both.value.agreement).toBe(beside.value.agreement);
    expect(both.value.against.verdicts).toEqual(beside.value.verdicts);
    // Calls at which the model does not run are no events.
    expect(both.value.against.comparison).toMatchObject({ events: 150, same: 150, differs: 0 });
  }, 120_000);

  it('a capture is no trace of calls, and the kernel runs none for a test', async () => {
    const capture2 = await call('replay', calls, capture, '--binding', rule);
    expect(capture2.status).toBe(2);
    expect(capture2.err).toMatch(/c\.pcap: this is no trace of system calls/);
  });
});
