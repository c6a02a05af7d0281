import { type KeyboardEvent, type ReactNode, useContext } from 'react';
import { createPortal } from 'react-dom';
import { SlotContext, useSlot } from './panel-slot.ts';
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

/** The frame that every panel shares: summary and actions in the row of tabs, and a body that scrolls by itself. Commands may focus it. */
export function Panel({ id, title, summary, actions, children, onKeyDown }: PanelProps) {
  const slot = useSlot(useContext(SlotContext), id);
  const head = (
    <>
      <div className="panel-summary ellipsis">{summary}</div>
      {actions ? (
        <div className="panel-actions" data-panel-actions={id}>
          {actions}
        </div>
      ) : null}
    </>
  );
  return (
    <section className="panel" data-panel={id} aria-label={title} tabIndex={-1} onKeyDown={onKeyDown}>
      {slot ? createPortal(head, slot) : null}
      <div className="panel-body">{children}</div>
    </section>
  );
}
