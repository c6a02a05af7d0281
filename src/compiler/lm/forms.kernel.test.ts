import { describe, expect, it } from 'vitest';
import { KernelText } from '../../companion/kernel-text.ts';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import { importModel } from '../../onnx/import.ts';
import type { Tensor } from '../../onnx/model.ts';
import { type AttrSpec, encodeModel, type NodeSpec, type ValueSpec } from '../../onnx/testing/encode-model.ts';
import { createReference } from '../../reference/reference.ts';
import { decodeResult, encodeRequest, scoresOf, type TextMachine, VmText } from '../../replay/generate.ts';
import { familiesFor } from '../families.ts';
import { buildDecoder } from './build.ts';
import { FloatDecoder } from './float.ts';
import { readDecoder } from './program.ts';

const kernel = await kernelForTests();
kernel?.close();

/** Positions, width, query heads and their size, vocabulary. Positions are no multiple of the block in which keys are read. */
const [S, D, H, SIZE, V] = [37, 16, 4, 4, 24];

interface Form {
  readonly name: string;
  /** Heads of keys and values. */
  readonly kv: number;
  /** How they are shared: repeated, or by a product with groups of queries. */
  readonly share?: 'expand' | 'groups';
  readonly rotary?: 'halves' | 'pairs' | 'operator' | 'part';
  /** Added to scores by head and distance. */
  readonly bias?: (head: number, distance: number) => number;
  /** Keys and values of earlier positions are inputs. */
  readonly past?: boolean;
}

const FORMS: readonly Form[] = [
  { name: 'a head of keys for each of queries', kv: 4 },
  { name: 'two heads of keys, expanded', kv: 2, share: 'expand' },
  { name: 'two heads of keys, queries in groups', kv: 2, share: 'groups' },
  { name: 'one head of keys', kv: 1, share: 'expand' },
  { name: 'rotary positions by halves', kv: 4, rotary: 'halves' },
  { name: 'rotary positions by pairs', kv: 2, share: 'expand', rotary: 'pairs' },
  { name: 'rotary positions as an operator', kv: 2, share: 'expand', rotary: 'operator' },
  { name: 'rotary positions of a part of each head', kv: 4, rotary: 'part' },
  { name: 'a slope by distance', kv: 2, share: 'expand', bias: (head, distance) => -distance * 2 ** -(head + 1) },
  { name: 'a window', kv: 4, bias: (_, distance) => (distance >= 7 ? Number.NEGATIVE_INFINITY : 0) },
  { name: 'past keys and values as inputs', kv: 2, share: 'expand', rotary: 'halves', past: true },
];

const random = (seed: number): ((i: number) => number) => {
  let state = seed * 2654435761;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
};
const f = (dims: readonly number[], fill: (i: number) => number): Tensor => ({
  dtype: 'float32',
  dims,
  data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => fill(i)),
});
const ints = (...values: number[]): Tensor => ({ dtype: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) });

/** One layer of attention with a residual, and scores over the vocabulary for every place. */
function fileOf({ kv, share, rotary, bias, past }: Form): Uint8Array {
  const nodes: NodeSpec[] = [];
  const initializers: Record<string, Tensor> = {};
  const add = (op: string, inputs: string, output: string, attrs: Readonly<Record<string, AttrSpec>> = {}): string => {
    nodes.push({ op, inputs: inputs.split(' '), outputs: [output], attrs, name: output });
    return output;
  };
  const constant = (name: string, value: Tensor): string => {
    initializers[name] = value;
    return name;
  };
  const shape = (...dims: number[]): string => constant(`shape_${dims.join('_')}`, ints(...dims));
  const weights = (name: string, rows: number, columns: number, seed: number, scale = 0.5): string => {
    const next = random(seed);
    return constant(
      name,
      f([rows, columns], (i) => next(i) * scale),
    );
  };
  add('Gather', `${weights('table', V, D, 1, 1)} ids`, 'x');
  const headed = (name: string, heads: number, seed: number): string => {
    add('MatMul', `x ${weights(`w_${name}`, D, heads * SIZE, seed, 0.9)}`, `${name}_flat`);
    add('Reshape', `${name}_flat ${shape(1, S, heads, SIZE)}`, `${name}_heads`);
    return add('Transpose', `${name}_heads`, `${name}`, { perm: { ints: [0, 2, 1, 3] } });
  };
  const angle = (i: number, half: number): number => Math.floor(i / half) * 50 ** (-(i % half) / half);
  const sliced = (from: string, start: number, end: number, step: number, to: string): string =>
    add(
      'Slice',
      `${from} ${constant(`s${start}`, ints(start))} ${constant(`e${end}`, ints(end))} ${constant('axis3', ints(3))} ${constant(`t${step}`, ints(step))}`,
      to,
    );
  const turned = (from: string, heads: number): string => {
    if (!rotary) return from;
    const width = rotary === 'part' ? SIZE / 2 : SIZE;
    const half = width / 2;
    if (rotary === 'operator') {
      const [c, s] = [Math.cos, Math.sin].map((fn, n) =>
        constant(
          `half${n}`,
          f([1, S, half], (i) => fn(angle(i, half))),
        ),
      );
      return add('RotaryEmbedding', `${from} ${c} ${s}`, `${from}_turned`);
    }
    // Halves: element i turns with i + half; pairs: 2i with 2i + 1.
    const at = (i: number): number => (rotary === 'pairs' ? Math.floor((i % width) / 2) : i % half);
    const [c, s] = [Math.cos, Math.sin].map((fn, n) =>
      constant(
        `whole${n}`,
        f([1, 1, S, width], (i) => fn(angle(Math.floor(i / width) * half + at(i), half))),
      ),
    );
    const part = rotary === 'part' ? sliced(from, 0, width, 1, `${from}_part`) : from;
    const [first, second] =
      rotary === 'pairs'
        ? [sliced(part, 0, SIZE, 2, `${from}_even`), sliced(part, 1, SIZE, 2, `${from}_odd`)]
        : [sliced(part, 0, half, 1, `${from}_first`), sliced(part, half, width, 1, `${from}_second`)];
    add('Neg', second!, `${from}_minus`);
    let other: string;
    if (rotary === 'pairs') {
      const column = constant('axis4', ints(4));
      add('Unsqueeze', `${from}_minus ${column}`, `${from}_a`);
      add('Unsqueeze', `${first} ${column}`, `${from}_b`);
      add('Concat', `${from}_a ${from}_b`, `${from}_pairs`, { axis: { int: 4 } });
      other = add('Reshape', `${from}_pairs ${shape(1, heads, S, SIZE)}`, `${from}_other`);
    } else other = add('Concat', `${from}_minus ${first}`, `${from}_other`, { axis: { int: 3 } });
    add('Mul', `${part} ${c}`, `${from}_cos`);
    add('Mul', `${other} ${s}`, `${from}_sin`);
    add('Add', `${from}_cos ${from}_sin`, `${from}_turned`);
    if (rotary !== 'part') return `${from}_turned`;
    return add('Concat', `${from}_turned ${sliced(from, width, SIZE, 1, `${from}_kept`)}`, `${from}_whole`, { axis: { int: 3 } });
  };
  let q = turned(headed('q', H, 2), H);
  let k = turned(headed('k', kv, 3), kv);
  let v = headed('v', kv, 4);
  const inputs: ValueSpec[] = [{ name: 'ids', dtype: 'int64', dims: [1, S] }];
  if (past) {
    for (const part of ['key', 'value']) inputs.push({ name: `past_key_values.0.${part}`, dtype: 'float32', dims: [1, kv, 'past', SIZE] });
    k = add('Concat', `past_key_values.0.key ${k}`, 'present.key', { axis: { int: 2 } });
    v = add('Concat', `past_key_values.0.value ${v}`, 'present.value', { axis: { int: 2 } });
  }
  if (share === 'expand')
    [k, v] = [k, v].map((name, i) => {
      add('Unsqueeze', `${name} ${constant('axis2', ints(2))}`, `shared_${i}`);
      add('Expand', `shared_${i} ${shape(1, kv, H / kv, S, SIZE)}`, `expanded_${i}`);
      return add('Reshape', `expanded_${i} ${shape(1, H, S, SIZE)}`, `repeated_${i}`);
    }) as [string, string];
  const rank = share === 'groups' ? 5 : 4;
  if (share === 'groups') {
    q = add('Reshape', `${q} ${shape(1, kv, H / kv, S, SIZE)}`, 'q_groups');
    [k, v] = [k, v].map((name, i) => add('Unsqueeze', `${name} ${constant('axis2', ints(2))}`, `shared_${i}`)) as [string, string];
  }
  const perm = rank === 5 ? [0, 1, 2, 4, 3] : [0, 1, 3, 2];
  add('Transpose', k, 'k_columns', { perm: { ints: perm } });
  add('MatMul', `${q} k_columns`, 'products');
  add(
    'Mul',
    `products ${constant(
      'scale',
      f([], () => SIZE ** -0.5),
    )}`,
    'scaled',
  );
  const mask = constant(
    'mask',
    f(bias ? [1, H, S, S] : [S, S], (i) => {
      const distance = (Math.floor(i / S) % S) - (i % S);
      return distance < 0 ? Number.NEGATIVE_INFINITY : (bias?.(Math.floor(i / (S * S)), distance) ?? 0);
    }),
  );
  add('Add', `scaled ${mask}`, 'scores');
  add('Softmax', 'scores', 'probabilities', { axis: { int: -1 } });
  let mixed = add('MatMul', `probabilities ${v}`, 'mixed');
  if (rank === 5) mixed = add('Reshape', `mixed ${shape(1, H, S, SIZE)}`, 'mixed_heads');
  add('Transpose', mixed, 'mixed_turned', { perm: { ints: [0, 2, 1, 3] } });
  add('Reshape', `mixed_turned ${shape(1, S, D)}`, 'mixed_flat');
  add('MatMul', `mixed_flat ${weights('w_out', D, D, 5, 0.9)}`, 'attended');
  add('Add', 'x attended', 'sum');
  add('MatMul', `sum ${weights('w_head', D, V, 6, 1)}`, 'logits');
  const outputs: ValueSpec[] = [{ name: 'logits', dtype: 'float32', dims: [1, S, V] }];
  return encodeModel({ opset: rotary === 'operator' ? 23 : 17, inputs, outputs, nodes, initializers });
}

describe.skipIf(!kernel)('one position at a time', () => {
  it.each(FORMS)('with $name, scores are those of the whole sequence', async ({ name, ...form }) => {
    const bytes = fileOf({ name, ...form });
    const empty = (part: string): [string, Tensor] => [
      `past_key_values.0.${part}`,
      { dtype: 'float32', dims: [1, form.kv, 0, SIZE], data: new Float32Array(0) },
    ];
    const constants = form.past ? Object.fromEntries(['key', 'value'].map(empty)) : {};
    const model = importModel(bytes, { fileName: 'form.onnx', constants });
    const next = random(11);
    const texts = Array.from({ length: 2 }, () => Array.from({ length: S }, (_, i) => Math.floor(((next(i) + 1) / 2) * V)));
    const reference = await createReference(bytes);
    const wanted: Float32Array[] = [];
    for (const text of texts) {
      const ids: Tensor = { dtype: 'int64', dims: [1, S], data: BigInt64Array.from(text, BigInt) };
      wanted.push((await reference.run({ ids, ...constants })).logits!.data as Float32Array);
    }
    await reference.release();

    const float = new FloatDecoder(readDecoder(model, await familiesFor(model)));
    expect(float.decoder.items.filter(({ kind }) => kind === 'attend')).toHaveLength(1);
    for (const [t, text] of texts.entries()) {
      float.reset();
      for (const [at, token] of text.entries())
        for (const [i, score] of float.step(token).entries()) expect(Math.abs(score - wanted[t]![at * V + i]!)).toBeLessThan(1e-4);
    }

    const { program, meta } = await buildDecoder({
      model,
      modelFile: 'form.onnx',
      kernel: '6.18',
      strategy: 'auto',
      quant: 'w8a16',
      texts,
    });
    const decoder = meta.decoder!;
    const inKernel = await KernelText.open(program);
    try {
      const machines: TextMachine[] = [inKernel, new VmText(program, 'wasm'), new VmText(program, 'interp')];
      for (const [t, text] of texts.entries()) {
        const scores = await Promise.all(machines.slice(0, 2).map((machine) => scoresOf(machine, text, decoder)));
        expect(scores[1]).toEqual(scores[0]);
        const largest = wanted[t]!.reduce((top, score) => Math.max(top, Math.abs(score)), 0);
        let worst = 0;
        for (const [i, score] of scores[0]!.entries()) worst = Math.max(worst, Math.abs(score - wanted[t]![i]!) / largest);
        expect(worst).toBeLessThan(0.002);
      }
      // The room is full with the prompt's first tokens and all that follow.
      const request = encodeRequest(
        { reset: true, prompt: texts[0]!.slice(0, 3), count: S - 2, candidates: 2, temperature: 0.7, seed: 3, stop: null },
        decoder,
      );
      const answers = await Promise.all(machines.map(async (machine) => decodeResult((await machine.run(request)).output, decoder)));
      expect(answers[0]!.tokens).toHaveLength(S - 2);
      expect(answers[1]).toEqual(answers[0]);
      expect(answers[2]).toEqual(answers[0]);
    } finally {
      inKernel.close();
    }
  });
});
