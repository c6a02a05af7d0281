import { existsSync } from 'node:fs';
import { InputError } from '../base/errors.ts';
import { KernelText } from '../companion/kernel-text.ts';
import type { Compiled, ProgramMeta } from '../compiler/api.ts';
import { type BuildDecoderOptions, buildDecoder } from '../compiler/lm/build.ts';
import { DEFAULT_PRECISION } from '../compiler/precision.ts';
import { parseJson } from '../hooks/parse.ts';
import { checkTextBinding, isTextBinding, parseTextBinding, type TextBinding } from '../hooks/text/binding.ts';
import { textHook } from '../hooks/text/xdp.ts';
import { importModel, inspectModel } from '../onnx/import.ts';
import { type SymbolicInput, suggestedDims } from '../onnx/inputs.ts';
import type { Model, Tensor } from '../onnx/model.ts';
import type { ExternalData } from '../onnx/tensor.ts';
import { type TextMachine, VmText } from '../replay/generate.ts';
import { npyTensor } from '../replay/inputs.ts';
import { PacketText } from '../replay/packet-text.ts';
import { readNpy } from '../traces/npy.ts';
import { byteTokenizer, readTokenizer } from '../traces/tokenizer.ts';
import { type Args, choice, dims, type Engine, KERNELS, quantOption, STRATEGIES } from './args.ts';
import { fileName, readInput, readText, userPath, within } from './io.ts';

/** Lengths that are tried, longest first, for a sequence whose length the model leaves open. */
const LENGTHS = [256, 128, 64, 32, 16] as const;

/** Inputs that carry what a program keeps by itself, as Hugging Face's exports name them. */
const isState = (name: string): boolean => /past|cache|mask|position/i.test(name);

/**
 * The value of a state input for a whole sequence read from its beginning: no past keys and values, every token seen, positions from 0. With it an
 * exported single step is the plain causal model.
 */
function boundInput({ name, dtype, dims: declared }: SymbolicInput, length: number, known: Readonly<Record<string, number>>): Tensor {
  if (/past|cache/i.test(name) && declared.length === 4) {
    if (typeof declared[2] !== 'string')
      throw new InputError(
        `input \`${name}\` has room for ${declared[2]} past positions`,
        '',
        'Export it with a dynamic axis 2, or export the model without a cache',
      );
    return {
      dtype,
      dims: declared.map((dim, axis) => (axis === 2 ? 0 : typeof dim === 'number' ? dim : (known[dim] ?? 1))),
      data: new Float32Array(0),
    };
  }
  if (declared.length > 2)
    throw new InputError(`input \`${name}\` has ${declared.length} dimensions`, '', 'A mask or positions are [1, sequence]');
  const values = Array.from({ length }, (_, i) => (/position/i.test(name) ? i : 1));
  const shape = declared.length === 1 ? [length] : [1, length];
  return {
    dtype,
    dims: shape,
    data:
      dtype === 'int64'
        ? BigInt64Array.from(values, BigInt)
        : dtype === 'int32'
          ? Int32Array.from(values)
          : dtype === 'bool'
            ? Uint8Array.from(values, () => 1)
            : Float32Array.from(values),
  };
}

const tokenInput = (inputs: readonly SymbolicInput[]): SymbolicInput =>
  inputs.find(({ name, dtype }) => /int/.test(dtype) && !isState(name)) ?? inputs[0]!;

/** What ONNX Runtime takes for a text that is read from its beginning: its tokens, and the state that a program keeps by itself. */
export function textFeeds(inputs: readonly SymbolicInput[], text: readonly number[], model: Model): Record<string, Tensor> {
  const tokens = tokenInput(inputs);
  // Where the length is fixed, what follows a text changes nothing before it.
  const length = typeof tokens.dims[1] === 'string' ? text.length : model.inputs[0]!.dims[1]!;
  const known: Record<string, number> = {};
  for (const { dims: declared } of inputs)
    for (const dim of declared) if (typeof dim === 'string') known[dim] = dim === tokens.dims[1] ? length : 1;
  const padded = Array.from({ length }, (_, i) => text[i] ?? 0);
  return Object.fromEntries(
    inputs.map((input) => [
      input.name,
      input === tokens
        ? {
            dtype: tokens.dtype,
            dims: [1, length],
            data: tokens.dtype === 'int32' ? Int32Array.from(padded) : BigInt64Array.from(padded, BigInt),
          }
        : boundInput(input, length, known),
    ]),
  );
}

/** Imports a language model; open dimensions get `room`, the length of `--dim`, or the longest of {@link LENGTHS} that the model takes. */
export function importDecoder(path: string, args: Args, room?: number): Model {
  const bytes = readInput(path);
  const folder = path.replace(/[^/]*$/, '');
  const externalData: ExternalData = (location) => (/(^|\/)\.\.(\/|$)|^\//.test(location) ? null : readInput(`${folder}${location}`));
  const given = dims(args);
  const { inputs } = inspectModel(bytes, fileName(path));
  const tokens = tokenInput(inputs);
  const [, sequence] = tokens?.dims ?? [];
  const open = typeof sequence === 'string' && !(sequence in given) ? sequence : undefined;
  const attempt = (length: number | null): Model => {
    const known = { ...suggestedDims([tokens]), ...(open !== undefined && length !== null ? { [open]: length } : {}), ...given };
    const size = typeof sequence === 'string' ? known[sequence] : (sequence ?? 1);
    const bound = inputs.filter((input) => input !== tokens && isState(input.name));
    return importModel(bytes, {
      fileName: fileName(path),
      dims: known,
      constants: Object.fromEntries(bound.map((input) => [input.name, boundInput(input, size, known)])),
      externalData,
    });
  };
  if (open === undefined) return attempt(null);
  if (room !== undefined) return attempt(room);
  for (const length of LENGTHS.slice(0, -1)) {
    try {
      return attempt(length);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
  }
  return attempt(LENGTHS[LENGTHS.length - 1]);
}

/**
 * The model, if `--generate` asks for a text generating program or it is plainly a language model: tokens in, and for each of them a score for every
 * token of the vocabulary out. A binding says otherwise. Null: it takes tensors or packets.
 */
export function languageModel(path: string, args: Args): Model | null {
  if (args.flag('generate')) return importDecoder(path, args);
  if (textBinding(args)) return importDecoder(path, args);
  if (args.string('binding') !== undefined || !/\.onnx$/i.test(path)) return null;
  const { inputs } = inspectModel(readInput(path), fileName(path));
  // One step of a text, with the keys and values of those before.
  if (inputs.some(({ name, dims: declared }) => /past|cache/i.test(name) && declared.length === 4)) return importDecoder(path, args);
  if (inputs.length !== 1 || !/int/.test(inputs[0].dtype) || inputs[0].dims.length !== 2) return null;
  const model = importDecoder(path, args);
  const [batch, length] = model.inputs[0].dims;
  const out = model.outputs[0].dims;
  if (model.outputs.length !== 1 || batch !== 1 || length < 2 || out.length !== 3 || out[1] !== length) return null;
  const rows = model.nodes
    .filter(({ op, inputs: [, index] }) => op === 'Gather' && index === model.inputs[0].name)
    .map(({ inputs: [table] }) => model.values.get(table)?.dims[0]);
  return rows.includes(out[2]) ? model : null;
}

/** The tokenizer's document of `--tokenizer`, or of `tokenizer.json` beside the model; null when there is none. */
export function tokenizerDocument(path: string, args: Args): unknown {
  const beside = `${path.replace(/[^/]*$/, '')}tokenizer.json`;
  const file = args.string('tokenizer') ?? (existsSync(userPath(beside)) ? beside : null);
  if (file === null) return null;
  const text = readText(file);
  const document = within(file, (): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      throw new InputError('it is not JSON');
    }
  });
  readTokenizer(document, file);
  return document;
}

/** What the model options say of a text generating program. */
export const targetOf = (path: string, args: Args): DecoderTarget => ({
  kernel: choice(args, 'kernel', KERNELS, '6.18'),
  strategy: choice(args, 'strategy', STRATEGIES, 'auto'),
  quant: args.string('quant') === 'auto' ? DEFAULT_PRECISION : quantOption(args),
  tokenizer: tokenizerDocument(path, args),
});

export type DecoderTarget = Pick<
  BuildDecoderOptions,
  'kernel' | 'strategy' | 'quant' | 'tokenizer' | 'scoreScale' | 'hook' | 'calibration'
>;

/** Imports, calibrates and compiles a text generating program as the model options say. */
export async function compileDecoderModel(
  path: string,
  args: Args,
  model: Model = importDecoder(path, args),
  target: DecoderTarget = targetOf(path, args),
): Promise<Compiled> {
  const texts = textsOf(args, target.tokenizer);
  const packets = textBinding(args);
  const hook = packets ? textHook(packets.binding) : undefined;
  const compiled = await buildDecoder({ model, modelFile: fileName(path), texts, ...(hook ? { hook } : {}), ...target });
  if (packets) checkTextBinding(packets.binding, compiled.meta.decoder!, packets.where);
  return compiled;
}

/** The texts of `--calibrate`; null without it. */
export function textsOf(args: Args, tokenizer: unknown): number[][] | null {
  const trace = args.string('calibrate');
  return trace === undefined ? null : readTexts(trace, tokenizer ?? null);
}

/** New weights for a text generating program that is compiled already, in its units. */
export async function compileForDecoder(path: string, args: Args, meta: ProgramMeta): Promise<{ compiled: Compiled; model: Model }> {
  const { positions, tokenizer, scoreScale } = meta.decoder!;
  const { kernel, strategy, quant, binding } = meta;
  const hook = binding === null ? {} : { hook: textHook(parseTextBinding(binding, path)) };
  const model = importDecoder(path, args, positions);
  return { compiled: await compileDecoderModel(path, args, model, { kernel, strategy, quant, tokenizer, scoreScale, ...hook }), model };
}

/** What runs a text generating program, in whatever its requests come; `close` ends it. */
export async function textMachine(
  { program, meta }: Pick<Compiled, 'program' | 'meta'>,
  engine: Engine,
  where: string,
): Promise<{ machine: TextMachine; close: () => void }> {
  const binding = meta.binding === null ? null : parseTextBinding(meta.binding, where);
  const decoder = meta.decoder!;
  if (engine !== 'kernel')
    return {
      machine: binding ? PacketText.inVm(program, engine, binding, decoder) : new VmText(program, engine),
      close: () => {},
    };
  const kernel = await KernelText.open(program);
  return { machine: binding ? await kernel.inPackets(binding, decoder) : kernel, close: () => kernel.close() };
}

/** The text binding that `--binding` names; null when it is for packets and verdicts, or there is none. */
function textBinding(args: Args): { binding: TextBinding; where: string } | null {
  const where = args.string('binding');
  if (where === undefined) return null;
  const document = parseJson(readText(where), where);
  return isTextBinding(document) ? { binding: parseTextBinding(document, where), where } : null;
}

/** Texts to calibrate on: rows of token numbers (`.npy`), a JSON list of texts, or plain text with an empty line between texts. */
function readTexts(path: string, document: unknown): number[][] {
  const bytes = readInput(path);
  if (bytes[0] === 0x93) {
    const { dims: shape, data } = npyTensor(readNpy(bytes, fileName(path)));
    const length = shape[shape.length - 1] ?? 1;
    const tokens = Array.from(data as ArrayLike<number | bigint>, Number);
    return Array.from({ length: tokens.length / length }, (_, i) => tokens.slice(i * length, (i + 1) * length));
  }
  const tokenizer = document === null ? byteTokenizer() : readTokenizer(document, path);
  const text = new TextDecoder().decode(bytes);
  let texts: unknown = text.split(/\n\s*\n/).filter((part) => part.trim() !== '');
  if (/^\s*\[/.test(text)) {
    try {
      texts = JSON.parse(text);
    } catch {
      throw new InputError('it is not JSON', path);
    }
  }
  if (!Array.isArray(texts) || texts.length === 0 || !texts.every((t) => typeof t === 'string'))
    throw new InputError('holds no texts', path, 'Give a JSON list of strings, plain text, or .npy rows of tokens');
  return texts.map((t: string) => [...(tokenizer.end === null ? [] : [tokenizer.end]), ...tokenizer.encode(t)]);
}
