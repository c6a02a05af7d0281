/** Every field of a packet as one row of texts, as `tshark -T fields` writes them, ours and tshark's. */
import type { Dissection } from '../src/traces/dissect/dissection.ts';
import { FIELDS, type FieldId } from '../src/traces/dissect/fields.ts';
import { fieldText } from '../src/traces/dissect/values.ts';

/**
 * tshark's own idea of what nobody dissects, times in its own number of digits, and the number that three flags of TCP may be: it is part of
 * `tcp.flags`, and there where the flags by themselves are not.
 */
const LEFT_OUT = new Set([
  '',
  'frame.comment',
  'frame.time_epoch',
  'frame.time_relative',
  'frame.time_delta',
  'frame.interface_id',
  'data.data',
  'data.len',
  'tcp.flags.ace',
]);
/** Between values of one field. */
const SEPARATOR = '\x1f';

/** Fields that are compared, in the order of a row. */
export const NAMES: readonly string[] = FIELDS.filter(({ name, type }) => type !== 'protocol' && !LEFT_OUT.has(name)).map(
  ({ name }) => name,
);

/** Makes tshark write rows, a line a packet, with tabs between fields. */
export const TSHARK_FIELDS: readonly string[] = [
  ...['-T', 'fields', '-E', 'separator=/t', '-E', 'occurrence=a', '-E', `aggregator=${SEPARATOR}`],
  ...NAMES.flatMap((name) => ['-e', name]),
];

const COLUMN: ReadonlyMap<FieldId, number> = new Map(
  NAMES.map((name, column) => [FIELDS.findIndex((field) => field.name === name), column]),
);

/** Our row of a packet. */
export function rowOf(out: Dissection): string[] {
  const row = NAMES.map(() => '');
  const seen = new Set<number>();
  for (let at = 0; at < out.count; at++) {
    const column = COLUMN.get(out.field[at]!);
    if (column === undefined) continue;
    row[column] = seen.has(column) ? `${row[column]}${SEPARATOR}${fieldText(out, at)}` : fieldText(out, at);
    seen.add(column);
  }
  return row;
}
