import type { KernelVersion, StateRow } from '../../verifier/api.ts';
import { verify } from '../../verifier/verify.ts';
import type { ProgramSpec } from '../clients.ts';
import type { AbstractView } from '../machine-views.ts';
import type { CallContext } from '../rpc.ts';
import { Recent } from './blobs.ts';
import { heldProgram } from './programs.ts';

interface StatesArgs {
  readonly program: ProgramSpec;
  readonly kernel: KernelVersion;
  readonly insn: number;
  /** What registers hold, by the verifier's names, as decimal strings, unsigned. */
  readonly values: Readonly<Record<string, string>>;
}

interface Visits {
  readonly visits: number;
  readonly states: readonly (readonly StateRow[])[];
}

const known = new Recent<Visits>(24);
/** So many visits of an instruction are looked through. */
const MOST_VISITS = 256;

function visitsOf({ program, kernel, insn }: StatesArgs, context: CallContext): Visits {
  const key = JSON.stringify([program.key, kernel, insn]);
  const before = known.get(key);
  if (before) return before;
  const result = verify(heldProgram(program, context).program, {
    kernel,
    privilege: 'root',
    logLevel: 0,
    recordStates: true,
    recordVisits: { insnIdx: insn, most: MOST_VISITS },
    onProgress: () => false,
  });
  const visits = result.visits[insn] ?? 0;
  const states = Array.from({ length: Math.min(visits, MOST_VISITS) }, (_, visit) => result.stateBefore(insn, visit) ?? []);
  return known.set(key, { visits, states });
}

/** What is known of a scalar; pointers have no value to compare. */
const isScalar = ({ text, smin, smax }: StateRow): boolean =>
  smin !== undefined && smax !== undefined && /^P?(?:scalar|inv|-?\d)/.test(text);

function inside(row: StateRow, value: bigint): boolean {
  const signed = BigInt.asIntN(64, value);
  if (signed < row.smin! || signed > row.smax!) return false;
  if (row.tnumValue === undefined || row.tnumMask === undefined) return true;
  return BigInt.asUintN(64, value & ~row.tnumMask) === BigInt.asUintN(64, row.tnumValue);
}

/**
 * The state of the first of the verifier's visits that holds for these values, or of the last one. Several paths may lead to an
 * instruction, and a path that an earlier one covers is not followed: so a value may lie outside of each state that was visited where
 * the verifier did not need to know it.
 */
export function abstractAt(args: StatesArgs, context: CallContext): AbstractView {
  const { visits, states } = visitsOf(args, context);
  const values = new Map(Object.entries(args.values).map(([name, value]) => [name, BigInt(value)]));
  const fits = (row: StateRow): boolean | undefined => {
    const value = values.get(row.name.toLowerCase());
    return value === undefined || !isScalar(row) ? undefined : inside(row, value);
  };
  const found = states.findIndex((rows) => rows.every((row) => fits(row) !== false));
  const visit = found >= 0 ? found : states.length - 1;
  return {
    rows: (states[visit] ?? []).map((row) => {
      const { name, text, smin, smax, tnumValue, tnumMask } = row;
      const fit = fits(row);
      return {
        name,
        text,
        ...(smin === undefined ? {} : { smin: String(smin) }),
        ...(smax === undefined ? {} : { smax: String(smax) }),
        ...(tnumValue === undefined ? {} : { tnumValue: String(tnumValue) }),
        ...(tnumMask === undefined ? {} : { tnumMask: String(tnumMask) }),
        ...(fit === undefined ? {} : { inside: fit }),
      };
    }),
    visit,
    visits,
    kept: states.length,
    covers: found >= 0,
  };
}
