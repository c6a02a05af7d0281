import { useState } from 'react';

interface NumberFieldProps {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly whole?: boolean;
  /** What to say of a text that is no such number. */
  readonly bad: string;
  readonly className?: string;
  readonly disabled?: boolean;
  readonly onChange: (value: number) => void;
}

/** A number as text, taken over with every key that makes it one; what is none stays in the field and says so. */
export function NumberField({ label, value, min, max, whole = false, bad, className = '', disabled, onChange }: NumberFieldProps) {
  const [text, setText] = useState<string | null>(null);
  const parsed = (from: string): number | null => {
    const number = from.trim() === '' ? Number.NaN : Number(from.replaceAll(/[,\s]/g, ''));
    return number >= min && number <= max && (!whole || Number.isInteger(number)) ? number : null;
  };
  const wrong = text !== null && parsed(text) === null;
  return (
    <input
      type="text"
      inputMode="decimal"
      className={`field num ${className}`}
      aria-label={label}
      aria-invalid={wrong}
      title={wrong ? bad : label}
      disabled={disabled}
      value={text ?? shown(value)}
      onChange={(event) => {
        setText(event.target.value);
        const number = parsed(event.target.value);
        if (number !== null) onChange(number);
      }}
      onBlur={() => setText(null)}
      onKeyDown={(event) => {
        if (event.key === 'Escape') setText(null);
      }}
    />
  );
}

/** Beyond a million by powers of ten where that is exact, else with commas. */
function shown(value: number): string {
  if (value >= 1e6) {
    const short = value.toExponential().replace('e+', 'e');
    if (short.length <= 7) return short;
  }
  return value.toLocaleString('en', { maximumFractionDigits: 6 });
}
