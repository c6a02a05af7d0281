import { InputError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';
import type { Binding } from './binding.ts';
import { MAX_CLASSES } from './fit.ts';

/** Inputs longer than this are more than one packet's worth. */
const MAX_LENGTH = 1024;
const VERDICTS = ['PASS', 'DROP', 'TX', 'REDIRECT', 'ABORTED', 'TAG'];
const LAYERS = ['l2', 'l3', 'l4', 'l4_payload'];

/** A value's rule: throws through `c` when the value breaks it. Rules and messages follow `binding.schema.json`; a test holds the two together. */
export type Rule = (c: Checker, value: unknown, path: string) => void;

export class Checker {
  readonly #where: string;

  constructor(where: string) {
    this.#where = where;
  }
  fail(path: string, what: string): never {
    throw new InputError(`${path || 'the binding'} ${what}`, this.#where, 'docs/binding.md describes the format');
  }
  /** The fields of an object, each with its rule; `?` at the end of a name marks an optional one. */
  fields(value: unknown, path: string, rules: Readonly<Record<string, Rule>>): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) this.fail(path, `should be an object, not ${show(value)}`);
    const object = value as Record<string, unknown>;
    const names = new Map(Object.entries(rules).map(([name, rule]) => [name.replace('?', ''), { rule, optional: name.endsWith('?') }]));
    for (const name of Object.keys(object)) {
      if (!names.has(name)) this.fail(`${path}/${name}`, `is unknown; here can be ${[...names.keys()].join(', ')}`);
    }
    for (const [name, { rule, optional }] of names) {
      if (Object.hasOwn(object, name)) rule(this, object[name], `${path}/${name}`);
      else if (!optional) this.fail(`${path}/${name}`, 'is missing');
    }
  }
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? shown(value);
  } catch {
    // Nested deeper than can be written.
    return shown(value);
  }
}

export const show = (value: unknown): string => {
  const text = textOf(value);
  return text.length > 40 ? `${text.slice(0, 37)}…` : text;
};

export const oneOf =
  (values: readonly string[]): Rule =>
  (c, value, path) => {
    if (!values.includes(value as string)) c.fail(path, `should be ${values.map((v) => `"${v}"`).join(' or ')}, not ${show(value)}`);
  };
export const optionalText: Rule = (c, value, path) => {
  if (typeof value !== 'string' || value === '') c.fail(path, `should be a name, not ${show(value)}`);
};
const anyText: Rule = (c, value, path) => {
  if (typeof value !== 'string') c.fail(path, `should be a string, not ${show(value)}`);
};
export const integer =
  (min: number, max: number): Rule =>
  (c, value, path) => {
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
      c.fail(path, `should be a whole number from ${min} to ${max}, not ${show(value)}`);
    }
  };
const probability: Rule = (c, value, path) => {
  if (typeof value !== 'number' || !(value > 0 && value < 1)) c.fail(path, `should be a number between 0 and 1, not ${show(value)}`);
};
export const verdict = oneOf(VERDICTS);
const verdicts: Rule = (c, value, path) => {
  if (!Array.isArray(value) || value.length < 2 || value.length > MAX_CLASSES) {
    c.fail(path, `should be a list of 2 to ${MAX_CLASSES} verdicts, not ${show(value)}`);
  }
  for (const [i, item] of (value as unknown[]).entries()) verdict(c, item, `${path}/${i}`);
};

const port = integer(0, 0xffff);
const MAX_PORTS = 16;
const ports: Rule = (c, value, path) => {
  if (!Array.isArray(value) || value.length < 1 || value.length > MAX_PORTS) {
    c.fail(path, `should be a list of 1 to ${MAX_PORTS} ports, not ${show(value)}`);
  }
  for (const [i, item] of (value as unknown[]).entries()) port(c, item, `${path}/${i}`);
};
const ifindex = integer(1, 0x7fff_ffff);
const payload = {
  kind: oneOf(['payload']),
  'tensor?': optionalText,
  layer: oneOf(LAYERS),
  length: integer(1, MAX_LENGTH),
  pad: integer(0, 0xffff),
  'ports?': ports,
  'otherwise?': verdict,
};
const tensor = { kind: oneOf(['tensor']) };
const argmax = { kind: oneOf(['argmax']), 'tensor?': optionalText, verdicts, 'redirectIfindex?': ifindex };
const threshold = {
  kind: oneOf(['threshold']),
  'tensor?': optionalText,
  class: integer(0, MAX_CLASSES - 1),
  threshold: probability,
  above: verdict,
  below: verdict,
  'redirectIfindex?': ifindex,
};

export const yes: Rule = (c, value, path) => {
  if (typeof value !== 'boolean') c.fail(path, `should be true or false, not ${show(value)}`);
};
const sample: Rule = (c, value, path) => c.fields(value, path, { oneIn: integer(1, 0x7fff_ffff), by: oneOf(['event', 'flow']) });
export const production: Rule = (c, value, path) => c.fields(value, path, { 'shadow?': yes, 'sample?': sample, 'latency?': yes });

/** Chooses the rules of an object by its `kind`. */
export const byKind =
  (kinds: Readonly<Record<string, Rule | Readonly<Record<string, Rule>>>>): Rule =>
  (c, value, path) => {
    const kind = typeof value === 'object' && value !== null ? (value as { kind?: unknown }).kind : undefined;
    if (kind === undefined) c.fields(value, path, { kind: oneOf(Object.keys(kinds)) });
    if (typeof kind !== 'string' || !Object.hasOwn(kinds, kind)) return oneOf(Object.keys(kinds))(c, kind, `${path}/kind`);
    const rules = kinds[kind];
    if (typeof rules === 'function') rules(c, value, path);
    else c.fields(value, path, rules);
  };

/**
 * A binding from JSON text or from the object itself; `where` names it in errors, `more` are rules of further inputs by kind, at `hooks`. Throws
 * {@link InputError} with the JSON path.
 */
export function parseBinding(
  source: unknown,
  where: string,
  more: Readonly<Record<string, Rule>> = {},
  hooks: readonly string[] = ['xdp'],
): Binding {
  const value = typeof source === 'string' ? parseJson(source, where) : source;
  const c = new Checker(where);
  c.fields(value, '', {
    '$schema?': anyText,
    hook: oneOf(hooks),
    input: byKind({ payload, tensor, ...more }),
    output: byKind({ argmax, threshold, tensor }),
    'production?': production,
  });
  const binding = value as Binding;
  if (binding.input.kind === 'payload' && binding.input.ports && !binding.input.layer.startsWith('l4')) {
    c.fail('/input/ports', `goes with the layers "l4" and "l4_payload", not "${binding.input.layer}"`);
  }
  if ((binding.input.kind === 'tensor') !== (binding.output.kind === 'tensor')) {
    c.fail('/output/kind', `"${binding.output.kind}" does not go with an input of kind "${binding.input.kind}": only both can be "tensor"`);
  }
  if (binding.production && binding.input.kind === 'tensor')
    c.fail('/production', 'does not go with an input of kind "tensor": it is for events');
  const used = new Set(verdictsOf(binding));
  const redirects = binding.output.kind !== 'tensor' && binding.output.redirectIfindex !== undefined;
  if (used.has('REDIRECT') && !redirects) c.fail('/output/redirectIfindex', 'is missing: REDIRECT needs the interface to send to');
  return binding;
}

export function verdictsOf({ input, output }: Binding): string[] {
  const otherwise = 'otherwise' in input && input.otherwise ? [input.otherwise] : [];
  if (output.kind === 'argmax') return [...otherwise, ...output.verdicts];
  return output.kind === 'threshold' ? [...otherwise, output.above, output.below] : otherwise;
}

export function parseJson(source: string, where: string): unknown {
  try {
    return JSON.parse(source);
  } catch (error) {
    throw new InputError(
      `it is not JSON: ${error instanceof Error ? error.message : String(error)}`,
      where,
      'docs/binding.md describes the format',
    );
  }
}
