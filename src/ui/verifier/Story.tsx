import { ChevronLeft, ChevronRight } from 'lucide-react';
import { type ReactNode, useCallback, useEffect, useRef } from 'react';
import { useCommandHandler } from '../commands.ts';
import { Code } from '../program/Code.tsx';
import { why as texts } from '../texts/why.ts';
import { Breakable } from './Breakable.tsx';

/** One step as the story lists it; `detail` shows when the step is chosen. */
export interface StoryItem {
  readonly role: keyof typeof texts.roles;
  /** Instruction or line that it stands for. */
  readonly place: string;
  readonly code: string;
  readonly text: string;
  readonly detail: ReactNode;
}

interface StoryProps {
  readonly title: string;
  readonly items: readonly StoryItem[];
  readonly chosen: number;
  readonly onChoose: (at: number) => void;
}

/** A story that is walked through: by its steps, by the buttons, or with the panel's keys for the next and the previous step. */
export function Story({ title, items, chosen, onChoose }: StoryProps) {
  const list = useRef<HTMLOListElement>(null);
  const go = useCallback(
    (by: number) => {
      const next = chosen < 0 ? (by > 0 ? 0 : items.length - 1) : chosen + by;
      if (next < 0 || next >= items.length) return;
      onChoose(next);
      list.current?.querySelectorAll<HTMLElement>('.why-step')[next]?.focus();
    },
    [chosen, items.length, onChoose],
  );
  useCommandHandler(
    'verifier.step.next',
    useCallback(() => go(1), [go]),
  );
  useCommandHandler(
    'verifier.step.previous',
    useCallback(() => go(-1), [go]),
  );
  useEffect(() => {
    if (chosen >= 0) list.current?.children[chosen]?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);

  return (
    <section className="why-section" aria-label={title}>
      <div className="why-nav">
        <h2>{title}</h2>
        <span className="muted" aria-live="polite" data-testid="why-step">
          {chosen >= 0 ? texts.step(chosen + 1, items.length) : ''}
        </span>
        <button
          type="button"
          className="button square"
          aria-label={texts.previous}
          title={`${texts.previous} (P)`}
          disabled={chosen === 0}
          onClick={() => go(-1)}
        >
          <ChevronLeft size={14} aria-hidden="true" />
        </button>
        <button
          type="button"
          className="button square"
          aria-label={texts.next}
          title={`${texts.next} (N)`}
          disabled={chosen === items.length - 1}
          onClick={() => go(1)}
        >
          <ChevronRight size={14} aria-hidden="true" />
        </button>
      </div>
      <ol className="why-story" ref={list} aria-label={texts.steps}>
        {items.map((item, at) => (
          <li key={at} className={at === chosen ? `why-item ${item.role} chosen` : `why-item ${item.role}`}>
            <button
              type="button"
              className="why-step"
              aria-current={at === chosen ? 'step' : undefined}
              aria-expanded={item.detail ? at === chosen : undefined}
              onClick={() => onChoose(at)}
            >
              <span className="why-mark" aria-hidden="true">
                {texts.roles[item.role][0]}
              </span>
              <span className="why-role">{texts.roles[item.role][1]}</span>
              <span className="why-code mono">
                <span className="why-place">{item.place}</span> <Code text={item.code} />
              </span>
              <span className="why-text">
                <Breakable text={item.text} />
              </span>
            </button>
            {at === chosen && item.detail ? <div className="why-detail">{item.detail}</div> : null}
          </li>
        ))}
      </ol>
    </section>
  );
}
