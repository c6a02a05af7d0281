import { InputError } from '../../base/errors.ts';
import type { Compiled } from '../../compiler/api.ts';
import { decodeResult, decoderOfMeta, encodeRequest } from '../../replay/generate.ts';
import { parseMeta } from '../../replay/runner.ts';
import { promptTokens, textOf, tokenizerFor } from '../../traces/tokenizer.ts';
import { type Args, choice, ENGINES, MODEL_OPTIONS, onlyPositional, parse } from '../args.ts';
import { compileDecoderModel, textMachine, tokenizerDocument } from '../decoder.ts';
import { print, printJson } from '../io.ts';
import type { ExitStatus, Verb } from '../main.ts';
import { pickProgram, readPrograms } from '../programs.ts';

const OPTIONS = {
  ...MODEL_OPTIONS,
  prompt: 'string',
  'prompt-tokens': 'string',
  tokens: 'string',
  tokenizer: 'string',
  engine: 'string',
  temperature: 'string',
  'top-k': 'string',
  seed: 'string',
  program: 'string',
} as const;

/** `generate MODEL.onnx|FILE.o --prompt TEXT --tokens N`: one call of the program reads the prompt and writes the tokens. */
export const generateVerb: Verb = async (argv): Promise<ExitStatus> => {
  const args = parse(argv, OPTIONS);
  const path = onlyPositional(args, 'one language model or object');
  const engine = choice(args, 'engine', ENGINES, 'wasm');
  const count = args.count('tokens', 64);
  const text = args.string('prompt');
  const numbers = args.string('prompt-tokens');
  if (text !== undefined && numbers !== undefined) throw new InputError('takes --prompt or --prompt-tokens', 'arguments');
  const { program, meta } = /\.onnx$/i.test(path) ? await compileDecoderModel(path, args) : openDecoder(path, args);
  const decoder = decoderOfMeta(meta, program, path);
  const document = args.string('tokenizer') === undefined ? decoder.tokenizer : tokenizerDocument(path, args);
  const tokenizer = numbers !== undefined && document === null ? null : tokenizerFor(document, decoder.vocabulary, path);
  const start = tokenizer?.end ?? null;
  const prompt = numbers !== undefined ? tokenNumbers(numbers) : promptTokens(tokenizer!, text ?? '');
  if (prompt.length === 0) throw new InputError('the prompt is empty', 'arguments', 'Give --prompt TEXT');
  if (prompt.length + count - 1 > decoder.positions)
    throw new InputError(
      `${prompt.length} tokens of prompt and ${count} more; the program has room for ${decoder.positions}`,
      'arguments',
      'Ask for fewer --tokens, or compile with a longer sequence (--dim)',
    );
  const temperature = number(args, 'temperature', 0);
  const candidates = temperature === 0 ? 1 : args.count('top-k', 40);
  const input = encodeRequest(
    {
      reset: true,
      prompt,
      count,
      candidates: Math.min(candidates, decoder.vocabulary),
      temperature,
      seed: args.count('seed', 1, 0),
      stop: start,
    },
    decoder,
  );
  const { machine, close } = await textMachine({ program, meta }, engine, path);
  try {
    const { output, ns } = await machine.run(input);
    const { tokens, status } = decodeResult(output, decoder);
    const ended = status === 'stopped';
    const written = ended ? tokens.slice(0, -1) : tokens;
    const generated = tokenizer ? textOf(tokenizer, written) : null;
    const nsPerToken = ns / (prompt.length + tokens.length - 1);
    if (args.flag('json')) printJson({ text: generated, prompt: text ?? null, promptTokens: prompt, tokens, ended, nsPerToken, engine });
    else {
      print(generated === null ? tokens.join(' ') : `${text ?? ''}${generated}`);
      print(
        `${tokens.length} tokens${ended ? ', ended by the model' : ''}; ${(nsPerToken / 1000).toFixed(1)} µs for each of ${prompt.length + tokens.length - 1} positions`,
      );
    }
    return 0;
  } finally {
    close();
  }
};

function openDecoder(path: string, args: Args): Pick<Compiled, 'program' | 'meta'> {
  const file = readPrograms(path);
  const program = pickProgram(file, args.string('program'));
  const meta = parseMeta(file.meta, path, program);
  if (!meta)
    throw new InputError(
      'it has no .debug_bpformer section, so its vocabulary is unknown',
      path,
      'Compile the model with compile --generate',
    );
  return { program, meta };
}

function tokenNumbers(text: string): number[] {
  return text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((part) => {
      const value = Number(part);
      if (!Number.isInteger(value) || value < 0) throw new InputError(`--prompt-tokens takes token numbers, not ${part}`, 'arguments');
      return value;
    });
}

function number(args: Args, name: string, fallback: number): number {
  const text = args.string(name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0 || text.trim() === '')
    throw new InputError(`--${name} takes a number of at least 0, not ${text}`, 'arguments');
  return value;
}
