import type { Facts } from './facts.ts';
import type { CheckRow, Grade } from './grade.ts';
import type { Check, Exercise } from './lesson.ts';

type Found = Pick<CheckRow, 'name' | 'passed' | 'observed'>;

/** A number as people write one: `4,096`, `0x1000`, `1e-3`; null for anything else. */
export function numberOf(text: string): number | null {
  const plain = text.trim().replace(/(?<=\d)[,_ ](?=\d{3}\b)/g, '');
  if (/^[+-]?0x[0-9a-f]+$/i.test(plain)) return Number(plain.replace(/^[+-]/, '')) * (plain.startsWith('-') ? -1 : 1);
  return /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i.test(plain) ? Number(plain) : null;
}

const same = (a: string, b: string): boolean => a.trim().toLowerCase().replace(/\s+/g, ' ') === b.trim().toLowerCase().replace(/\s+/g, ' ');

async function equals(value: unknown, answer: string, facts: Facts): Promise<Found> {
  const {
    fact,
    value: given,
    within = 0,
    among,
  } = (typeof value === 'object' ? value : { value }) as {
    fact?: string;
    value?: number | string;
    within?: number;
    among?: readonly (number | string)[];
  };
  const wanted = among ?? [fact === undefined ? given! : await facts.value(fact)];
  const number = numberOf(answer);
  const passed = wanted.some((one) => (typeof one === 'number' ? number !== null && Math.abs(number - one) <= within : same(answer, one)));
  const name = 'the answer is what the tool computes';
  if (passed) return { name, passed, observed: `${answer.trim()} is right.` };
  if (wanted.every((one) => typeof one === 'number') && number === null)
    return { name, passed, observed: answer.trim() === '' ? 'There is no answer yet.' : `“${answer.trim().slice(0, 60)}” is no number.` };
  return {
    name,
    passed,
    observed: answer.trim() === '' ? 'There is no answer yet.' : `${answer.trim().slice(0, 60)} is not what the tool computes.`,
  };
}

/** What a scale does to values: rounded to the nearest step, held within the range of signed integers of that many bits. */
export function quantised(values: readonly number[], bits: number, scale: number): { worst: number; at: number; saturated: number } {
  const most = 2 ** (bits - 1) - 1;
  let [worst, at, saturated] = [-1, values[0], 0];
  for (const value of values) {
    const steps = Math.round(value / scale);
    const held = Math.max(-most - 1, Math.min(most, steps));
    if (held !== steps) saturated++;
    const error = Math.abs(held * scale - value);
    if (error > worst) [worst, at] = [error, value];
  }
  return { worst, at, saturated };
}

function quantise(value: unknown, answer: string): Found {
  const { values, bits, maxError } = value as { values: readonly number[]; bits: number; maxError: number };
  const name = `with this scale every value is within ${maxError} in ${bits} bits`;
  const scale = numberOf(answer);
  if (scale === null || !(scale > 0) || !Number.isFinite(scale)) return { name, passed: false, observed: 'A scale is a number above 0.' };
  const { worst, at, saturated } = quantised(values, bits, scale);
  const clipped = saturated > 0 ? ` ${saturated} of ${values.length} values are beyond the largest integer and were held there.` : '';
  return { name, passed: worst <= maxError, observed: `The worst error is ${worst.toPrecision(3)}, at ${at}.${clipped}` };
}

/** What the author says to this wrong answer rather than to every one. */
function ownAdvice({ kind, value }: Check, answer: string): string | null {
  const { mistakes = {} } = (kind === 'equals' && typeof value === 'object' ? value : {}) as {
    mistakes?: Readonly<Record<string, string>>;
  };
  const number = numberOf(answer);
  const found = Object.keys(mistakes).find((one) => same(one, answer) || (number !== null && numberOf(one) === number));
  return found === undefined ? null : mistakes[found];
}

/** Grades a number or a word. */
export async function gradeValue(exercise: Exercise, answer: string, facts: Facts): Promise<Grade> {
  const rows: CheckRow[] = [];
  for (const check of exercise.checks as readonly Check[]) {
    const found = check.kind === 'quantise' ? quantise(check.value, answer) : await equals(check.value, answer, facts);
    rows.push({ line: check.line, ...found, advice: found.passed ? null : (ownAdvice(check, answer) ?? check.advice) });
  }
  return { passed: rows.every(({ passed }) => passed), rows, answerLine: null };
}
