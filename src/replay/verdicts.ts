import type { Binding } from '../hooks/binding.ts';

/** uapi `enum xdp_action`. */
export const XDP_ACTIONS = ['ABORTED', 'DROP', 'PASS', 'TX', 'REDIRECT'] as const;

/** Verdicts on processes. */
export const CALL_CLASSES: readonly string[] = ['PASS', 'TAG'];

/** PASS, TX and REDIRECT. */
const GOES_ON: ReadonlySet<number> = new Set([2, 3, 4]);

/** What events are: their verdicts are XDP's actions, classes, or those on processes. */
export type EventKind = 'packets' | 'tensors' | 'calls';

/** Names of the verdict codes of `kind`, of models with `width` outputs where they are classes. */
export function verdictNames(kind: EventKind, width: number): readonly string[] {
  if (kind === 'packets') return XDP_ACTIONS;
  return kind === 'calls' ? CALL_CLASSES : Array.from({ length: Math.max(2, width) }, (_, at) => `class ${at}`);
}

/** Name of one code; a return value that is no action is told as a number. */
export function verdictOf(kind: EventKind, code: number): string {
  if (kind === 'tensors') return `class ${code}`;
  return (kind === 'packets' ? XDP_ACTIONS : CALL_CLASSES)[code] ?? `RETURN ${code}`;
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
