import { formatScore } from '../../workbench/selectors.ts';

interface ScoreCellsProps {
  /** Of the program; null where nothing was decided. */
  readonly result: { readonly verdict: string; readonly score: number } | null;
  /** Of the reference. */
  readonly expected: { readonly score: number } | null;
  readonly differs: boolean;
  readonly stale: boolean;
  readonly referenceStale: boolean;
  /** Class that the trace's labels give; negative for none, null where the trace has no labels. */
  readonly label: number | null;
}

/** The end of an event's line: verdict and score of the program, score of the reference, label. */
export function ScoreCells({ result, expected, differs, stale, referenceStale, label }: ScoreCellsProps) {
  return (
    <>
      <span className={`t-verdict v-${result?.verdict ?? 'none'}${stale ? ' stale' : ''}`} data-verdict>
        {result?.verdict ?? ''}
      </span>
      <span className={stale ? 't-score stale' : 't-score'} data-score>
        {result ? formatScore(result.score) : ''}
      </span>
      <span className={`t-score${differs ? ' bad' : ''}${referenceStale ? ' stale' : ''}`} data-reference>
        {differs ? '✕ ' : ''}
        {expected ? formatScore(expected.score) : ''}
      </span>
      {label === null ? null : <span className="t-label">{label < 0 ? '' : label}</span>}
    </>
  );
}
