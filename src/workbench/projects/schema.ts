import { InputError } from '../../base/errors.ts';
import { shown } from '../../base/shown.ts';
import { parseMethod } from '../../compiler/calibration-method.ts';
import { parseQuant } from '../../compiler/precision.ts';
import { STRATEGIES } from '../../compiler/strategy.ts';
import { parseAnyBinding } from '../../hooks/features/parse.ts';
import { DOC_DEPTH, type DocHistory, KERNELS, type ProjectDoc } from '../document.ts';
import type { RecentFile } from './depot.ts';
import type { Origin, ProjectMeta } from './record.ts';

/**
 * The one gate for documents that come from storage, project files and links. It gives back the value itself once every field of
 * it is known and within bounds, and throws {@link InputError} for anything else: hostile input is expected.
 */
export const MAX_NAME = 200;
export const MAX_EDITS = 20_000;
const MAX_DIMS = 64;
/** Models and objects that a program in C is linked with. */
const MAX_LINKS = 16;
const MAX_LABEL = 300;
const MAX_BLOB = 2 ** 40;
const MAX_BINDING = 16_384;
const MAX_QUANT = 65_536;
const MAX_TIME = 8.64e15;

export type Rule = (value: unknown, path: string) => void;

/** Fails at `path`, which is a JSON pointer into the thing that is read. */
function fail(path: string, what: string): never {
  throw new InputError(`${path || 'it'} ${what}`);
}

export const isText =
  (most: number, least = 0): Rule =>
  (value, path) => {
    if (typeof value !== 'string') fail(path, `should be text, not ${shown(value)}`);
    if (value.length < least || value.length > most) fail(path, `should have ${least} to ${most} characters, not ${value.length}`);
  };

export const isInt =
  (min: number, max: number): Rule =>
  (value, path) => {
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
      fail(path, `should be a whole number from ${min} to ${max}, not ${shown(value)}`);
    }
  };

export const isOneOf =
  (values: readonly (string | number | boolean)[]): Rule =>
  (value, path) => {
    if (!values.includes(value as string)) fail(path, `should be ${values.join(' or ')}, not ${shown(value)}`);
  };

export const isList =
  (most: number, item: Rule): Rule =>
  (value, path) => {
    if (!Array.isArray(value)) fail(path, `should be a list, not ${shown(value)}`);
    if (value.length > most) fail(path, `should have at most ${most} entries, not ${value.length}`);
    for (let at = 0; at < value.length; at++) item(value[at], `${path}/${at}`);
  };

export const orNull =
  (rule: Rule): Rule =>
  (value, path) => {
    if (value !== null) rule(value, path);
  };

/** An object with exactly these fields; `?` at the end of a name marks an optional one. */
export function fields(rules: Readonly<Record<string, Rule>>): Rule {
  const known = new Map(Object.entries(rules).map(([name, rule]) => [name.replace('?', ''), { rule, optional: name.endsWith('?') }]));
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(path, `should be an object, not ${shown(value)}`);
    const object = value as Record<string, unknown>;
    for (const name of Object.keys(object)) if (!known.has(name)) fail(`${path}/${name.slice(0, 40)}`, 'is unknown here');
    for (const [name, { rule, optional }] of known) {
      if (Object.hasOwn(object, name)) rule(object[name], `${path}/${name}`);
      else if (!optional) fail(`${path}/${name}`, 'is missing');
    }
  };
}

/** Chooses the rule of an object by the text in its field `tag`. */
export const byTag =
  (tag: string, kinds: Readonly<Record<string, Rule>>): Rule =>
  (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(path, `should be an object, not ${shown(value)}`);
    const kind = (value as Record<string, unknown>)[tag];
    if (typeof kind !== 'string' || !Object.hasOwn(kinds, kind)) {
      fail(`${path}/${tag}`, `should be ${Object.keys(kinds).join(' or ')}, not ${shown(kind)}`);
    }
    kinds[kind]!(value, path);
  };

/** Steps of undo share most of their parts: each is looked at once. */
const checked = new WeakSet<object>();
const once =
  (rule: Rule): Rule =>
  (value, path) => {
    if (typeof value === 'object' && value !== null && checked.has(value)) return;
    rule(value, path);
    if (typeof value === 'object' && value !== null) checked.add(value);
  };

export const isHash: Rule = (value, path) => {
  if (typeof value !== 'string' || !/^[0-9a-f]{64}$/.test(value)) fail(path, `should be a SHA-256, not ${shown(value)}`);
};

export const isBlobRef = once(
  fields({ hash: isHash, name: isText(MAX_NAME, 1), size: isInt(0, MAX_BLOB), 'modified?': isInt(-MAX_TIME, MAX_TIME) }),
);

export const isDims: Rule = (value, path) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(path, `should be an object, not ${shown(value)}`);
  const dims = Object.entries(value as object);
  if (dims.length > MAX_DIMS) fail(path, `should have at most ${MAX_DIMS} entries, not ${dims.length}`);
  for (const [name, size] of dims) {
    isText(MAX_NAME, 1)(name, path);
    if (name === '__proto__') fail(`${path}/__proto__`, 'is no name of a dimension');
    isInt(1, 2 ** 31)(size, `${path}/${name.slice(0, 40)}`);
  }
};

export const isBinding = once((value, path) => {
  if (typeof value === 'object' && value !== null && JSON.stringify(value).length > MAX_BINDING) fail(path, 'is larger than any binding');
  parseAnyBinding(value, path);
});

export const isEdit = once(fields({ packet: isInt(0, 2 ** 31), byteOff: isInt(0, 2 ** 24), value: isInt(0, 255) }));

/** Precisions as `--quant` takes them, of nodes of any model. */
export const isQuant: Rule = (value, path) => {
  isText(MAX_QUANT, 1)(value, path);
  parseQuant(value as string, path);
};

/** How scales are chosen, as `--calibration` has it. */
export const isMethod: Rule = (value, path) => {
  isText(40, 1)(value, path);
  parseMethod(value as string);
};

export const isOptions = once(
  fields({
    kernel: isOneOf(KERNELS),
    strategy: isOneOf(['auto', ...STRATEGIES.map(({ name }) => name)]),
    quant: isQuant,
    'method?': isMethod,
    'specialise?': isOneOf([true]),
    dims: isDims,
  }),
);

export const isCpu = isOneOf(['v1', 'v2', 'v3', 'v4']);

/** A finite number that float32 has room for. */
function isFloat32(value: unknown, path: string): void {
  if (typeof value !== 'number' || !Number.isFinite(Math.fround(value))) fail(path, 'should be a finite float32');
}

const kindOnly = fields({ kind: isText(20, 1), blob: isBlobRef });
const calibrated = fields({ kind: isOneOf(['precomputed', 'trace']), blob: isBlobRef });
const calibration = once(
  byTag('kind', { precomputed: calibrated, trace: calibrated, generated: fields({ kind: isOneOf(['generated']) }) }),
);
const link = byTag('kind', {
  object: kindOnly,
  model: fields({ kind: isText(20, 1), blob: isBlobRef, calibration, options: isOptions }),
});
/** Weights that were changed, as documents hold them. */
export const isWeight: Rule = fields({ tensor: isText(MAX_NAME, 1), index: isInt(0, 2 ** 31), value: isFloat32 });
const edited = once(fields({ from: isBlobRef, weights: isList(MAX_EDITS, isWeight) }));
const sourced = byTag('kind', {
  model: fields({ kind: isText(20, 1), blob: isBlobRef, 'edited?': edited }),
  object: fields({ kind: isText(20, 1), blob: isBlobRef, 'program?': isText(MAX_NAME, 1) }),
  c: fields({ kind: isText(20, 1), blob: isBlobRef, 'cpu?': isCpu, 'program?': isText(MAX_NAME, 1), 'links?': isList(MAX_LINKS, link) }),
  assembly: kindOnly,
  log: kindOnly,
});
export const isDoc = once(
  fields({
    name: isText(MAX_NAME, 1),
    source: orNull(once(sourced)),
    binding: orNull(isBinding),
    calibration,
    trace: orNull(isBlobRef),
    labels: orNull(isBlobRef),
    edits: isList(MAX_EDITS, isEdit),
    options: isOptions,
    fork: orNull(once(fields({ text: isBlobRef }))),
  }),
);

const step = fields({ doc: isDoc, label: isText(MAX_LABEL, 1) });
const historyRule = fields({ past: isList(DOC_DEPTH, step), doc: isDoc, future: isList(DOC_DEPTH, step) });

const originRule = fields({
  how: isOneOf(['sample', 'file', 'link', 'copy', 'new']),
  sample: orNull(fields({ id: isText(MAX_NAME, 1), hash: isHash })),
});

const time = isInt(0, MAX_TIME);
const metaRule = fields({
  schema: isOneOf([1]),
  id: isText(64, 1),
  name: isText(MAX_NAME, 1),
  kind: isOneOf(['model', 'object', 'c', 'assembly', 'log', 'empty']),
  file: isText(MAX_NAME),
  createdAt: time,
  changedAt: time,
  revision: isInt(0, Number.MAX_SAFE_INTEGER),
  bytes: isInt(0, Number.MAX_SAFE_INTEGER),
  blobs: isList(100_000, isHash),
  origin: originRule,
});

const fileRule = fields({ hash: isHash, name: isText(MAX_NAME, 1), size: isInt(0, MAX_BLOB), kind: isText(20, 1), openedAt: time });

/** Runs a rule and names the place in what it throws. */
function checkedBy<T>(rule: Rule, value: unknown, where: string): T {
  try {
    rule(value, '');
  } catch (error) {
    if (error instanceof InputError) throw new InputError(error.what, where, error.advice);
    throw error;
  }
  return value as T;
}

export const parseWith = checkedBy;
export const parseDoc = (value: unknown, where: string): ProjectDoc => checkedBy<ProjectDoc>(isDoc, value, where);
export const parseHistory = (value: unknown, where: string): DocHistory => checkedBy<DocHistory>(historyRule, value, where);
export const parseMeta = (value: unknown, where: string): ProjectMeta => checkedBy<ProjectMeta>(metaRule, value, where);
export const parseFile = (value: unknown, where: string): RecentFile => checkedBy<RecentFile>(fileRule, value, where);
export const parseOrigin = (value: unknown, where: string): Origin => checkedBy<Origin>(originRule, value, where);
