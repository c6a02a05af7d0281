/**
 * One language model: `decoder.ts MODEL.onnx [--dim NAME=N] [--engines] [--texts prompts.json tokenizer.json]`. Compiles it, loads it into the kernel,
 * and prints what that took as JSON. A process of its own, so that its memory is its own.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { KernelText } from '../../src/companion/kernel-text.ts';
import { buildDecoder } from '../../src/compiler/lm/build.ts';
import { importModel } from '../../src/onnx/import.ts';
import { createReference } from '../../src/reference/reference.ts';
import { decodeResult, encodeRequest, type GenerateRequest, type TextMachine, VmText } from '../../src/replay/generate.ts';
import { readTokenizer } from '../../src/traces/tokenizer.ts';
import { verify } from '../../src/verifier/verify.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dim: { type: 'string', multiple: true },
    engines: { type: 'boolean' },
    texts: { type: 'string' },
    tokenizer: { type: 'string' },
  },
});
const [path] = positionals;
const bytes = new Uint8Array(readFileSync(path!).buffer);
const dims = Object.fromEntries((values.dim ?? []).map((text) => text.split('=')).map(([name, n]) => [name!, Number(n)]));
const tokenizer = values.tokenizer ? readTokenizer(JSON.parse(readFileSync(values.tokenizer, 'utf8')), values.tokenizer) : null;
const texts =
  values.texts && tokenizer
    ? (JSON.parse(readFileSync(values.texts, 'utf8')) as string[]).map((text) => [tokenizer.end!, ...tokenizer.encode(text)])
    : null;

const started = performance.now();
const cpu = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
const model = importModel(bytes, { fileName: basename(path!), dims });
// Half of the texts to calibrate on, the other half to compare on.
const { program, meta } = await buildDecoder({
  model,
  modelFile: basename(path!),
  kernel: '6.18',
  strategy: 'auto',
  quant: 'w8a16',
  texts: texts?.slice(0, texts.length / 2) ?? null,
});
const decoder = meta.decoder!;
const figures: Record<string, unknown> = {
  model: basename(path!),
  parameters: model.parameterCount,
  positions: decoder.positions,
  vocabulary: decoder.vocabulary,
  strategy: meta.strategy,
  compileSeconds: (performance.now() - started) / 1000,
  compileCpuSeconds: cpu(),
  peakMB: process.resourceUsage().maxRSS / 1024,
  insns: program.insns.length,
  weightBytes: program.maps.find(({ data }) => data)!.valueSize,
};
const request = (count: number, prompt: number[]): GenerateRequest => ({
  reset: true,
  prompt,
  count,
  candidates: 1,
  temperature: 0,
  seed: 1,
  stop: null,
});
const perToken = async (machine: TextMachine, count: number, times: number): Promise<{ us: number; tokens: readonly number[] }> => {
  let best = Number.POSITIVE_INFINITY;
  let tokens: readonly number[] = [];
  for (let i = 0; i < times; i++) {
    const { output, ns } = await machine.run(encodeRequest(request(count, [1]), decoder));
    best = Math.min(best, ns / count / 1000);
    tokens = decodeResult(output, decoder).tokens;
  }
  return { us: best, tokens };
};
const count = values.engines ? decoder.positions : 8;
if (values.engines) {
  const wasm = new VmText(program, 'wasm');
  const inWasm = await perToken(wasm, count, 3);
  const inInterp = await perToken(new VmText(program, 'interp'), 16, 1);
  figures.wasmUsPerToken = inWasm.us;
  figures.interpUsPerToken = inInterp.us;
  figures.ourProcessed = verify(program, { kernel: '6.18', privilege: 'root', logLevel: 0 }).processed;
  figures.wasmTokens = inWasm.tokens;
}
const loading = performance.now();
const kernel = await KernelText.open(program);
figures.loadSeconds = (performance.now() - loading) / 1000;
figures.processed = (await kernel.program.info()).verifiedInsns;
const inKernel = await perToken(kernel, count, values.engines ? 12 : 5);
figures.kernelUsPerToken = inKernel.us;
figures.kernelTokens = count;
if (figures.wasmTokens) {
  figures.sameTokens = JSON.stringify(figures.wasmTokens) === JSON.stringify(inKernel.tokens);
  delete figures.wasmTokens;
}
if (texts) {
  // Teacher-forced: after every token of texts that it was not calibrated on, is the likeliest next token ONNX Runtime's?
  const reference = await createReference(bytes, { outputs: 'model', fileName: basename(path!) });
  let [same, all, worst] = [0, 0, 0];
  for (const text of texts.slice(texts.length / 2)) {
    const tokens = text.slice(0, decoder.positions);
    const outputs = await reference.run({
      [model.inputs[0]!.name]: { dtype: 'int64', dims: [1, tokens.length], data: BigInt64Array.from(tokens, BigInt) },
    });
    const scores = outputs[model.outputs[0]!.name]!.data as Float32Array;
    for (const [at, token] of tokens.entries()) {
      const row = scores.subarray(at * decoder.vocabulary, (at + 1) * decoder.vocabulary);
      const { output } = await kernel.run(encodeRequest({ ...request(1, [token]), reset: at === 0 }, decoder));
      const { candidates } = decodeResult(output, decoder);
      const top = row.indexOf(row.reduce((a, b) => Math.max(a, b)));
      all++;
      if (candidates[0]!.token === top) same++;
      worst = Math.max(worst, Math.abs(candidates[0]!.score - row[candidates[0]!.token]!));
    }
  }
  await reference.release();
  figures.comparedTokens = all;
  figures.nextTokenAgreement = same / all;
  figures.maxScoreError = worst;
}
kernel.close();
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit(0);
