import type { Binding } from '../hooks/binding.ts';
import type { Overlay } from './store.ts';
import type { ScoreColumns } from './views.ts';

/** Verdict codes of XDP (uapi `enum xdp_action`), and how they are called. */
export const VERDICT_NAMES = ['ABORTED', 'DROP', 'PASS', 'TX', 'REDIRECT'] as const;

export function verdictName(code: number): string {
  return VERDICT_NAMES[code] ?? String(code);
}

/** How many events were computed in this tab. */
export function liveDone(columns: ScoreColumns): number {
  return columns.live ?? columns.done;
}

/** Score and verdict of event `i`, edited packets first; null where there is none yet. */
export function scoreAt(columns: ScoreColumns | null, overlay: Overlay['program'], i: number): { score: number; verdict: number } | null {
  const changed = overlay.get(i);
  if (changed) return changed;
  if (!columns || i >= columns.done) return null;
  return { score: columns.score[i]!, verdict: columns.verdict[i]! };
}

/** Whether what an event comes to depends on the events before it: flows and processes are remembered. */
export const keepsState = ({ input: { kind } }: Pick<Binding, 'input'>): boolean => !['payload', 'tensor', 'fields'].includes(kind);

export function formatScore(score: number): string {
  return Number.isNaN(score) ? '–' : score.toFixed(4);
}

const COUNTS = new Intl.NumberFormat('en');

export function formatCount(value: number): string {
  return COUNTS.format(Math.round(value));
}

export function formatDims(dims: readonly number[]): string {
  return dims.length === 0 ? 'scalar' : dims.join(' × ');
}
