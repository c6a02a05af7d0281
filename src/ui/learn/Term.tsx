import { useContext, useId, useRef } from 'react';
import { course as texts } from '../texts/course.ts';
import { Surroundings } from './Prose.tsx';

const GAP = 4;

/** A word with what the glossary says of it: Enter, Space or a click opens it, Escape and anything else closes it. */
export function Term({ name }: { name: string }) {
  const { terms, go } = useContext(Surroundings);
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const entry = Object.hasOwn(terms, name) ? terms[name] : undefined;
  if (!entry || !go) return <em className="lesson-word">{name}</em>;
  const place = (card: HTMLElement) => {
    const at = button.current!.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = card;
    const below = at.bottom + GAP + height < window.innerHeight || at.top < height + GAP;
    card.style.left = `${Math.max(8, Math.min(at.left, window.innerWidth - width - 8))}px`;
    card.style.top = `${below ? at.bottom + GAP : at.top - height - GAP}px`;
  };
  return (
    <>
      <button type="button" ref={button} className="lesson-term" popoverTarget={id} title={texts.term(name)}>
        {name}
      </button>
      <span
        id={id}
        popover="auto"
        role="note"
        className="lesson-card"
        onToggle={(event) => {
          if (event.newState === 'open') place(event.currentTarget);
        }}
      >
        <strong>{entry.name}</strong> <span>{entry.text}</span>
        {entry.source ? <span className="muted small">{entry.source}</span> : null}
      </span>
    </>
  );
}
