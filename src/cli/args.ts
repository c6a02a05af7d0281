import { parseArgs } from 'node:util';
import { InputError } from '../base/errors.ts';
import type { Quant, Strategy } from '../compiler/api.ts';
import { DEFAULT_PRECISION, formatQuant, parseQuant, quantOfJson } from '../compiler/precision.ts';
import { STRATEGIES as NAMES } from '../compiler/strategy.ts';
import type { PictureScaling } from '../replay/pictures.ts';
import type { KernelVersion, Privilege } from '../verifier/api.ts';
import { readText } from './io.ts';

type OptionKind = 'string' | 'boolean' | 'list';

/** Arguments of one verb: positionals in order, options by name. */
export interface Args {
  readonly positionals: readonly string[];
  string(name: string): string | undefined;
  list(name: string): readonly string[];
  flag(name: string): boolean;
  /** A whole number of at least `min`; `fallback` when the option is absent. */
  count(name: string, fallback: number, min?: number): number;
}

/** Parses a verb's arguments; unknown options and missing values are {@link InputError}s that name the option. */
export function parse(argv: readonly string[], kinds: Readonly<Record<string, OptionKind>>): Args {
  const options = Object.fromEntries(
    Object.entries(kinds).map(([name, kind]) => [
      name,
      {
        type: kind === 'boolean' ? ('boolean' as const) : ('string' as const),
        multiple: kind === 'list',
        ...(name === 'output' ? { short: 'o' } : {}),
      },
    ]),
  );
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new InputError(
      String((error as Error).message)
        .split('\n')[0]
        .replace(/\. To specify.*$/, ''),
      'arguments',
    );
  }
  const { values, positionals } = parsed;
  return {
    positionals,
    string: (name) => values[name] as string | undefined,
    list: (name) => (values[name] as string[] | undefined) ?? [],
    flag: (name) => values[name] === true,
    count: (name, fallback, min = 1) => {
      const text = values[name] as string | undefined;
      if (text === undefined) return fallback;
      const value = Number(text);
      if (!Number.isSafeInteger(value) || value < min)
        throw new InputError(`--${name} takes a whole number of at least ${min}, not ${text}`, 'arguments');
      return value;
    },
  };
}

/** The value of an option that takes one of a few words. */
export function choice<T extends string>(args: Args, name: string, allowed: readonly T[], fallback: T): T {
  const text = args.string(name);
  if (text === undefined) return fallback;
  if (!allowed.includes(text as T)) throw new InputError(`--${name} takes one of ${allowed.join(', ')}, not ${text}`, 'arguments');
  return text as T;
}

/** A share from 0 to 1. */
export function share(args: Args, name: string, fallback: number): number {
  const text = args.string(name);
  const value = text === undefined ? fallback : Number(text);
  if (!(value >= 0 && value <= 1)) throw new InputError(`--${name} takes a number from 0 to 1, not ${text}`, 'arguments');
  return value;
}

export const KERNELS: readonly KernelVersion[] = ['5.15', '6.1', '6.6', '6.12', '6.18'];
export const PRIVILEGES: readonly Privilege[] = ['root', 'bpf', 'unpriv'];
export const STRATEGIES: readonly Strategy[] = ['auto', ...NAMES.map(({ name }) => name)];
export const ENGINES = ['wasm', 'interp', 'kernel'] as const;
export type Engine = (typeof ENGINES)[number];

/** Options that compile, run and replay share (docs/cli.md, "Model options"). */
export const MODEL_OPTIONS = {
  dim: 'list',
  binding: 'string',
  calibrate: 'string',
  kernel: 'string',
  strategy: 'string',
  quant: 'string',
  calibration: 'string',
  'min-agreement': 'string',
  mean: 'string',
  std: 'string',
  resize: 'boolean',
  layout: 'string',
  cost: 'string',
  specialise: 'boolean',
  json: 'boolean',
} as const;

/** `--quant`: a precision, precisions by node, or a JSON file of them. */
export function quantOption(args: Args): Quant {
  const text = args.string('quant') ?? DEFAULT_PRECISION;
  if (!/\.json$/i.test(text)) return formatQuant(parseQuant(text));
  let document: unknown;
  try {
    document = JSON.parse(readText(text));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError('not a JSON document', text);
  }
  return quantOfJson(document, text);
}

/** `--mean` and `--std`: a number for each channel of pictures, or one for all; `--resize` and `--layout`. */
export function pictureScaling(args: Args): PictureScaling {
  const numbers = (name: 'mean' | 'std', none: number): number[] => {
    const text = args.string(name);
    const values = text === undefined ? [none] : text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
    const wrong = (value: number) => !Number.isFinite(value) || (name === 'std' && value === 0);
    if (values.some(wrong)) throw new InputError(`--${name} takes numbers with commas between them, not ${text}`, 'arguments');
    return values;
  };
  const layout = args.string('layout');
  if (layout !== undefined && layout !== 'NCHW' && layout !== 'NHWC')
    throw new InputError(`--layout is NCHW or NHWC, not ${layout}`, 'arguments');
  return { mean: numbers('mean', 0), std: numbers('std', 1), resize: args.flag('resize'), ...(layout ? { layout } : {}) };
}

/** `--dim NAME=N …` as sizes by name. */
export function dims(args: Args): Record<string, number> {
  const sizes = new Map<string, number>();
  for (const text of args.list('dim')) {
    const match = /^(.+)=(\d+)$/.exec(text);
    if (!match || Number(match[2]) < 1) throw new InputError(`--dim takes NAME=N, not ${text}`, 'arguments');
    if (sizes.has(match[1])) throw new InputError(`--dim gives ${match[1]} twice`, 'arguments');
    sizes.set(match[1], Number(match[2]));
  }
  return Object.fromEntries(sizes);
}

/** The only positional argument. */
export function onlyPositional(args: Args, what: string): string {
  if (args.positionals.length !== 1) throw new InputError(`takes ${what}; ${args.positionals.length} arguments were given`, 'arguments');
  return args.positionals[0];
}
