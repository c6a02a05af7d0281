import { InputError } from '../base/errors.ts';
import type { Program } from '../bpf/program.ts';
import type { ProgramMeta } from '../compiler/api.ts';
import {
  CANDIDATE_BYTES,
  candidatesOff,
  FLAG_RESET,
  INPUT,
  inputBytes,
  MAX_CANDIDATES,
  NO_STOP,
  OUTPUT,
  outputBytes,
  STATUS,
  TEMPERATURE_ONE,
} from '../compiler/lm/layout.ts';
import { SCORES } from '../compiler/lm/sample-kernels.ts';
import { Vm } from '../vm/vm.ts';

/** One call of a text generating program. */
export interface GenerateRequest {
  /** Forget what was read before. */
  readonly reset: boolean;
  readonly prompt: readonly number[];
  /** Tokens to generate; 0 only reads the prompt. */
  readonly count: number;
  /** Tokens that are drawn from, the best ones; 1 takes the best. */
  readonly candidates: number;
  /** 0 takes the best token; 1 draws with the model's own probabilities. */
  readonly temperature: number;
  readonly seed: number;
  /** Token that ends the text; null: none. */
  readonly stop: number | null;
}

export interface GenerateResult {
  /** `full`: no place is left for another token; `stale`: the weights were replaced since the text was begun. */
  readonly status: keyof typeof STATUS;
  readonly tokens: readonly number[];
  /** Places that are in use. */
  readonly position: number;
  /** Best tokens for the last place and their scores, best first. */
  readonly candidates: readonly { readonly token: number; readonly score: number }[];
}

/** What runs a text generating program. */
export interface TextMachine {
  /** Runs the program once on a request; gives its answer and what the run took. */
  run(input: Uint8Array): Promise<{ output: Uint8Array; ns: number }>;
  /** Scores of the last token's successors, a 32-bit integer each. */
  scores(): Promise<Uint8Array>;
  /** Instructions of all runs so far, where they are counted. */
  insnsExecuted?(): number;
}

/** What the object says of its decoder. Throws {@link InputError} for a program that generates no text, or one that its own maps contradict. */
export function decoderOfMeta(meta: ProgramMeta, program: Pick<Program, 'maps'>, where: string): NonNullable<ProgramMeta['decoder']> {
  if (meta.decoder) {
    const { positions, vocabulary, scoreScale } = meta.decoder;
    const room = (name: string): number => program.maps.find((map) => map.name === name)?.valueSize ?? 0;
    const sound = [positions, vocabulary].every((n) => Number.isSafeInteger(n) && n > 0 && n <= 2 ** 20) && scoreScale > 0;
    if (sound && room('input') === inputBytes(positions) && room('output') === outputBytes(positions) && room(SCORES) >= 4 * vocabulary)
      return meta.decoder;
    throw new InputError('its .debug_bpformer section does not fit its maps', where);
  }
  throw new InputError(
    'the program takes tensors or packets and generates no text',
    where,
    'Compile a language model with compile --generate',
  );
}

const LARGEST = 2 ** 32 - 1;

/** The request as the program reads it. Throws {@link InputError} for a request that the program has no room for. */
export function encodeRequest(request: GenerateRequest, decoder: NonNullable<ProgramMeta['decoder']>): Uint8Array {
  const { positions, vocabulary } = decoder;
  const { prompt, count, candidates, temperature } = request;
  if (prompt.length > positions) throw new InputError(`a prompt of ${prompt.length} tokens; the program has room for ${positions}`);
  if (count > positions) throw new InputError(`${count} tokens; the program has room for ${positions}`);
  const odd = prompt.find((token) => !Number.isInteger(token) || token < 0 || token >= vocabulary);
  if (odd !== undefined) throw new InputError(`token ${odd} is not in the vocabulary of ${vocabulary}`);
  if (!(candidates >= 1 && candidates <= MAX_CANDIDATES))
    throw new InputError(`${candidates} candidates; 1 to ${MAX_CANDIDATES} can be drawn from`);
  if (!(temperature >= 0 && temperature <= 16)) throw new InputError(`a temperature of ${temperature}; it goes from 0 to 16`);
  const bytes = new Uint8Array(inputBytes(positions));
  const view = new DataView(bytes.buffer);
  const word = (off: number, value: number): void => view.setUint32(off, value, true);
  word(INPUT.flags, request.reset ? FLAG_RESET : 0);
  word(INPUT.prompt, prompt.length);
  word(INPUT.generate, count);
  word(INPUT.candidates, candidates);
  // A very small temperature is not none.
  word(INPUT.temperature, temperature === 0 ? 0 : Math.min(LARGEST, Math.max(1, Math.round(temperature * TEMPERATURE_ONE))));
  word(INPUT.seed, request.seed >>> 0);
  word(INPUT.stop, request.stop ?? NO_STOP);
  for (const [i, token] of prompt.entries()) view.setUint16(INPUT.tokens + 2 * i, token, true);
  return bytes;
}

export function decodeResult(output: Uint8Array, decoder: NonNullable<ProgramMeta['decoder']>): GenerateResult {
  const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
  const word = (off: number): number => view.getUint32(off, true);
  const first = candidatesOff(decoder.positions);
  const status = word(OUTPUT.status);
  return {
    status: (Object.keys(STATUS) as (keyof typeof STATUS)[]).find((name) => STATUS[name] === status) ?? 'full',
    tokens: Array.from({ length: word(OUTPUT.count) }, (_, i) => word(OUTPUT.tokens + 4 * i)),
    position: word(OUTPUT.position),
    candidates: Array.from({ length: word(OUTPUT.candidates) }, (_, i) => ({
      token: word(first + i * CANDIDATE_BYTES),
      score: view.getInt32(first + i * CANDIDATE_BYTES + 4, true) * decoder.scoreScale,
    })),
  };
}

const KEY0 = new Uint8Array(4);
/** The context of a call: a request and room for the answer. */
export function contextOf(request: Uint8Array, program: Pick<Program, 'maps'>): Uint8Array {
  const answer = program.maps.find(({ name }) => name === 'output')?.valueSize ?? 0;
  const context = new Uint8Array(request.length + answer);
  context.set(request);
  return context;
}

/** Throws {@link InputError} when the call gave no answer. */
export function checkStatus(status: number): void {
  if (status === STATUS.busy) throw new InputError('another call of the program is running', '', 'Call it again when that has ended');
}

/** A text generating program in our engine. */
export class VmText implements TextMachine {
  readonly vm: Vm;
  readonly #program: Program;
  #executed = 0;

  constructor(program: Program, engine: 'wasm' | 'interp') {
    this.#program = program;
    this.vm = new Vm(program, { engine, timeLimitMs: Number.POSITIVE_INFINITY, maxInsns: Number.MAX_SAFE_INTEGER });
  }

  async run(input: Uint8Array): Promise<{ output: Uint8Array; ns: number }> {
    const before = performance.now();
    const { returnValue, context, insnsExecuted } = this.vm.run({ context: contextOf(input, this.#program) });
    const ns = (performance.now() - before) * 1e6;
    this.#executed += insnsExecuted;
    checkStatus(returnValue);
    return { output: context.subarray(input.length), ns };
  }

  insnsExecuted(): number {
    return this.#executed;
  }

  async scores(): Promise<Uint8Array> {
    return this.vm.maps.get(SCORES).lookup(KEY0)!.slice();
  }
}

/** Scores of the next token after every token of a text, [tokens, vocabulary], as a model over the whole text gives them. */
export async function scoresOf(
  machine: TextMachine,
  tokens: readonly number[],
  decoder: NonNullable<ProgramMeta['decoder']>,
): Promise<Float64Array> {
  const all = new Float64Array(tokens.length * decoder.vocabulary);
  for (const [at, token] of tokens.entries()) {
    const request = { reset: at === 0, prompt: [token], count: 1, candidates: 1, temperature: 0, seed: 1, stop: null };
    await machine.run(encodeRequest(request, decoder));
    const scores = await machine.scores();
    const view = new DataView(scores.buffer, scores.byteOffset);
    const row = all.subarray(at * decoder.vocabulary, (at + 1) * decoder.vocabulary);
    for (let i = 0; i < row.length; i++) row[i] = view.getInt32(4 * i, true) * decoder.scoreScale;
    if (decoder.ending) end(row, decoder.ending);
  }
  return all;
}

/** Makes of a row of scores what the model ends in. */
function end(row: Float64Array, ending: 'softmax' | 'log_softmax'): void {
  const top = row.reduce((a, b) => Math.max(a, b));
  const sum = row.reduce((total, score) => total + Math.exp(score - top), 0);
  for (const [i, score] of row.entries()) row[i] = ending === 'softmax' ? Math.exp(score - top) / sum : score - top - Math.log(sum);
}

/** Probabilities of candidates among themselves at a temperature. */
export function shares(candidates: GenerateResult['candidates'], temperature = 1): number[] {
  const top = candidates[0]?.score ?? 0;
  const weights = candidates.map(({ score }) => Math.exp((score - top) / temperature));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / sum);
}
