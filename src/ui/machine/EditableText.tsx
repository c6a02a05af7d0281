import { type ReactNode, useState } from 'react';

interface EditableTextProps {
  readonly label: string;
  readonly hint: string;
  readonly value: string;
  readonly initial: string;
  readonly disabled?: boolean;
  /** What is wrong with a text, or null. */
  readonly check: (text: string) => string | null;
  readonly onCommit: (text: string) => void;
  readonly children: ReactNode;
}

/** A value that becomes a field when it is pressed. */
export function EditableText({ label, hint, value, initial, disabled, check, onCommit, children }: EditableTextProps) {
  const [text, setText] = useState<string | null>(null);
  const [of, setOf] = useState(value);
  // What is typed belongs to the value that stood there.
  if (of !== value) {
    setOf(value);
    setText(null);
  }
  if (disabled) return <span className="machine-value">{children}</span>;
  if (text === null) {
    return (
      <button type="button" className="machine-value" aria-label={label} title={label} onClick={() => setText(initial)}>
        {children}
      </button>
    );
  }
  const wrong = check(text);
  return (
    <span className="machine-field">
      <input
        className="field mono"
        aria-label={label}
        aria-invalid={wrong !== null}
        title={wrong ?? hint}
        value={text}
        // biome-ignore lint/a11y/noAutofocus: the field stands where the pressed value stood
        autoFocus
        onFocus={(event) => event.target.select()}
        onChange={(event) => setText(event.target.value)}
        onBlur={() => setText(null)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') setText(null);
          else if (event.key !== 'Enter' || wrong !== null) return;
          else {
            onCommit(text);
            setText(null);
          }
          event.preventDefault();
          event.stopPropagation();
        }}
      />
      {wrong !== null && text !== '' ? (
        <span className="small bad" role="alert">
          {wrong}
        </span>
      ) : null}
    </span>
  );
}
