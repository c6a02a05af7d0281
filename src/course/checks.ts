import { isMap, isSeq, LineCounter, parseDocument } from 'yaml';
import { oneLine } from '../base/errors.ts';
import { ACCEL_OPS, ACCEL_ROLES } from '../bpf/accelerator/layout.ts';
import { CHECK_KINDS, type Check, type CheckKind, type ExerciseKind, type Problem } from './lesson.ts';

const isCount = (value: unknown): boolean => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const isHex = (value: unknown): boolean => typeof value === 'string' && /^(?:\s*[0-9a-f]{2})*\s*$/i.test(value) && value.length <= 200_000;
const isText = (value: unknown): boolean => typeof value === 'string' && value.length > 0 && value.length <= 500;
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function only(value: Record<string, unknown>, keys: readonly string[]): string | null {
  const extra = Object.keys(value).find((key) => !keys.includes(key));
  return extra === undefined ? null : `there is no ${extra} here: there are ${keys.join(', ')}`;
}

function limit(value: unknown): string | null {
  if (!isObject(value)) return 'it needs atMost or atLeast';
  const wrong = only(value, ['atMost', 'atLeast']);
  if (wrong) return wrong;
  const given = Object.values(value);
  return given.length > 0 && given.every((one) => typeof one === 'number' && one >= 0) ? null : 'it needs atMost or atLeast with a number';
}

function pattern(value: unknown): string | null {
  if (!isText(value)) return 'it needs a text: an instruction or its beginning, with * for anything';
  return null;
}

function run(value: unknown): string | null {
  if (!isObject(value)) return 'it needs packet or context, and what is expected';
  const wrong = only(value, ['packet', 'context', 'returns', 'leaves', 'times']);
  if (wrong) return wrong;
  if (('packet' in value ? 1 : 0) + ('context' in value ? 1 : 0) !== 1) return 'it needs packet or context, one of them';
  if (!isHex(value.packet ?? value.context)) return 'packet and context are bytes in hexadecimal, two digits each';
  if ('returns' in value && !(typeof value.returns === 'number' && Number.isSafeInteger(value.returns))) return 'returns is an integer';
  if ('leaves' in value && !isHex(value.leaves)) return 'leaves is the packet afterwards, in hexadecimal';
  if ('times' in value && !(isCount(value.times) && (value.times as number) >= 1 && (value.times as number) <= 1000))
    return 'times is 1 to 1,000';
  return 'returns' in value || 'leaves' in value || 'times' in value ? null : 'it needs returns or leaves';
}

function runs(value: unknown): string | null {
  if (!Array.isArray(value) || value.length < 2 || value.length > 200) return 'it needs a list of 2 to 200 runs, each as of run';
  return value.map(run).find((wrong) => wrong !== null) ?? null;
}

function same(value: unknown): string | null {
  if (!isObject(value)) return 'it needs inputs: how many packets or contexts are tried';
  const wrong = only(value, ['inputs', 'packets', 'contexts', 'seed', 'start']);
  if (wrong) return wrong;
  if (!(isCount(value.inputs) && (value.inputs as number) >= 1 && (value.inputs as number) <= 10_000)) return 'inputs is 1 to 10,000';
  const sizes = value.packets ?? value.contexts;
  if (!(Array.isArray(sizes) && sizes.length === 2 && sizes.every(isCount) && sizes[0] <= sizes[1] && sizes[1] <= 9000))
    return 'packets (or contexts) is the shortest and the longest in bytes, at most 9,000';
  return 'start' in value && !isHex(value.start) ? 'start is bytes in hexadecimal that each input begins with' : null;
}

function given(value: unknown): string | null {
  const needs = 'it needs map, and either key and value or random';
  if (!isObject(value)) return needs;
  const wrong = only(value, ['map', 'key', 'value', 'random']);
  if (wrong) return wrong;
  if ('random' in value) return isText(value.map) && isCount(value.random) && Object.keys(value).length === 2 ? null : needs;
  return isText(value.map) && isHex(value.key) && isHex(value.value) ? null : needs;
}

function mapCheck(value: unknown): string | null {
  if (!isObject(value)) return 'it needs name, key and value';
  return (
    only(value, ['name', 'key', 'value']) ??
    (isText(value.name) && isHex(value.key) && isHex(value.value) ? null : 'name is a text, key and value are hexadecimal')
  );
}

const COMMAND_NUMBERS = ['about', 'request', 'tenant', 'token', 'layer', 'priority', 'key'];
const MOST_ELEMENTS = 1 << 20;

function oneCommand(value: unknown): string | null {
  if (!isObject(value)) return 'it needs tensors, and what is expected';
  const wrong = only(value, ['tensors', 'op', ...COMMAND_NUMBERS, 'returns', 'leaves']);
  if (wrong) return wrong;
  const { tensors, op, returns, leaves = {} } = value;
  if (!(Array.isArray(tensors) && tensors.length > 0 && tensors.length <= 8)) return 'tensors is a list of 1 to 8';
  for (const one of tensors as unknown[]) {
    const { dim, role, bytes = '' } = isObject(one) ? one : {};
    if (!(Array.isArray(dim) && dim.length > 0 && dim.length <= 8 && dim.every(isCount) && dim.reduce((a, b) => a * b, 1) <= MOST_ELEMENTS))
      return `dim is a list of 1 to 8 sizes, ${MOST_ELEMENTS} elements in all`;
    if (!ACCEL_ROLES.includes(role as 'output')) return `role is one of ${ACCEL_ROLES.join(', ')}`;
    if (!isHex(bytes)) return 'bytes is hexadecimal';
    const other = only(one as Record<string, unknown>, ['dim', 'role', 'bytes']);
    if (other) return other;
  }
  if (op !== undefined && !ACCEL_OPS.includes(op as 'nop')) return `op is one of ${ACCEL_OPS.join(', ')}`;
  const number = COMMAND_NUMBERS.find((key) => key in value && !(isCount(value[key]) && (value[key] as number) < 2 ** 32));
  if (number) return `${number} is a number from 0`;
  if (!(typeof returns === 'number' && Number.isSafeInteger(returns))) return 'it needs returns, an integer';
  return isObject(leaves) && Object.values(leaves).every((one) => isCount(one) || isHex(one))
    ? null
    : 'leaves has fields of the context, a colon, and a number or hexadecimal bytes';
}

function command(value: unknown): string | null {
  if (!Array.isArray(value)) return oneCommand(value);
  if (value.length < 2 || value.length > 50) return 'several commands are a list of 2 to 50';
  return value.map(oneCommand).find((wrong) => wrong !== null) ?? null;
}

function equals(value: unknown): string | null {
  if (typeof value === 'number' || isText(value)) return null;
  if (!isObject(value)) return 'it needs a number, a text, or a fact';
  const wrong = only(value, ['fact', 'value', 'within', 'among', 'mistakes']);
  if (wrong) return wrong;
  if (('fact' in value ? 1 : 0) + ('value' in value ? 1 : 0) + ('among' in value ? 1 : 0) !== 1)
    return 'it needs fact, value or among, one of them';
  if ('mistakes' in value && !(isObject(value.mistakes) && Object.values(value.mistakes).every(isText)))
    return 'mistakes has answers, a colon, and what each is met with';
  return 'within' in value && typeof value.within !== 'number' ? 'within is a number' : null;
}

function quantise(value: unknown): string | null {
  if (!isObject(value)) return 'it needs values, bits and maxError';
  const wrong = only(value, ['values', 'bits', 'maxError']);
  if (wrong) return wrong;
  const { values, bits, maxError } = value;
  if (
    !(
      Array.isArray(values) &&
      values.length > 0 &&
      values.length <= 1000 &&
      values.every((one) => typeof one === 'number' && Number.isFinite(one))
    )
  )
    return 'values is a list of numbers';
  if (!(isCount(bits) && (bits as number) >= 2 && (bits as number) <= 32)) return 'bits is 2 to 32';
  return typeof maxError === 'number' && maxError > 0 ? null : 'maxError is a number above 0';
}

const VALUES: Readonly<Record<CheckKind, (value: unknown) => string | null>> = {
  accepted: (value) => (value === true ? null : 'it is accepted: true, or rejected with a part of the message'),
  rejected: (value) => (isText(value) ? null : 'it needs a part of the message'),
  given,
  run,
  runs,
  same,
  insns: limit,
  processed: limit,
  stack: limit,
  agreement: limit,
  bytes: limit,
  uses: pattern,
  avoids: pattern,
  map: mapCheck,
  command,
  equals,
  quantise,
};

/** The first line of what the YAML reader says; it tells of its own stack where a text nests too deep. */
export const yamlProblem = (message: string): string =>
  /call stack/.test(message) ? 'it nests too deep' : oneLine(message.split('\n')[0]!);

/** Checks of an exercise from the YAML of its `check` block, which begins at `firstLine` of the file. */
export function readChecks(
  text: string,
  kind: ExerciseKind,
  firstLine: number,
): { checks: readonly Check[]; problems: readonly Problem[] } {
  const lines = new LineCounter();
  const problems: Problem[] = [];
  const parsed = parseDocument(text, { lineCounter: lines, maxAliasCount: 0 } as never);
  const lineAt = (off: number | undefined): number => firstLine + lines.linePos(off ?? 0).line - 1;
  for (const { message, pos } of parsed.errors) problems.push({ line: lineAt(pos[0]), message: yamlProblem(message) });
  if (problems.length > 0) return { checks: [], problems };
  if (!isSeq(parsed.contents))
    return { checks: [], problems: [{ line: firstLine, message: 'checks are a list: a line for each, beginning with "- "' }] };
  const known: readonly string[] = CHECK_KINDS[kind];
  const checks: Check[] = [];
  for (const item of parsed.contents.items) {
    const line = lineAt(item.range?.[0]);
    const fail = (message: string) => problems.push({ line, message: oneLine(message) });
    if (!isMap(item)) {
      fail(`a check is one of ${known.join(', ')}, a colon, and its value`);
      continue;
    }
    const { else: advice = null, ...rest } = item.toJSON() as Record<string, unknown>;
    const keys = Object.keys(rest);
    const name = keys[0];
    if (keys.length !== 1 || !known.includes(name)) {
      fail(
        keys.length === 1
          ? `there is no check ${name} for exercises of kind ${kind}: there are ${known.join(', ')}`
          : `one check has one of ${known.join(', ')}, and else beside it`,
      );
      continue;
    }
    const wrong = VALUES[name as CheckKind](rest[name]);
    if (wrong) fail(`${name}: ${wrong}`);
    else if (advice !== null && !isText(advice)) fail('else is a text of at most 500 characters');
    else checks.push({ line, kind: name as CheckKind, value: rest[name], advice: advice as string | null });
  }
  return { checks, problems };
}
