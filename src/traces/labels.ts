import { InputError } from '../base/errors.ts';
import { readNpy } from './npy.ts';

/** Larger classes do not occur, and a byte holds them. */
const MOST_CLASS = 127;

/**
 * Classes of the events of a trace, -1 where one is not known: an .npy of whole numbers, JSON with a `label` for each of its `packets`, or a text
 * with one number a line. Throws {@link InputError} when it is none of them, or labels another number of events than `count`.
 */
export function readLabels(bytes: Uint8Array, file: string, count: number): Int8Array {
  const numbers = bytes[0] === 0x93 ? npyLabels(bytes, file) : textLabels(new TextDecoder().decode(bytes), file);
  if (numbers.length !== count) throw new InputError(`it labels ${numbers.length} events, the trace has ${count}`, file);
  const at = numbers.findIndex((label) => !Number.isInteger(label) || label < -1 || label > MOST_CLASS);
  if (at >= 0) throw new InputError(`the label of event ${at + 1} is ${numbers[at]}, which is no class from 0 to ${MOST_CLASS}`, file);
  return Int8Array.from(numbers);
}

function npyLabels(bytes: Uint8Array, file: string): number[] {
  return Array.from(readNpy(bytes, file).data as ArrayLike<number | bigint>, Number);
}

function textLabels(text: string, file: string): number[] {
  if (/^\s*[[{]/.test(text)) return jsonLabels(text, file);
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line, at) => {
    if (!/^-?\d+$/.test(line))
      throw new InputError(`\`${line.slice(0, 40)}\` is no class`, `${file}, line ${at + 1}`, 'Give one whole number a line');
    return Number(line);
  });
}

function jsonLabels(text: string, file: string): number[] {
  const advice = 'Give JSON with packets, each with a label';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InputError('not JSON', file, advice);
  }
  const list = Array.isArray(value) ? value : (value as { packets?: unknown }).packets;
  if (!Array.isArray(list)) throw new InputError('these are no labels', file, advice);
  return list.map((one: unknown) => {
    const label = typeof one === 'object' && one !== null && !Array.isArray(one) ? (one as { label?: unknown }).label : one;
    if (label === undefined || label === null) return -1;
    return typeof label === 'number' ? label : Number.NaN;
  });
}
