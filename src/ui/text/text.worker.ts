import { InputError } from '../../base/errors.ts';
import { Cancelled } from '../../base/progress.ts';
import type { Compiled } from '../../compiler/api.ts';
import { CACHE } from '../../compiler/lm/attend-kernels.ts';
import { buildDecoder } from '../../compiler/lm/build.ts';
import { writeObject } from '../../object/writer.ts';
import { importModel } from '../../onnx/import.ts';
import { decodeResult, encodeRequest, VmText } from '../../replay/generate.ts';
import { promptTokens, readTokenizer, TextStream, type Tokenizer } from '../../traces/tokenizer.ts';
import { type CallContext, type Handler, serveRpc, Transferred } from '../../workbench/rpc.ts';
import { rest, SLICE_MS } from '../../workbench/workers/rest.ts';
import type { StepArgs, StepView, TextFacts, TokenEvent, WriteArgs, WriteEnd } from './views.ts';

/** Length that the sample is compiled for. */
const POSITIONS = 256;
/** Likeliest tokens that are shown. */
const SHOWN = 8;

interface Opened {
  readonly compiled: Compiled;
  readonly tokenizer: Tokenizer;
  readonly machine: VmText;
  /** Tokens whose keys and values stand in the machine's cache, where that is known. */
  cached: readonly number[];
}
let opened: Opened | null = null;

async function fetched(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new InputError(`the server answered ${response.status}`, url);
  return new Uint8Array(await response.arrayBuffer());
}

/** Fetches and compiles the sample; later calls give what is there. */
async function open({ base }: { readonly base: string }, context: CallContext): Promise<TextFacts> {
  if (!opened) {
    context.progress('fetching', 0, 1);
    const files = ['stories.onnx', 'tokenizer.json', 'prompts.json'].map((name) => fetched(`${base}${name}`));
    const [model, tokens, prompts] = await Promise.all(files);
    const [document, stories] = [tokens, prompts].map((bytes) => JSON.parse(new TextDecoder().decode(bytes)) as unknown);
    const tokenizer = readTokenizer(document, 'tokenizer.json');
    const compiled = await buildDecoder({
      model: importModel(model!, { fileName: 'stories.onnx', dims: { sequence: POSITIONS } }),
      modelFile: 'stories.onnx',
      kernel: '6.18',
      strategy: 'auto',
      quant: 'w8a16',
      tokenizer: document,
      texts: (stories as string[]).slice(0, 6).map((story) => promptTokens(tokenizer, story)),
      progress: {
        report: (stage, done, total) => context.progress(stage, done, total),
        get cancelled() {
          return context.cancelled;
        },
      },
    });
    opened = { compiled, tokenizer, machine: new VmText(compiled.program, 'wasm'), cached: [] };
  }
  const { program, meta } = opened.compiled;
  const { positions, vocabulary } = meta.decoder!;
  const weights = program.maps.find(({ data }) => data)?.valueSize ?? 0;
  const cache = program.maps.find(({ name }) => name === CACHE)?.valueSize ?? 0;
  return { insns: program.insns.length, weights, positions, vocabulary, cache };
}

/** A prompt as the model begins with it. Throws an InputError for one that leaves no place. */
function startOf({ compiled, tokenizer }: Opened, prompt: string): number[] {
  const { positions } = compiled.meta.decoder!;
  const start = promptTokens(tokenizer, prompt);
  if (start.length < positions) return start;
  throw new InputError(`the prompt has ${start.length} tokens and the program room for ${positions}`, '', 'Write a shorter one');
}

const textOf = (tokenizer: Tokenizer, token: number): string => new TextDecoder().decode(tokenizer.bytesOf(token));

/** Writes on from a prompt, one call of the program for each token; every token is an event. */
async function write({ prompt, temperature, topK, seed }: WriteArgs, context: CallContext): Promise<WriteEnd> {
  if (!opened) throw new InputError('the model is not compiled yet');
  const { compiled, tokenizer, machine } = opened;
  const decoder = compiled.meta.decoder!;
  const start = startOf(opened, prompt);
  opened.cached = [];
  const stream = new TextStream(tokenizer);
  let ns = 0;
  let slice = performance.now();
  for (let at = 0; ; at++) {
    const { output, ns: took } = await machine.run(
      encodeRequest(
        {
          reset: at === 0,
          prompt: at === 0 ? start : [],
          count: 1,
          candidates: temperature === 0 ? 1 : topK,
          temperature,
          seed,
          stop: tokenizer.end,
        },
        decoder,
      ),
    );
    const { status, tokens, position } = decodeResult(output, decoder);
    // Reading the prompt is no part of the rate.
    if (at > 0) ns += took;
    const [token] = tokens;
    if (token === undefined) return { reason: 'full' };
    if (status === 'stopped') return { reason: 'ended' };
    const likeliest = best(await machine.scores(), decoder.vocabulary, decoder.scoreScale).map(({ token: other, share }) => ({
      text: textOf(tokenizer, other),
      end: other === tokenizer.end,
      share,
      chosen: other === token,
    }));
    context.emit({ text: stream.push(token), likeliest, position, perSecond: at > 0 ? (at * 1e9) / ns : 0 } satisfies TokenEvent);
    if (performance.now() - slice > SLICE_MS) {
      await rest();
      if (context.cancelled) throw new Cancelled();
      slice = performance.now();
    }
  }
}

/** Reads on to the end of what was taken; gives what may come next. Of what stands in the cache nothing is computed again, unless that is wanted. */
async function step({ prompt, taken, anew }: StepArgs): Promise<StepView> {
  if (!opened) throw new InputError('the model is not compiled yet');
  const { compiled, tokenizer, machine, cached } = opened;
  const decoder = compiled.meta.decoder!;
  const all = [...startOf(opened, prompt), ...taken];
  const reset = anew || cached.length === 0 || cached.length >= all.length || cached.some((token, at) => token !== all[at]);
  const read = reset ? all : all.slice(cached.length);
  // Where it ends early, nothing is known of the cache.
  opened.cached = [];
  const request = { reset, prompt: read, count: 1, candidates: 1, temperature: 0, seed: 1, stop: null };
  const { output, ns } = await machine.run(encodeRequest(request, decoder));
  const { position } = decodeResult(output, decoder);
  opened.cached = all;
  const next = best(await machine.scores(), decoder.vocabulary, decoder.scoreScale).map(({ token, share }) => ({
    token,
    text: textOf(tokenizer, token),
    end: token === tokenizer.end,
    share,
  }));
  return { next, position, computed: read.length, ns };
}

/** The likeliest tokens and their probabilities among all. */
function best(bytes: Uint8Array, vocabulary: number, scale: number): { token: number; share: number }[] {
  const scores = new Int32Array(bytes.buffer, bytes.byteOffset, vocabulary);
  let top = scores[0]!;
  for (const score of scores) if (score > top) top = score;
  const shares = Array.from(scores, (score, token) => ({ token, share: Math.exp((score - top) * scale) }));
  const sum = shares.reduce((total, { share }) => total + share, 0);
  return shares
    .sort((a, b) => b.share - a.share)
    .slice(0, SHOWN)
    .map(({ token, share }) => ({ token, share: share / sum }));
}

function object(): Transferred<Uint8Array> {
  if (!opened) throw new InputError('the model is not compiled yet');
  const bytes = writeObject([opened.compiled.program], { meta: opened.compiled.meta });
  return new Transferred(bytes, [bytes.buffer as ArrayBuffer]);
}

const DOING: Readonly<Record<string, string>> = {
  open: 'Compiling the language model',
  write: 'Writing',
  step: 'Reading on',
  object: 'Writing the object',
};
const handlers: Record<string, Handler> = { open, write, step, object };

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, (method) => DOING[method] ?? 'Working');
