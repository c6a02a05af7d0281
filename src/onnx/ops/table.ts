import type { OpDef } from './context.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { LINEAR } from './linear.ts';
import { MOVEMENT } from './movement.ts';
import { NORM } from './norm.ts';
import { REDUCE } from './reduce.ts';
import { SELECTION } from './selection.ts';

type Table = Readonly<Record<string, OpDef>>;

/** Definitions by domain and operator; `rare.ts` adds those that most models do not have. */
const DOMAINS = new Map<string, Map<string, OpDef>>([
  ['', new Map(Object.entries({ ...ELEMENTWISE, ...MOVEMENT, ...SELECTION, ...REDUCE, ...LINEAR, ...NORM }))],
]);

/** Makes the operators of `table` known in `domain`. */
export function addOps(domain: string, table: Table): void {
  DOMAINS.set(domain, new Map([...(DOMAINS.get(domain) ?? []), ...Object.entries(table)]));
}

/** What import can do with operator `op` of `domain`; undefined when it does not know it. */
export const opDef = (domain: string, op: string): OpDef | undefined => DOMAINS.get(domain)?.get(op);

/** Operators whose output shape depends on the values that flow through the model. */
export const DATA_DEPENDENT: ReadonlySet<string> = new Set(['NonZero', 'Unique', 'NonMaxSuppression', 'Compress', 'StringSplit']);
