import { useRef, useState } from 'react';
import type { Binding } from '../../hooks/binding.ts';
import { FIELDS, FLOW_FEATURES } from '../../hooks/features/catalogue.ts';
import type { UserError } from '../../workbench/errors.ts';
import { bindingForm } from '../texts/binding-form.ts';

const texts = bindingForm.json;

interface JsonProps {
  readonly binding: Binding;
  onChange(binding: Binding): void;
  /** Told of text that is no JSON, and of its end. */
  onMistake(mistake: UserError | null): void;
}

/** A binding of any kind as its document; names of features can be put in from a list. */
export function BindingJson({ binding, onChange, onMistake }: JsonProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(() => readable(binding));
  const take = (next: string) => {
    setText(next);
    try {
      onChange(JSON.parse(next) as Binding);
      onMistake(null);
    } catch (error) {
      onMistake({ what: texts.mistake, where: error instanceof Error ? error.message : '', advice: '' });
    }
  };
  const insert = (name: string) => {
    const at = field.current;
    if (!at || name === '') return;
    const { selectionStart: from, selectionEnd: to } = at;
    take(`${text.slice(0, from)}"${name}"${text.slice(to)}`);
    at.focus();
  };
  return (
    <fieldset className="binding-json">
      <legend>{texts.title}</legend>
      <textarea
        ref={field}
        className="field mono"
        aria-label={texts.title}
        rows={14}
        spellCheck={false}
        value={text}
        onChange={(event) => take(event.target.value)}
      />
      <label>
        <span>{texts.insert}</span>
        <select className="field" value="" onChange={(event) => insert(event.target.value)}>
          <option value="">{texts.choose}</option>
          {[[texts.fields, FIELDS] as const, [texts.flow, FLOW_FEATURES] as const].map(([title, features]) => (
            <optgroup key={title} label={title}>
              {features.map(({ name, says }) => (
                <option key={name} value={name}>
                  {texts.feature(name, says)}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      </label>
    </fieldset>
  );
}

/** Indented, with short lists and objects on one line. */
function readable(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(/[[{]\n[^[\]{}]*[\]}]/g, (part) => {
    const line = part
      .split('\n')
      .map((one) => one.trim())
      .join(' ');
    return line.length <= 80 ? line : part;
  });
}
