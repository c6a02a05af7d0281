/**
 * Small language models as exporters write them (samples/zoo/decoders.py): does each compile to a program that generates text, does this kernel
 * accept it, is the likeliest next token ONNX Runtime's after every token of texts that it was not calibrated on, and are the tokens that it writes
 * the same in both engines and the kernel? `npm run long decoders -- [FOLDER] [--only NAME] [--quant Q] [--rows N]`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MODEL_OPTIONS, parse } from '../src/cli/args.ts';
import { compileDecoderModel } from '../src/cli/decoder.ts';
import { KernelText } from '../src/companion/kernel-text.ts';
import type { Tensor } from '../src/onnx/model.ts';
import { createReference } from '../src/reference/reference.ts';
import { decodeResult, encodeRequest, type GenerateRequest, VmText } from '../src/replay/generate.ts';
import { npyTensor } from '../src/replay/inputs.ts';
import { readNpy } from '../src/traces/npy.ts';
import { verify } from '../src/verifier/verify.ts';

/** What decoders.py says of a model. */
interface Meta {
  readonly name: string;
  readonly opset: number;
  readonly length: number;
  readonly open: boolean;
  /** Heads and size of keys and values. */
  readonly kv: readonly [number, number];
  /** Share of tokens that the PyTorch model foretells. */
  readonly right: number | null;
}

interface Row {
  readonly name: string;
  readonly opset: number;
  readonly right: number | null;
  /** Why it was not compiled or not accepted. */
  failure?: string;
  insns?: number;
  processed?: number;
  microsecondsPerToken?: number;
  compared?: number;
  agreed?: number;
  /** Largest lead of ONNX Runtime's token where the program has another, and the median of all leads, relative to the largest score. */
  worstMargin?: number;
  medianMargin?: number;
  /** Whether both engines and the kernel wrote the same tokens for every prompt. */
  sameTokens?: boolean;
}

const ints = (values: ArrayLike<number>, dtype: Tensor['dtype'], dims: number[]): Tensor => ({
  dtype,
  dims,
  data: dtype === 'int32' ? Int32Array.from(values) : BigInt64Array.from(values as number[], BigInt),
});

async function judge(folder: string, quant: string, rows: number): Promise<Row> {
  const meta = JSON.parse(readFileSync(join(folder, 'meta.json'), 'utf8')) as Meta;
  const row: Row = { name: meta.name, opset: meta.opset, right: meta.right };
  const path = join(folder, 'model.onnx');
  try {
    const dim = meta.open ? ['--dim', `sequence=${meta.length}`] : [];
    const args = parse([path, ...dim, '--quant', quant, '--calibrate', join(folder, 'calibration.npy')], MODEL_OPTIONS);
    const { program, meta: held } = await compileDecoderModel(path, args);
    const decoder = held.decoder!;
    row.insns = program.insns.length;
    const ours = verify(program, { kernel: '6.18', privilege: 'root', logLevel: 0 });
    if (!ours.accepted) throw new Error(`our verifier rejects it: ${ours.message}`);
    const kernel = await KernelText.open(program);
    try {
      row.processed = (await kernel.program.info()).verifiedInsns;
      const tensor = npyTensor(readNpy(new Uint8Array(readFileSync(join(folder, 'texts.npy'))), 'texts.npy'));
      const all = Array.from(tensor.data as BigInt64Array, Number);
      const texts = Array.from({ length: Math.min(rows, tensor.dims[0]!) }, (_, i) => all.slice(i * meta.length, (i + 1) * meta.length));
      await compare(row, meta, new Uint8Array(readFileSync(path)), kernel, decoder, texts);
      const machines = [kernel, new VmText(program, 'wasm'), new VmText(program, 'interp')];
      row.sameTokens = true;
      for (const [i, prompt] of texts.slice(0, 6).entries()) {
        const request: GenerateRequest = {
          reset: true,
          prompt: prompt.slice(0, 1 + i),
          count: meta.length - i,
          candidates: i % 2 ? 5 : 1,
          temperature: i % 2 ? 0.8 : 0,
          seed: 1 + i,
          stop: null,
        };
        const written: string[] = [];
        for (const [m, machine] of machines.entries()) {
          const { output, ns } = await machine.run(encodeRequest(request, decoder));
          const result = decodeResult(output, decoder);
          if (m === 0) row.microsecondsPerToken = Math.min(row.microsecondsPerToken ?? Infinity, ns / 1000 / meta.length);
          if (result.tokens.length !== request.count) throw new Error(`${result.tokens.length} tokens of ${request.count}`);
          written.push(JSON.stringify(result));
        }
        if (written.some((text) => text !== written[0])) row.sameTokens = false;
      }
    } finally {
      kernel.close();
    }
  } catch (error) {
    row.failure = (error as Error).name === 'InputError' ? (error as Error).message : String((error as Error).stack);
  }
  return row;
}

async function compare(
  row: Row,
  meta: Meta,
  bytes: Uint8Array,
  kernel: KernelText,
  decoder: NonNullable<Awaited<ReturnType<typeof compileDecoderModel>>['meta']['decoder']>,
  texts: readonly number[][],
): Promise<void> {
  const reference = await createReference(bytes);
  const margins: { margin: number; same: boolean }[] = [];
  try {
    for (const text of texts) {
      const feeds: Record<string, Tensor> = {};
      const length = text.length;
      for (const { name, dtype, dims } of reference.inputs) {
        if (/past|cache/.test(name)) {
          const room = typeof dims[2] === 'number' ? dims[2] : 0;
          const [heads, size] = meta.kv;
          feeds[name] = { dtype: 'float32', dims: [1, heads, room, size], data: new Float32Array(heads * room * size) };
        } else if (/seqlens/.test(name)) feeds[name] = ints([length - 1], dtype, dims.length === 2 ? [1, 1] : [1]);
        else if (/total_seq/.test(name)) feeds[name] = ints([length], dtype, dims.length ? [1] : []);
        else if (/mask/.test(name))
          feeds[name] = ints(
            text.map(() => 1),
            dtype,
            [1, length],
          );
        else if (/position/.test(name))
          feeds[name] = ints(
            text.map((_, i) => i),
            dtype,
            dims.length === 1 ? [length] : [1, length],
          );
        else feeds[name] = ints(text, dtype, [1, length]);
      }
      const outputs = await reference.run(feeds);
      const scores = outputs[reference.outputNames[0]!]!.data as Float32Array;
      const { vocabulary } = decoder;
      const every = scores.length === length * vocabulary;
      for (const [at, token] of text.entries()) {
        const { output } = await kernel.run(
          encodeRequest({ reset: at === 0, prompt: [token], count: 1, candidates: 1, temperature: 0, seed: 1, stop: null }, decoder),
        );
        if (!every && at < length - 1) continue;
        const best = scores.subarray(every ? at * vocabulary : 0, every ? (at + 1) * vocabulary : vocabulary);
        const sorted = [...best].sort((a, b) => b - a);
        const spread = Math.max(...sorted.map(Math.abs)) || 1;
        margins.push({
          margin: (sorted[0]! - sorted[1]!) / spread,
          same: decodeResult(output, decoder).candidates[0]!.token === best.indexOf(sorted[0]!),
        });
      }
    }
  } finally {
    await reference.release();
  }
  row.compared = margins.length;
  row.agreed = margins.filter(({ same }) => same).length;
  row.worstMargin = Math.max(0, ...margins.filter(({ same }) => !same).map(({ margin }) => margin));
  row.medianMargin = margins.map(({ margin }) => margin).sort((a, b) => a - b)[margins.length >> 1];
}

/** `npm run long decoders [FOLDER]` */
export default async function measure(argv: string[]): Promise<unknown> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      only: { type: 'string', multiple: true },
      quant: { type: 'string', default: 'w8a16' },
      rows: { type: 'string', default: '64' },
    },
  });
  const folder = positionals[0] ?? '.cache/decoders';
  const rows: Row[] = [];
  for (const name of readdirSync(folder).sort()) {
    if (!existsSync(join(folder, name, 'meta.json')) || (values.only && !values.only.includes(name))) continue;
    const row = await judge(join(folder, name), values.quant, Number(values.rows));
    rows.push(row);
    const { failure, insns, processed, compared, agreed, worstMargin, medianMargin, sameTokens, microsecondsPerToken } = row;
    console.error(
      failure
        ? `${name}: ${failure}`
        : `${name}: ${insns} instructions, ${processed} processed, ${microsecondsPerToken!.toFixed(1)} µs a token, ${agreed}/${compared} ` +
            `(lost by at most ${worstMargin!.toFixed(4)}, median lead ${medianMargin!.toFixed(3)}), ${sameTokens ? 'same tokens' : 'OTHER TOKENS'}`,
    );
  }
  return { quant: values.quant, rows };
}
