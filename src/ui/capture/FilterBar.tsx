import { type FormEvent, type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { checkFilter, fieldNames } from '../../workbench/capture.ts';
import type { FilterProblem } from '../../workbench/capture-views.ts';
import { capture as texts } from '../texts/capture.ts';

const MOST = 8;

/** The text with the word at the cursor. */
function wordAt(text: string, at: number): { from: number; word: string } {
  const word = /[\w.]*$/.exec(text.slice(0, at))?.[0] ?? '';
  return { from: at - word.length, word };
}

interface FilterBarProps {
  readonly applied: string;
  readonly onApply: (text: string) => void;
  /** The line below, while nothing is wrong: nothing moves while a filter is typed. */
  readonly children: ReactNode;
}

/** The display filter: checked as it is typed, with the part that is wrong underlined in words, and fields to complete. */
export function FilterBar({ applied, onApply, children }: FilterBarProps) {
  const [text, setText] = useState(applied);
  const [problem, setProblem] = useState<FilterProblem | null>(null);
  const [fields, setFields] = useState<readonly string[]>([]);
  const [offered, setOffered] = useState<readonly string[]>([]);
  const [chosen, setChosen] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  useEffect(() => setText(applied), [applied]);
  useEffect(() => {
    let wanted = true;
    fieldNames().then(
      (names) => {
        if (wanted) setFields(names);
      },
      () => undefined,
    );
    return () => {
      wanted = false;
    };
  }, []);
  useEffect(() => {
    let wanted = true;
    checkFilter(text).then(
      (found) => {
        if (wanted) setProblem(found);
      },
      () => undefined,
    );
    return () => {
      wanted = false;
    };
  }, [text]);

  const type = (next: string, at: number) => {
    setText(next);
    const { word } = wordAt(next, at);
    setOffered(word.length < 2 ? [] : fields.filter((name) => name.startsWith(word) && name !== word).slice(0, MOST));
    setChosen(-1);
  };
  const take = (name: string) => {
    const at = input.current?.selectionStart ?? text.length;
    const { from } = wordAt(text, at);
    setText(text.slice(0, from) + name + text.slice(at));
    setOffered([]);
    input.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (offered.length === 0) return;
    if (event.key === 'ArrowDown') setChosen((chosen + 1) % offered.length);
    else if (event.key === 'ArrowUp') setChosen((chosen + offered.length - (chosen < 0 ? 0 : 1)) % offered.length);
    else if (event.key === 'Escape') setOffered([]);
    else if ((event.key === 'Enter' || event.key === 'Tab') && chosen >= 0) take(offered[chosen]!);
    else return;
    event.preventDefault();
  };
  const clear = () => {
    setText('');
    onApply('');
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setOffered([]);
    if (!problem) onApply(text);
  };
  return (
    <form className="capture-filter" onSubmit={submit}>
      <div className="capture-filter-field">
        <input
          ref={input}
          className={`field mono${problem ? ' wrong' : ''}`}
          type="text"
          role="combobox"
          aria-label={texts.filter.label}
          aria-expanded={offered.length > 0}
          aria-controls={`${id}-list`}
          aria-activedescendant={chosen >= 0 ? `${id}-${chosen}` : undefined}
          aria-invalid={problem !== null}
          aria-describedby={problem ? `${id}-problem` : undefined}
          placeholder={texts.filter.placeholder}
          spellCheck={false}
          autoComplete="off"
          value={text}
          onChange={(event) => type(event.target.value, event.target.selectionStart ?? event.target.value.length)}
          onKeyDown={onKeyDown}
          onBlur={() => setOffered([])}
        />
        <div
          id={`${id}-list`}
          className="capture-completions"
          role="listbox"
          aria-label={texts.filter.completions}
          hidden={offered.length === 0}
        >
          {offered.map((name, at) => (
            <div
              key={name}
              id={`${id}-${at}`}
              role="option"
              tabIndex={-1}
              aria-selected={at === chosen}
              className="mono small"
              onMouseDown={(event) => {
                event.preventDefault();
                take(name);
              }}
            >
              {name}
            </div>
          ))}
        </div>
      </div>
      <button type="submit" className="button bordered" disabled={problem !== null}>
        {texts.filter.apply}
      </button>
      <button type="button" className="button" disabled={text === '' && applied === ''} onClick={clear}>
        {texts.filter.clear}
      </button>
      {problem ? (
        <p id={`${id}-problem`} className="capture-problem small" data-testid="filter-problem">
          <span className="mono">
            {text.slice(0, problem.from)}
            <u>{text.slice(problem.from, problem.to) || '␣'}</u>
            {text.slice(problem.to)}
          </span>{' '}
          <span className="bad">✕ {problem.what}</span>
        </p>
      ) : (
        children
      )}
    </form>
  );
}
