import type { Binding } from '../binding.ts';
import { byKind, Checker, integer, oneOf, optionalText, parseBinding, type Rule, show, verdict, verdictsOf, yes } from '../parse.ts';
import { MAX_WINDOW } from '../syscalls/binding.ts';
import { CHANNELS, FIELD_NAMES, FLOW_NAMES } from './catalogue.ts';
import { MAX_SEQUENCE } from './words.ts';

const MAX_FEATURES = 512;
const MAX_ONE_HOT = 64;
const MAX_ENTRIES = 1 << 22;
/** 2^53 ns are 104 days. */
const MAX_SECONDS = 86_400;

const number =
  (what: string, is: (value: number) => boolean): Rule =>
  (c, value, path) => {
    if (typeof value !== 'number' || !Number.isFinite(value) || !is(value)) c.fail(path, `should be ${what}, not ${show(value)}`);
  };
const list =
  (min: number, max: number, what: string, each: Rule): Rule =>
  (c, value, path) => {
    if (!Array.isArray(value) || value.length < min || value.length > max)
      c.fail(path, `should be a list of ${min} to ${max} ${what}, not ${show(value)}`);
    for (const [i, item] of (value as unknown[]).entries()) each(c, item, `${path}/${i}`);
  };
const clip: Rule = (c, value, path) => {
  list(
    2,
    2,
    'numbers',
    number('a number', () => true),
  )(c, value, path);
  const [low, high] = value as [number, number];
  if (low > high) c.fail(path, `should begin with the lesser limit, not ${show(value)}`);
};
const scaling = {
  'log2?': yes,
  'clip?': clip,
  'mean?': number('a number', () => true),
  'scale?': number('a number other than 0', (value) => value !== 0),
};

function known(names: readonly string[], what: string): Rule {
  return (c, value, path) => {
    if (typeof value === 'string' && names.includes(value)) return;
    const near = names.filter((name) => typeof value === 'string' && name.startsWith(value.split('.')[0]!));
    c.fail(path, `should be ${what}, not ${show(value)}; there are ${(near.length ? near : names).join(', ')}`);
  };
}

const feature =
  (names: readonly string[], what: string): Rule =>
  (c, value, path) => {
    if (typeof value === 'string') return known(names, what)(c, value, path);
    const rules: Readonly<Record<string, Rule>> =
      typeof value === 'object' && value !== null && 'oneHot' in value
        ? { name: known(names, what), oneHot: list(1, MAX_ONE_HOT, 'values', integer(0, 0x7fff_ffff)) }
        : { name: known(names, what), ...scaling };
    c.fields(value, path, rules);
  };

const fields = { kind: oneOf(['fields']), features: list(1, MAX_FEATURES, 'features', feature([...FIELD_NAMES.keys()], 'a header field')) };
const flow = {
  kind: oneOf(['flow']),
  features: list(1, MAX_FEATURES, 'features', feature([...FLOW_NAMES.keys()], 'a statistic of flows')),
};
const channel: Rule = (c, value, path) => {
  if (typeof value === 'string') oneOf(CHANNELS)(c, value, path);
  else c.fields(value, path, { name: oneOf(CHANNELS), ...scaling });
};
const numbers = { kind: oneOf(['sequence']), length: integer(1, MAX_SEQUENCE), of: list(1, CHANNELS.length, 'channels', channel) };
const tokens = {
  kind: oneOf(['sequence']),
  length: integer(1, MAX_SEQUENCE),
  tokens: (c: Checker, value: unknown, path: string) => c.fields(value, path, { shift: integer(0, 15), buckets: integer(1, 4096) }),
};
const seconds = number(`a number of seconds above 0, at most ${MAX_SECONDS}`, (value) => value > 0 && value <= MAX_SECONDS);
const common = { 'tensor?': optionalText, 'otherwise?': verdict };
const kept = {
  ...common,
  'flows?': (c: Checker, value: unknown, path: string) =>
    c.fields(value, path, { 'entries?': integer(1, MAX_ENTRIES), 'idleSeconds?': seconds, 'activeSeconds?': seconds }),
};
const hasTokens = (value: unknown): boolean => typeof value === 'object' && value !== null && 'tokens' in value;

const syscalls = {
  kind: oneOf(['syscalls']),
  'tensor?': optionalText,
  length: integer(1, MAX_WINDOW),
  every: integer(1, 1 << 20),
  'calls?': integer(1, 65_000),
  'processes?': integer(1, MAX_ENTRIES),
};

/** Rules of the inputs that are features, by kind. */
const FEATURE_RULES: Readonly<Record<string, Rule>> = {
  fields: (c, value, path) => c.fields(value, path, { ...fields, ...common, 'layer?': oneOf(['l3', 'l4']) }),
  flow: (c, value, path) => c.fields(value, path, { ...flow, ...kept }),
  sequence: (c, value, path) => c.fields(value, path, { ...(hasTokens(value) ? tokens : numbers), ...kept }),
  concat: (c, value, path) =>
    c.fields(value, path, {
      kind: oneOf(['concat']),
      parts: list(1, 16, 'parts', byKind({ fields, flow, sequence: numbers })),
      ...kept,
    }),
};

/** A binding of any kind, from JSON text or from the object itself. Throws {@link InputError} with the JSON path. */
export function parseAnyBinding(source: unknown, where: string): Binding {
  const binding = parseBinding(source, where, { ...FEATURE_RULES, syscalls: (c, value, path) => c.fields(value, path, syscalls) }, [
    'xdp',
    'tracepoint',
  ]);
  const c = new Checker(where);
  const isCalls = binding.input.kind === 'syscalls';
  if (isCalls !== (binding.hook === 'tracepoint'))
    c.fail(
      '/hook',
      `"${binding.hook}" does not go with an input of kind "${binding.input.kind}": it takes "${isCalls ? 'tracepoint' : 'xdp'}"`,
    );
  const stops = isCalls ? verdictsOf(binding).find((name) => name !== 'PASS' && name !== 'TAG') : undefined;
  if (isCalls && binding.production?.sample?.by === 'flow') c.fail('/production/sample/by', '"flow" is for packets: use "event"');
  if (stops) c.fail('/output', `says ${stops}, but system calls are only watched: PASS or TAG`);
  return binding;
}
