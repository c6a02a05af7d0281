import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../base/errors.ts';
import { importModel, inspectModel } from './import.ts';
import type { Tensor } from './model.ts';
import type { ModelSpec } from './testing/encode-model.ts';
import { encodeModel } from './testing/encode-model.ts';
import { appendOutputs, WireWriter } from './write.ts';

const floats = (dims: number[], values: number[]): Tensor => ({ dtype: 'float32', dims, data: Float32Array.from(values) });
const ints = (...values: number[]): Tensor => ({ dtype: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) });
const x = { name: 'x', dtype: 'float32' as const, dims: [2, 3] };
const y = { name: 'y' };

const load = (spec: Omit<ModelSpec, 'opset'> & { opset?: number }, dims?: Record<string, number>) =>
  importModel(encodeModel({ opset: 17, ...spec }), { fileName: 'm.onnx', dims });
const message = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).message;
  }
  throw new Error('nothing was refused');
};

const fixture = (name: string) => readFileSync(new URL(`../../samples/zoo/fixtures/${name}/model.onnx`, import.meta.url));
const manifest: { name: string; params: number }[] = JSON.parse(
  readFileSync(new URL('../../samples/zoo/fixtures/manifest.json', import.meta.url), 'utf8'),
);
const payload = readFileSync(new URL('../../public/samples/payload/payload-ids.onnx', import.meta.url));

describe('graphs', () => {
  test('shape arithmetic on known shapes folds away and indices stay those of the file', () => {
    const model = load({
      nodes: [
        { op: 'Shape', inputs: ['x'], outputs: ['shape'] },
        { op: 'Gather', inputs: ['shape', 'one'], outputs: ['columns'] },
        { op: 'Concat', inputs: ['columns', 'minus'], outputs: ['target'], attrs: { axis: { int: 0 } } },
        { op: 'Reshape', inputs: ['x', 'target'], outputs: ['y'], name: 'swap' },
      ],
      inputs: [x],
      outputs: [y],
      initializers: { one: ints(1), minus: ints(-1) },
    });
    expect(model.nodes.map(({ index, name }) => [index, name])).toEqual([[3, 'swap']]);
    expect(model.outputs).toEqual([{ name: 'y', dtype: 'float32', dims: [3, 2] }]);
    expect([...model.folded]).toEqual([
      [0, 'shape'],
      [1, 'constant'],
      [2, 'constant'],
    ]);
    expect(model.allNodes).toHaveLength(4);
    expect(model.initializers.get('target')!.data).toEqual(BigInt64Array.of(3n, -1n));
  });

  test('Identity, Dropout, empty casts and dead nodes go, and outputs keep their names', () => {
    const model = load({
      nodes: [
        { op: 'Identity', inputs: ['x'], outputs: ['a'] },
        { op: 'Relu', inputs: ['a'], outputs: ['b'] },
        { op: 'Exp', inputs: ['a'], outputs: ['unused'] },
        { op: 'Dropout', inputs: ['b'], outputs: ['c'] },
        { op: 'Cast', inputs: ['c'], outputs: ['y'], attrs: { to: { int: 1 } } },
      ],
      inputs: [x],
      outputs: [y],
    });
    expect(model.nodes.map(({ op, inputs, outputs }) => ({ op, inputs, outputs }))).toEqual([
      { op: 'Relu', inputs: ['x'], outputs: ['y'] },
    ]);
    expect(Object.fromEntries(model.folded)).toEqual({ 0: 'identity', 2: 'dead', 3: 'identity', 4: 'identity' });
  });

  test('an output that equals an input or another output keeps an Identity', () => {
    const nodes = [
      { op: 'Relu', inputs: ['x'], outputs: ['z'] },
      { op: 'Identity', inputs: ['x'], outputs: ['y'] },
      { op: 'Identity', inputs: ['z'], outputs: ['w'] },
    ];
    const model = load({ nodes, inputs: [x], outputs: [y, { name: 'z' }, { name: 'w' }] });
    expect(model.nodes.map(({ op, inputs, outputs }) => `${op} ${inputs.join()} ${outputs.join()}`)).toEqual([
      'Relu x z',
      'Identity x y',
      'Identity z w',
    ]);
  });

  test('If with a known condition becomes the branch it takes', () => {
    const branch = (op: string) => ({
      nodes: [{ op, inputs: ['x'], outputs: [`${op}_out`], name: 'inner' }],
      outputs: [{ name: `${op}_out` }],
    });
    const nodes = [
      {
        op: 'If',
        inputs: ['c'],
        outputs: ['y'],
        name: 'choose',
        attrs: { then_branch: { graph: branch('Exp') }, else_branch: { graph: branch('Tanh') } },
      },
    ];
    const initializers = { c: { dtype: 'bool' as const, dims: [], data: Uint8Array.of(0) } };
    const model = load({ nodes, inputs: [x], outputs: [y], initializers });
    expect(model.nodes.map(({ op, name, outputs }) => ({ op, name, outputs }))).toEqual([
      { op: 'Tanh', name: 'choose/inner', outputs: ['y'] },
    ]);
  });

  test('a model-local function is unfolded with its attributes', () => {
    const node = (w: WireWriter, op: string, from: string, to: string) => w.string(1, from).string(2, to).string(4, op);
    const bytes = new WireWriter()
      .int(1, 8)
      .message(8, (w) => w.int(2, 17))
      .message(7, (g) => {
        g.message(1, (n) =>
          node(n, 'Leaky', 'x', 'y')
            .message(5, (a) => a.string(1, 'slope').float(2, 0.5).int(20, 1))
            .string(7, 'mine'),
        );
        g.message(11, (v) =>
          v.string(1, 'x').message(2, (t) => t.message(1, (s) => s.int(1, 1).message(2, (d) => d.message(1, (i) => i.int(1, 4))))),
        );
        g.message(12, (v) => v.string(1, 'y'));
      })
      .message(25, (f) => {
        f.string(1, 'Leaky').string(4, 'in').string(5, 'out').string(6, 'slope').string(10, 'mine');
        f.message(7, (n) => node(n, 'Exp', 'in', 'mid'));
        f.message(7, (n) => node(n, 'LeakyRelu', 'mid', 'out').message(5, (a) => a.string(1, 'alpha').int(20, 1).string(21, 'slope')));
      })
      .finish();
    const model = importModel(bytes, { fileName: 'f.onnx' });
    expect(model.nodes.map(({ op, inputs, outputs }) => `${op} ${inputs.join()} ${outputs.join()}`)).toEqual([
      'Exp x Leaky_0/mid',
      'LeakyRelu Leaky_0/mid y',
    ]);
    expect(model.nodes[1].attrs.get('alpha')).toBe(0.5);
  });

  test('initialisers are views of the file where their alignment allows', () => {
    const bytes = encodeModel({
      opset: 17,
      nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
      inputs: [x],
      outputs: [y],
      initializers: { w: floats([3], [1, 2, 3]) },
    });
    const at = bytes.length;
    for (const shift of [0, 1, 2, 3]) {
      const buffer = new Uint8Array(at + 8);
      buffer.set(bytes, shift);
      const w = importModel(buffer.subarray(shift, shift + at), { fileName: 'm' }).initializers.get('w')!;
      expect(w.data).toEqual(Float32Array.of(1, 2, 3));
      expect(w.data).toBe(w.data);
    }
    const shared = [0, 1, 2, 3].filter((shift) => {
      const buffer = new Uint8Array(at + 8);
      buffer.set(bytes, shift);
      return importModel(buffer.subarray(shift, shift + at), { fileName: 'm' }).initializers.get('w')!.data.buffer === buffer.buffer;
    });
    expect(shared).toHaveLength(1);
  });

  test('external data is read through the caller', () => {
    const data = new Uint8Array(Float32Array.of(9, 1, 2, 3).buffer);
    const entry = (w: WireWriter, key: string, value: string) => w.message(13, (e) => e.string(1, key).string(2, value));
    const bytes = new WireWriter()
      .message(8, (w) => w.int(2, 17))
      .message(7, (g) => {
        g.message(1, (n) => n.string(1, 'w').string(2, 'y').string(4, 'Identity'));
        g.message(5, (t) => entry(entry(t.int(1, 3).int(2, 1).string(8, 'w'), 'location', 'w.bin'), 'offset', '4').int(14, 1));
        g.message(12, (v) => v.string(1, 'y'));
      })
      .finish();
    const model = importModel(bytes, { fileName: 'e.onnx', externalData: (location) => (location === 'w.bin' ? data : null) });
    expect(model.initializers.get('y')!.data).toEqual(Float32Array.of(1, 2, 3));
    expect(message(() => importModel(bytes, { fileName: 'e.onnx' }))).toBe(
      'e.onnx: initialiser `w`: its data lies in the file `w.bin`, which is missing. Put `w.bin` beside the model',
    );
  });

  test('appended outputs are merged into the graph', () => {
    const bytes = encodeModel({
      opset: 17,
      nodes: [
        { op: 'Exp', inputs: ['x'], outputs: ['a'] },
        { op: 'Tanh', inputs: ['a'], outputs: ['y'] },
      ],
      inputs: [x],
      outputs: [y],
    });
    expect(importModel(appendOutputs(bytes, ['a']), { fileName: 'm' }).outputs.map(({ name }) => name)).toEqual(['y', 'a']);
  });
});

describe('real exports', () => {
  test('payload sample', () => {
    const info = inspectModel(payload, 'payload-ids.onnx');
    expect(info.suggested).toEqual({ batch: 1 });
    const model = importModel(payload, { fileName: 'payload-ids.onnx', dims: { batch: 1 } });
    expect(model.inputs.map(({ name, dtype }) => [name, dtype])).toEqual([['tokens', 'int64']]);
    expect(model.outputs.map(({ name, dims }) => [name, dims])).toEqual([['logits', [1, 2]]]);
    expect(model.nodes.every(({ op }) => !['Constant', 'Identity', 'Shape'].includes(op))).toBe(true);
  });
  test.each([
    ['bert-small', { batch: 1, sequence: 16 }],
    ['encoder-post-relu-cls', undefined],
    ['gpt-small', { batch: 1 }],
    ['vit-window-small', undefined],
  ] as const)('%s', (name, dims) => {
    const model = importModel(fixture(name), { fileName: name, dims });
    expect(model.nodes.length).toBeGreaterThan(30);
    for (const node of model.nodes)
      for (const value of [...node.inputs, ...node.outputs]) if (value) expect(model.values.has(value)).toBe(true);
    expect(new Set(model.nodes.map(({ index }) => index)).size).toBe(model.nodes.length);
    // A causal mask of S × S is stored as a float initialiser too, though no parameter.
    const buffers = name === 'gpt-small' ? 16 * 16 : 0;
    expect(model.parameterCount - buffers).toBe(manifest.find((entry) => entry.name === name)!.params);
  });
  test('dimensions are suggested by name and by place', () => {
    const bytes = encodeModel({
      opset: 17,
      nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }],
      inputs: [{ ...x, dims: ['N', 'seq_len', null, 4] }],
      outputs: [y],
    });
    expect(inspectModel(bytes, 'm')).toMatchObject({
      symbolicDims: ['N', 'seq_len', 'x_dim2'],
      suggested: { N: 1, seq_len: 32, x_dim2: 32 },
      nodeCount: 1,
      opset: 17,
    });
  });
});

describe('refusals say what, where and what to do', () => {
  const one = (op: string, inputs = ['x'], extra: Partial<ModelSpec> = {}) =>
    load({ nodes: [{ op, inputs, outputs: ['y'], name: 'here' }], inputs: [x], outputs: [y], ...extra });
  test.each<[string, () => unknown, string | RegExp]>([
    ['empty file', () => importModel(new Uint8Array(0), { fileName: 'a' }), 'a: the file is empty, not an ONNX model'],
    [
      'text',
      () => importModel(new TextEncoder().encode('hello world'), { fileName: 'a' }),
      /first bytes look like text\. Give a model exported as \.onnx/,
    ],
    [
      'zip',
      () => importModel(Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0), { fileName: 'a.pt' }),
      /^a\.pt: not an ONNX file: its first bytes look like a zip archive/,
    ],
    [
      'truncated',
      () => importModel(payload.subarray(0, 5000), { fileName: 'p.onnx' }),
      /^p\.onnx: truncated ONNX file: it ends at byte 5000, but the field at byte \d+ has \d+ bytes/,
    ],
    ['no graph', () => importModel(new WireWriter().int(1, 8).finish(), { fileName: 'a' }), /not an ONNX model: it holds no graph/],
    [
      'old opset',
      () => one('Relu', ['x'], { opset: 6 }),
      'm.onnx: operator set 6 is not supported. Export the model with an opset_version from 7 to 23',
    ],
    [
      'unknown op',
      () => one('Frobnicate'),
      'm.onnx: node `here` (Frobnicate): operator `Frobnicate` is not supported. Express it with other operators before exporting',
    ],
    [
      'foreign domain',
      () => load({ nodes: [{ op: 'Foo', inputs: ['x'], outputs: ['y'], domain: 'acme' }], inputs: [x], outputs: [y] }),
      /node `Foo_0` \(Foo\): operator `Foo` of domain `acme` is not supported/,
    ],
    ['NonZero', () => one('NonZero'), /node `here` \(NonZero\): the shape of its output depends on the data.* Replace it by a mask/],
    [
      'shape from data',
      () =>
        load({
          nodes: [{ op: 'Reshape', inputs: ['x', 's'], outputs: ['y'], name: 'here' }],
          inputs: [x, { name: 's', dtype: 'int64', dims: [1] }],
          outputs: [y],
        }),
      /node `here` \(Reshape\): its target shape depends on the data \(input `s` is not constant\)/,
    ],
    [
      'If on data',
      () =>
        load({
          nodes: [{ op: 'If', inputs: ['c'], outputs: ['y'], name: 'here' }],
          inputs: [x, { name: 'c', dtype: 'bool', dims: [] }],
          outputs: [y],
        }),
      /node `here` \(If\): its condition depends on the data/,
    ],
    [
      'missing dims',
      () => load({ nodes: [], inputs: [{ ...x, dims: ['batch', 'sequence'] }], outputs: [{ name: 'x' }] }),
      'm.onnx: the size of dimension `batch`, `sequence` is not fixed. Pass --dim batch=1 --dim sequence=32',
    ],
    [
      'unknown dim',
      () => load({ nodes: [], inputs: [{ ...x, dims: ['batch', 3] }], outputs: [{ name: 'x' }] }, { batch: 1, foo: 2 }),
      'm.onnx: the model has no dimension `foo`: it has `batch`',
    ],
    [
      'bad dim',
      () => load({ nodes: [], inputs: [{ ...x, dims: ['batch', 3] }], outputs: [{ name: 'x' }] }, { batch: 0 }),
      'm.onnx: dimension `batch` cannot be 0. Give a whole number from 1 on',
    ],
    [
      'no shape',
      () => load({ nodes: [], inputs: [{ name: 'x', dtype: 'float32' }], outputs: [{ name: 'x' }] }),
      /input `x`: the file gives no shape for it/,
    ],
    ['undefined value', () => one('Relu', ['nothing']), 'm.onnx: node `here` (Relu): it reads `nothing`, which nothing before it produces'],
    ['undefined value that nobody reads', () => one('Relu', ['x', 'nothing']), /it reads `nothing`, which nothing before it produces/],
    ['misfit', () => one('MatMul', ['x', 'x']), 'm.onnx: node `here` (MatMul): it cannot multiply [2, 3] by [2, 3]: 3 and 2 differ'],
    ['output of nothing', () => load({ nodes: [], inputs: [x], outputs: [y] }), 'm.onnx: output `y` is produced by no node'],
    [
      'short data',
      () => one('Add', ['x', 'w'], { initializers: { w: floats([4], [1, 2]) } }),
      'm.onnx: initialiser `w`: it has 8 bytes of data, but its shape [4] needs 16',
    ],
    [
      'too large for its table',
      () => importModel(fixture('bert-small'), { fileName: 'b', dims: { batch: 1, sequence: 32 } }),
      /do not fit together\. The model was given batch=1, sequence=32; it may need other sizes/,
    ],
  ])('%s', (_, work, expected) => {
    const text = message(work);
    if (typeof expected === 'string') expect(text).toBe(expected);
    else expect(text).toMatch(expected);
  });
});

describe('hostile files end in InputError or a model', () => {
  const attempt = (bytes: Uint8Array, dims: Record<string, number>) => {
    try {
      importModel(bytes, { fileName: 'h', dims });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
  };
  test('every truncation of a small file, and many of a real one', () => {
    const small = encodeModel({
      opset: 17,
      nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
      inputs: [x],
      outputs: [y],
      initializers: { w: floats([3], [1, 2, 3]) },
    });
    for (let n = 0; n < small.length; n++) attempt(small.subarray(0, n), {});
    for (let n = 0; n < payload.length; n += 997) attempt(payload.subarray(0, n), { batch: 1 });
  });
  test('random bytes changed in real exports', () => {
    const files: [Uint8Array, Record<string, number>][] = [
      [fixture('bert-small'), { batch: 1, sequence: 16 }],
      [fixture('gpt-small'), { batch: 1 }],
    ];
    const mutation = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      byte: fc.integer({ min: 0, max: 255 }),
    });
    fc.assert(
      fc.property(fc.constantFrom(0, 1), fc.array(mutation, { minLength: 1, maxLength: 8 }), (which, mutations) => {
        const [bytes, dims] = files[which];
        const copy = Uint8Array.from(bytes);
        // Most of a file is weights; its structure is at the start.
        for (const { at, byte } of mutations) copy[Math.floor(at * at * at * copy.length)] = byte;
        attempt(copy, dims);
      }),
      { seed: 1, numRuns: 600 },
    );
  });
  test('operators with nonsense inputs', () => {
    const ops = [
      'Gather',
      'Reshape',
      'Transpose',
      'Slice',
      'Split',
      'Concat',
      'Squeeze',
      'Unsqueeze',
      'Expand',
      'Tile',
      'Pad',
      'Where',
      'Cast',
    ].concat(
      [
        'Range',
        'ConstantOfShape',
        'MatMul',
        'Gemm',
        'Softmax',
        'LayerNormalization',
        'ReduceSum',
        'ArgMax',
        'CumSum',
        'TopK',
        'Conv',
        'MaxPool',
      ],
      [
        'Einsum',
        'OneHot',
        'GatherND',
        'GatherElements',
        'ScatterND',
        'Clip',
        'Trilu',
        'EyeLike',
        'Constant',
        'If',
        'Dropout',
        'Pow',
        'Equal',
        'Mod',
      ],
    );
    const small = fc.integer({ min: -3, max: 70000 });
    const tensor = fc.oneof(
      fc.array(small, { maxLength: 4 }).map((values) => ints(...values)),
      fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }).map((dims) =>
        floats(
          dims,
          Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => 1),
        ),
      ),
      fc.constant<Tensor>({ dtype: 'bool', dims: [], data: Uint8Array.of(1) }),
    );
    const attrs = fc.dictionary(
      fc.constantFrom(
        'axis',
        'axes',
        'perm',
        'to',
        'value',
        'split',
        'pads',
        'kernel_shape',
        'equation',
        'starts',
        'ends',
        'k',
        'keepdims',
        'shape',
        'num_outputs',
      ),
      fc.oneof(
        small.map((int) => ({ int })),
        fc.array(small, { maxLength: 4 }).map((list) => ({ ints: list })),
        fc.constant({ string: 'ij,jk->ik' }),
        tensor.map((t) => ({ tensor: t })),
      ),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...ops),
        fc.array(tensor, { maxLength: 4 }),
        attrs,
        fc.constantFrom(7, 11, 17, 21),
        (op, tensors, given, opset) => {
          const names = tensors.map((_, i) => `c${i}`);
          const initializers = Object.fromEntries(tensors.map((t, i) => [`c${i}`, t]));
          attempt(encodeModel({ opset, nodes: [{ op, inputs: names, outputs: ['y'], attrs: given }], outputs: [y], initializers }), {});
        },
      ),
      { seed: 1, numRuns: 3000 },
    );
  });
});
