import { type KeyboardEvent, type ReactNode, useId } from 'react';
import './panel.css';

interface PanelProps {
  readonly id: string;
  readonly title: string;
  /** One line beside the title: counts, verdicts. */
  readonly summary?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  readonly onKeyDown?: (event: KeyboardEvent<HTMLElement>) => void;
}

/** The frame that every panel shares: a title row of 28 px and a body that scrolls by itself. */
export function Panel({ id, title, summary, actions, children, onKeyDown }: PanelProps) {
  const titleId = useId();
  return (
    <section className="panel" data-panel={id} aria-labelledby={titleId} onKeyDown={onKeyDown}>
      <header className="panel-head">
        <h2 id={titleId} className="panel-title">
          {title}
        </h2>
        <div className="panel-summary ellipsis">{summary}</div>
        {actions ? <div className="panel-actions">{actions}</div> : null}
      </header>
      <div className="panel-body">{children}</div>
    </section>
  );
}
