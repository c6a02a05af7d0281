import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NpyArray, readNpy, writeNpy } from '../traces/npy.ts';
import { call, inRepo, json, scratchFolder } from './testing/call.ts';
import { oneOp, twoInputs } from './testing/models.ts';

const FIXTURE = inRepo('samples/zoo/fixtures/encoder-post-relu-cls');
const MODEL = `${FIXTURE}/model.onnx`;
const SAMPLE = inRepo('public/samples/payload');

const scratch = scratchFolder();
afterAll(scratch.remove);

const rows = (array: NpyArray, from: number, to: number): NpyArray => {
  const width = array.data.length / array.shape[0]!;
  return { ...array, shape: [to - from, ...array.shape.slice(1)], data: array.data.slice(from * width, to * width) };
};
const inputs = readNpy(new Uint8Array(readFileSync(`${FIXTURE}/inputs.npy`)));
const some = scratch.write('some.npy', writeNpy(rows(inputs, 0, 6)));
const calibration = scratch.write('calibration.npy', writeNpy(rows(inputs, 64, 96)));
const compared = scratch.write('compared.npy', writeNpy(rows(inputs, 0, 64)));
const object = scratch.path('encoder.o');

interface Verified {
  file: string;
  name: string;
  section: string;
  type: string;
  accepted: boolean;
  message: null;
  insn: null;
  processed: number;
  totalStates: number;
  stackDepth: string;
}
interface Compiled {
  insns: number;
  maps: { name: string; type: number; keySize: number; valueSize: number; entries: number }[];
  verify: Verified;
  accuracy: { argmaxAgreement: number; maxAbsError: number } | null;
  nodes: { name: string; op: string; insns: number; processed: number }[];
}
interface Ran {
  outputs: { name: string; shape: number[]; data: number[] }[];
  returnValue: number;
  nsPerRun: number;
}

interface Figures {
  events: number;
  verdicts: Record<string, number>;
  agreement: number | null;
  maxAbsError: number;
  classes: unknown;
  nearTies: unknown;
  detection: unknown;
}
interface Pairs {
  both: number;
  onlyA: number;
  onlyB: number;
  neither: number;
  p: number;
}
interface Both extends Figures {
  against: Figures & {
    settings: { quant: string };
    comparison: {
      events: number;
      same: number;
      differs: number;
      differing: { event: number; a: { verdict: string }; b: { verdict: string } }[];
      pairs: { reference: Pairs; labels: Pairs };
      times: object;
    };
  };
}

describe('a compiled encoder', () => {
  let compiled: Compiled;
  beforeAll(async () => {
    const { status, value } = await json<Compiled>('compile', MODEL, '-o', object, '--calibrate', calibration);
    expect(status).toBe(0);
    compiled = value;
  }, 60_000);

  it('reports instructions, maps, verdict, accuracy and nodes', () => {
    expect(compiled.insns).toBeGreaterThan(1000);
    expect(compiled.maps.map(({ name }) => name)).toEqual(['.data.weights', 'scratch', 'input', 'output']);
    for (const map of compiled.maps) expect(map).toMatchObject({ keySize: 4, entries: expect.any(Number), valueSize: expect.any(Number) });
    expect(compiled.verify).toMatchObject({ accepted: true, message: null, insn: null, section: 'xdp', type: 'xdp', name: 'model' });
    expect(compiled.verify.processed).toBeLessThan(200_000);
    expect(compiled.accuracy!.argmaxAgreement).toBeGreaterThanOrEqual(0.995);
    expect(compiled.accuracy!.maxAbsError).toBeLessThan(0.2);
    const attention = compiled.nodes.filter(({ op }) => op === 'Softmax');
    expect(attention.length).toBeGreaterThan(0);
    for (const node of attention) expect([node.insns > 0, node.processed > 0]).toEqual([true, true]);
  });

  it('is verified from its file as compile said', async () => {
    const { status, value } = await json<{ programs: Verified[] }>('verify', object);
    expect(status).toBe(0);
    expect(value.programs).toEqual([compiled.verify]);
  });

  it('runs from the object alone, outputs stacked as the inputs are', async () => {
    const { value } = await json<Ran>('run', object, '--input', some);
    expect(value.outputs).toEqual([{ name: 'logits', shape: [6, 2], data: expect.any(Array) }]);
    expect(value.outputs[0]!.data).toHaveLength(12);
    expect(value).toMatchObject({ returnValue: 2, nsPerRun: expect.any(Number) });
    const named = await json<Ran>('run', object, '--input', `tokens=${some}`, '--engine', 'interp');
    expect(named.value.outputs).toEqual(value.outputs);
    const third = await json<Ran>('run', object, '--input', scratch.write('third.npy', writeNpy(rows(inputs, 2, 3))));
    expect(third.value.outputs).toEqual([{ name: 'logits', shape: [1, 2], data: value.outputs[0]!.data.slice(4, 6) }]);
  });

  it('replays beside ONNX Runtime', async () => {
    const options = ['--calibrate', calibration, '--compare', 'ort'];
    const { status, value } = await json<Record<string, unknown>>('replay', MODEL, compared, ...options);
    expect(status).toBe(0);
    expect(value).toMatchObject({ events: 64, verdicts: { 'class 0': expect.any(Number), 'class 1': expect.any(Number) } });
    expect(value.agreement).toBeGreaterThanOrEqual(0.995);
    expect(value.eventsPerSecond).toBeGreaterThan(0);
  });

  it('judges by labels and writes a report that a later run is compared with', async () => {
    const labels = scratch.write('labels.txt', new TextEncoder().encode('1\n0\n1\n0\n-1\n1\n'));
    const [first, page] = [scratch.path('run.json'), scratch.path('run.html')];
    const { value } = await json<{ detection: unknown }>('replay', object, some, '--labels', labels, '--report', first);
    expect(value.detection).toMatchObject({ class: 1, threshold: 0, program: { recall: expect.any(Number) }, reference: null });
    const { status } = await call('replay', object, some, '--report', page, '--baseline', first);
    expect(status).toBe(0);
    const html = readFileSync(page, 'utf8');
    expect(html.startsWith('<!doctype html>')).toBe(true);
    expect(html).toContain('<th scope="col">baseline</th>');
    expect(html).toMatch(/bpformer replay .*encoder\.o/);
    expect((await call('replay', object, some, '--labels', first)).err).toMatch(/run.json/);
    expect((await call('replay', object, some, '--report', 'run.txt')).err).toMatch(/run.txt.*an .html or a .json file/);
  });

  it('compares two precisions on one trace, event by event', async () => {
    const labels = scratch.write('classes.txt', new TextEncoder().encode(Array.from({ length: 64 }, (_, at) => at % 2).join('\n')));
    const [page, record] = [scratch.path('both.html'), scratch.path('both.json')];
    const options = ['--calibrate', calibration, '--compare', 'ort', '--labels', labels, '--against-quant', 'w1a8', '--differing', '3'];
    const { status, value } = await json<Both>('replay', MODEL, compared, ...options, '--report', record);
    expect(status).toBe(0);
    const { against, ...first } = value;
    const alone = await json<Omit<Both, 'against'>>('replay', MODEL, compared, ...options.slice(0, 6));
    for (const name of ['events', 'verdicts', 'agreement', 'maxAbsError', 'classes', 'nearTies', 'detection'] as const)
      expect(first[name], name).toEqual(alone.value[name]);
    expect(against.settings.quant).toBe('w1a8');
    const { comparison } = against;
    expect(comparison.events).toBe(64);
    expect(comparison.differs).toBe(64 - comparison.same);
    expect(comparison.differs).toBeGreaterThan(0);
    expect(comparison.differing.length).toBe(Math.min(3, comparison.differs));
    for (const { a, b } of comparison.differing) expect(a.verdict).not.toBe(b.verdict);
    const { reference, labels: judged } = comparison.pairs;
    expect(reference.both + reference.onlyA).toBe(Math.round(first.agreement! * 64));
    expect(reference.both + reference.onlyB).toBe(Math.round(against.agreement! * 64));
    expect(judged.both + judged.onlyA + judged.onlyB + judged.neither).toBe(64);
    expect(comparison.times).toMatchObject({ a: expect.any(Number), b: expect.any(Number), ratio: expect.any(Number) });
    expect(JSON.parse(readFileSync(record, 'utf8'))).toMatchObject({
      format: 'bpformer-comparison',
      version: 1,
      differs: comparison.differs,
    });
    expect((await call('replay', MODEL, compared, ...options, '--report', page)).status).toBe(0);
    expect(readFileSync(page, 'utf8')).toContain('exact McNemar p');
  }, 60_000);

  it('refuses a second program that takes another kind of trace', async () => {
    const filter = scratch.write('pass.s', new TextEncoder().encode('r0 = 2\nexit\n'));
    expect((await call('replay', object, some, '--against', filter)).err).toMatch(
      /some\.npy: an array of tensors, but the program takes packets/,
    );
    expect((await call('replay', object, some, '--differing', '3')).err).toMatch(/--differing .*give --against too/);
    expect((await call('replay', object, some, '--against', object, '--baseline', 'x', '--report', 'x.html')).err).toMatch(/not both/);
  });

  it('says that nothing was compared where only the object is at hand', async () => {
    const { value } = await json<Record<string, unknown>>('replay', object, some);
    expect(value).toMatchObject({ events: 6, agreement: null, maxAbsError: null });
    expect((await call('replay', object, some, '--compare', 'ort')).err).toMatch(/does not hold its model.*Give the .onnx file/);
  });
});

describe('two programs of other people', () => {
  const program = (name: string, text: string): string => scratch.write(name, new TextEncoder().encode(text));
  const capture = `${SAMPLE}/heldout.pcap`;
  const labels = `${SAMPLE}/heldout-labels.json`;

  it('are compared by their verdicts; class 0 is to go on', async () => {
    const [pass, drop] = [program('pass.s', 'r0 = 2\nexit\n'), program('drop.s', 'r0 = 1\nexit\n')];
    const { value } = await json<Both>('replay', pass, capture, '--against', drop, '--labels', labels, '--differing', '0');
    expect(value).toMatchObject({ events: 2000, verdicts: { PASS: 2000 }, agreement: null });
    const { comparison, verdicts } = value.against;
    expect(verdicts).toEqual({ DROP: 2000 });
    expect(comparison).toMatchObject({ same: 0, differs: 2000, differing: [] });
    expect(comparison.pairs.labels).toMatchObject({ both: 0, onlyA: 1000, onlyB: 1000, neither: 0, p: 1 });
    expect((await call('replay', pass, capture, '--labels', labels)).err).toMatch(/gives no score/);
  });

  it('of another type are refused', async () => {
    const filter = program('filter.s', '.type socket_filter\nr0 = 0\nexit\n');
    expect((await call('replay', filter, capture)).err).toMatch(/filter\.s: it has no \.debug_bpformer section and is no XDP program/);
  });
});

describe('two inputs', () => {
  const model = scratch.write('two.onnx', twoInputs());
  const npy = (name: string, width: number, count: number): string => {
    const data = Float32Array.from({ length: width * count }, (_, i) => Math.cos(i * 2.3));
    return scratch.write(name, writeNpy({ dtype: 'f4', shape: [count, width], data }));
  };
  const [a, b, fewer] = [npy('a.npy', 4, 5), npy('b.npy', 6, 5), npy('fewer.npy', 6, 2)];

  it('are given by name, in any order', async () => {
    const { value } = await json<Ran>('run', model, '--input', `b=${b}`, '--input', `a=${a}`);
    expect(value.outputs).toMatchObject([{ name: 'y', shape: [5, 3] }]);
  });

  it.each([
    [['--input', `a=${a}`], /0 arrays are given for input `b`/],
    [['--input', a, '--input', b], /one array cannot fill the 2 inputs `a`, `b`.*NAME=FILE/],
    [['--input', `a=${a}`, '--input', `b=${b}`, '--input', `c=${b}`], /the model has no input `c`/],
    [['--input', `a=${a}`, '--input', `b=${fewer}`], /input `b` has 2 entries, `a` has 5/],
    [['--input', `a=${b}`, '--input', `b=${b}`], /has shape \[5, 6\], the model's input `a` takes \[1, 4\]/],
  ])('are refused when they do not fit (%#)', async (args, message) => {
    const { status, err } = await call('run', model, ...args);
    expect([status, err]).toEqual([2, expect.stringMatching(message)]);
  });

  it('cannot come from one trace', async () => {
    expect((await call('replay', model, a)).err).toMatch(/one array cannot fill the 2 inputs `a`, `b`/);
  });
});

it('tells classes apart that score higher than any calibration input did', async () => {
  const w = { dtype: 'float32' as const, dims: [8, 2], data: Float32Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? 0.9 : 1)) };
  const model = scratch.write('sum.onnx', oneOp('MatMul', { w }));
  const array = (shape: number[], fill: (i: number) => number): Uint8Array =>
    writeNpy({ dtype: 'f4', shape, data: Float32Array.from({ length: shape[0]! * 8 }, (_, i) => fill(i)) });
  const oneHot = scratch.write(
    'one-hot.npy',
    array([8, 8], (i) => (i % 9 === 0 ? 1 : 0)),
  );
  const even = scratch.write(
    'even.npy',
    array([1, 8], () => 0.25),
  );
  const { value } = await json<Ran>('run', model, '--input', even, '--calibrate', oneHot);
  const [low, high] = value.outputs[0]!.data;
  expect(low).toBeCloseTo(1.8, 2);
  expect(high).toBeCloseTo(2, 2);
});

describe('the payload sample', () => {
  const options = ['--dim', 'batch=1', '--binding', `${SAMPLE}/binding.json`];
  const packet = (...payload: number[]): Uint8Array => {
    const frame = new Uint8Array(54 + payload.length);
    frame[12] = 8;
    frame.set([0x45, 0, 0, 40 + payload.length, 0, 0, 0, 0, 64, 6], 14);
    frame[46] = 0x50;
    frame.set(payload, 54);
    return frame;
  };
  it('gives one packet a verdict, from the model and from the object', async () => {
    const ids = scratch.path('ids.o');
    expect((await call('compile', `${SAMPLE}/payload-ids.onnx`, '-o', ids, ...options)).status).toBe(0);
    const http = scratch.write(
      'packet.bin',
      packet(...new TextEncoder().encode('GET /?q=1%27+OR+1%3D1-- HTTP/1.1\r\nHost: example\r\n\r\n')),
    );
    const interp = await json<Ran>('run', ids, '--packet', http, '--engine', 'interp');
    const wasm = await json<Ran>('run', ids, '--packet', http, '--engine', 'wasm');
    expect(interp.value.outputs).toEqual(wasm.value.outputs);
    expect(interp.value.outputs).toMatchObject([{ name: 'logits', shape: [1, 2] }]);
    expect([1, 2]).toContain(interp.value.returnValue);
    const arp = await json<Ran>('run', ids, '--packet', scratch.write('arp.bin', new Uint8Array(60)));
    expect(arp.value).toMatchObject({ outputs: [], returnValue: 2 });
    expect((await call('run', ids, '--input', some)).err).toMatch(/its binding takes packets/);
  });
});
