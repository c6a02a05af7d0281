import type { Binding } from '../hooks/binding.ts';
import { VERDICT_ORDER } from '../hooks/decide.ts';

/** uapi `enum xdp_action`. */
export const XDP_ACTIONS = ['ABORTED', 'DROP', 'PASS', 'TX', 'REDIRECT'] as const;

/** Stands in columns for the verdict of a system call at which the model does not run. */
export const NO_VERDICT = 255;

/** PASS, TX and REDIRECT. */
const GOES_ON: ReadonlySet<number> = new Set([2, 3, 4]);

/** What events are: their verdicts are XDP's actions, classes, or those of bindings on processes. */
export type EventKind = 'packets' | 'tensors' | 'calls';

/** Names of the verdict codes of `kind`, of models with `width` outputs where they are classes. */
export function verdictNames(kind: EventKind, width: number): readonly string[] {
  if (kind === 'packets') return XDP_ACTIONS;
  return kind === 'calls' ? VERDICT_ORDER : Array.from({ length: Math.max(2, width) }, (_, at) => `class ${at}`);
}

/** Name of one code; a return value that is no action is told as a number. */
export function verdictOf(kind: EventKind, code: number): string {
  if (kind === 'tensors') return `class ${code}`;
  if (kind === 'calls') return VERDICT_ORDER[code] ?? '–';
  return XDP_ACTIONS[code] ?? `RETURN ${code}`;
}

/** Whether a verdict is the one that the binding gives to class `label`; of a packet program without one, that class 0 goes on and no other does. */
export function meets(label: number, verdict: number, binding: Binding | null, kind: EventKind): boolean {
  if (kind === 'packets' && !binding) return (label === 0) === GOES_ON.has(verdict);
  if (kind === 'tensors' || !binding) return verdict === label;
  const { output } = binding;
  // TAG lets a packet pass with its metadata.
  const asked = (name: string | undefined) => verdictOf(kind, verdict) === (kind === 'packets' && name === 'TAG' ? 'PASS' : name);
  if (output.kind === 'threshold') return asked(label === output.class ? output.above : output.below);
  return output.kind === 'argmax' ? asked(output.verdicts[label]) : verdict === label;
}
