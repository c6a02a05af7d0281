import { ACCEL_HOOK_DEFS, ACCEL_RETURNS, type AccelHook } from '../../bpf/accelerator/hooks.ts';
import { EINVAL } from '../../vm/errno.ts';

export type Verdict =
  | { readonly kind: 'continue' | 'defer' | 'reorder' }
  /** `errno` is positive. */
  | { readonly kind: 'abort'; readonly errno: number };

const CONTINUE: Verdict = { kind: 'continue' };

/**
 * What the device does with a program's answer. An answer that the hook does not know cannot come from a verified program; it ends the
 * request as -EINVAL would. At `telemetry` there is nothing to end.
 */
export function verdictOf(hook: AccelHook, returnValue: number): Verdict {
  const { returns } = ACCEL_HOOK_DEFS[hook];
  if (returnValue === ACCEL_RETURNS.CONTINUE || hook === 'telemetry') return CONTINUE;
  if (returnValue < 0) return { kind: 'abort', errno: -returnValue };
  if (returnValue === ACCEL_RETURNS.DEFER && returns.includes('defer')) return { kind: 'defer' };
  if (returnValue === ACCEL_RETURNS.REORDER && returns.includes('reorder')) return { kind: 'reorder' };
  return { kind: 'abort', errno: EINVAL };
}
