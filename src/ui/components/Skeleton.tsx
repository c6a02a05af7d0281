import { boundary as texts } from '../texts/boundary.ts';
import './boundary.css';

/** Stands where a part of the page is to come: its outline, and its name for whoever waits longer. */
export function Skeleton({ title }: { title: string }) {
  return (
    <div className="skeleton" role="status" data-testid="skeleton">
      <p className="muted small">{texts.loading(title)}</p>
      <i />
      <i />
      <i />
    </div>
  );
}
