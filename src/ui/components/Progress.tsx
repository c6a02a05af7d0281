import type { StageProgress } from '../../workbench/stages.ts';
import { shell as texts } from '../texts/shell.ts';

/** How far work is, in words, numbers and a bar; with a way to stop. */
export function Progress({ progress, label, onCancel }: { progress: StageProgress | null; label: string; onCancel?: () => void }) {
  const share = progress && progress.total > 0 ? progress.done / progress.total : 0;
  const text = progress?.stage ?? label;
  const known = progress !== null && progress.total > 0;
  return (
    <div className="progress small">
      <span>{text}</span>
      <div
        className="progress-track"
        role="progressbar"
        aria-label={text}
        aria-valuemin={0}
        aria-valuemax={100}
        {...(known ? { 'aria-valuenow': Math.round(share * 100) } : {})}
      >
        <div className="progress-bar" style={{ transform: `scaleX(${share})` }} />
      </div>
      {known ? (
        <span>{progress.total > 1 ? `${fmt(progress.done)} of ${fmt(progress.total)}` : `${Math.round(share * 100)} %`}</span>
      ) : null}
      {onCancel ? (
        <button type="button" className="button small" onClick={onCancel}>
          {texts.stop}
        </button>
      ) : null}
    </div>
  );
}

const fmt = (value: number) => Math.round(value).toLocaleString('en');
