import type { OpDef } from './context.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { LINEAR } from './linear.ts';
import { ML } from './ml.ts';
import { MOVEMENT } from './movement.ts';
import { MICROSOFT, NORM } from './norm.ts';
import { MICROSOFT_QUANTISED, QUANTISED } from './quantised.ts';
import { RECURRENT } from './recurrent.ts';
import { REDUCE } from './reduce.ts';
import { RESIZE } from './resize.ts';
import { SELECTION } from './selection.ts';

const DEFAULT_DOMAIN = new Map(
  Object.entries({ ...ELEMENTWISE, ...MOVEMENT, ...SELECTION, ...REDUCE, ...LINEAR, ...NORM, ...QUANTISED, ...RESIZE, ...RECURRENT }),
);
const MICROSOFT_DOMAIN = new Map(Object.entries({ ...MICROSOFT, ...MICROSOFT_QUANTISED }));
const ML_DOMAIN = new Map(Object.entries(ML));

/** What import can do with operator `op` of `domain`; undefined when it does not know it. */
export function opDef(domain: string, op: string): OpDef | undefined {
  if (domain === '') return DEFAULT_DOMAIN.get(op);
  if (domain === 'ai.onnx.ml') return ML_DOMAIN.get(op);
  return domain === 'com.microsoft' ? MICROSOFT_DOMAIN.get(op) : undefined;
}

/** Operators whose output shape depends on the values that flow through the model. */
export const DATA_DEPENDENT: ReadonlySet<string> = new Set(['NonZero', 'Unique', 'NonMaxSuppression', 'Compress', 'StringSplit']);
