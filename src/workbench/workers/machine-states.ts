import type { Query } from '../../verifier/query/query.ts';
import type { ValueRow } from '../../verifier/query/told.ts';
import type { AbstractView } from '../machine-views.ts';

/** So many visits of an instruction are looked through. */
const MOST_VISITS = 1024;

/** What is known of a scalar; pointers have no value to compare. */
const isScalar = ({ text, smin, smax }: ValueRow): boolean =>
  smin !== undefined && smax !== undefined && /^P?(?:scalar|inv|-?\d)/.test(text);

function inside(row: ValueRow, value: bigint): boolean {
  const signed = BigInt.asIntN(64, value);
  if (signed < row.smin! || signed > row.smax!) return false;
  if ((row.umin !== undefined && value < row.umin) || (row.umax !== undefined && value > row.umax)) return false;
  const low = [Number(BigInt.asIntN(32, value)), Number(BigInt.asUintN(32, value))] as const;
  if ((row.s32 && (low[0] < row.s32[0] || low[0] > row.s32[1])) || (row.u32 && (low[1] < row.u32[0] || low[1] > row.u32[1]))) return false;
  return (
    row.tnumValue === undefined ||
    row.tnumMask === undefined ||
    BigInt.asUintN(64, value & ~row.tnumMask) === BigInt.asUintN(64, row.tnumValue)
  );
}

/**
 * The state of the first of the verifier's visits of `insn` that holds for these values, or of the last one; values by the verifier's
 * names, as decimal strings, unsigned. Several paths may lead to an instruction, and a path that an earlier one covers is not followed:
 * so a value may lie outside of each state that was visited where the verifier did not need to know it.
 */
export function coveringState(query: Query, insn: number, given: Readonly<Record<string, string>>): AbstractView {
  const visits = query.visits(insn);
  const values = new Map(Object.entries(given).map(([name, value]) => [name, BigInt(value)]));
  const insideOf = (row: ValueRow): boolean | undefined => {
    const value = values.get(row.name.toLowerCase());
    return value === undefined || !isScalar(row) ? undefined : inside(row, value);
  };
  const rowsAt = (step: number): readonly ValueRow[] => {
    const { rows, frame } = query.told(step);
    return rows.filter((row) => row.frame === frame);
  };
  let found = -1;
  let kept = 0;
  let rows: readonly ValueRow[] = [];
  for (let visit = 0; visit < Math.min(visits.length, MOST_VISITS) && found < 0; visit++) {
    if (!query.recording.hasState(visits[visit]!)) continue;
    rows = rowsAt(visits[visit]!);
    kept++;
    if (rows.every((row) => insideOf(row) !== false)) found = visit;
  }
  return {
    rows: rows.map((row) => {
      const { name, text, smin, smax, tnumValue, tnumMask } = row;
      const within = insideOf(row);
      return {
        name,
        text,
        ...(smin === undefined ? {} : { smin: String(smin) }),
        ...(smax === undefined ? {} : { smax: String(smax) }),
        ...(tnumValue === undefined ? {} : { tnumValue: String(tnumValue) }),
        ...(tnumMask === undefined ? {} : { tnumMask: String(tnumMask) }),
        ...(within === undefined ? {} : { inside: within }),
      };
    }),
    visit: found >= 0 ? found : Math.min(visits.length, MOST_VISITS) - 1,
    visits: visits.length,
    kept,
    covers: found >= 0,
  };
}
