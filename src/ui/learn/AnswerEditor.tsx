import { type KeyboardEvent, useId, useLayoutEffect, useRef } from 'react';
import { Coloured, type SourceKind } from './Source.tsx';

/**
 * A text field over its own coloured copy: an answer has some twenty lines, for which a whole editor is too much. Tab leaves it, as it leaves any field.
 */
export function AnswerEditor({
  text,
  kind,
  label,
  badLine,
  invalid,
  describedBy,
  onChange,
  onCheck,
}: {
  text: string;
  kind: SourceKind;
  label: string;
  /** Line that was found at fault, from 1; null without one. */
  badLine: number | null;
  invalid: boolean;
  describedBy?: string;
  onChange: (text: string) => void;
  onCheck: () => void;
}) {
  const field = useRef<HTMLTextAreaElement>(null);
  const copy = useRef<HTMLPreElement>(null);
  const gutter = useRef<HTMLDivElement>(null);
  const id = useId();
  const lines = text.split('\n').length;
  const follow = () => {
    const { scrollTop, scrollLeft } = field.current!;
    copy.current!.scrollTop = gutter.current!.scrollTop = scrollTop;
    copy.current!.scrollLeft = scrollLeft;
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: the copy scrolls after its text is there
  useLayoutEffect(follow, [text]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    onCheck();
  };
  return (
    <div className="answer" data-invalid={invalid}>
      <div ref={gutter} className="answer-gutter mono" aria-hidden="true">
        {Array.from({ length: lines }, (_, at) => (
          <span key={at} className={badLine === at + 1 ? 'answer-bad' : undefined}>
            {badLine === at + 1 ? '✕ ' : ''}
            {at + 1}
          </span>
        ))}
      </div>
      <div className="answer-text">
        <pre ref={copy} className="answer-copy mono" aria-hidden="true">
          <Coloured text={text} kind={kind} />
          {'\n'}
        </pre>
        <textarea
          id={id}
          ref={field}
          className="answer-field mono"
          aria-label={label}
          aria-invalid={invalid}
          aria-describedby={describedBy}
          rows={Math.min(28, Math.max(5, lines + 1))}
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
          autoCorrect="off"
          wrap="off"
          value={text}
          onChange={(event) => onChange(event.target.value)}
          onScroll={follow}
          onKeyDown={onKeyDown}
        />
      </div>
    </div>
  );
}
