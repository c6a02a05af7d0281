import { type FormEvent, useState } from 'react';
import { dims as texts } from '../texts/model.ts';

const isSize = (text: string | undefined) => /^[1-9]\d{0,5}$/.test(text ?? '');

/** Asks for the sizes of symbolic dimensions; the suggestions stand in the fields. */
export function DimsForm({
  suggested,
  onSubmit,
}: {
  suggested: Readonly<Record<string, number>>;
  onSubmit: (values: Record<string, number>) => void;
}) {
  const names = Object.keys(suggested);
  const [values, setValues] = useState<Record<string, string>>(Object.fromEntries(names.map((name) => [name, String(suggested[name])])));
  const valid = names.every((name) => isSize(values[name]));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (valid) onSubmit(Object.fromEntries(names.map((name) => [name, Number(values[name])])));
  };
  return (
    <form className="dims-form" onSubmit={submit}>
      <p>{texts.why}</p>
      {names.map((name) => (
        <label key={name}>
          <span className="mono">{name}</span>
          <input
            className="field num"
            inputMode="numeric"
            value={values[name] ?? ''}
            aria-invalid={!isSize(values[name])}
            onChange={(event) => setValues({ ...values, [name]: event.target.value })}
          />
        </label>
      ))}
      <button type="submit" className="button primary" disabled={!valid}>
        {texts.open}
      </button>
    </form>
  );
}
