/** A whole number from 0 to below `count`, typed or stepped. */
export function NumberField({
  label,
  value,
  count,
  onChange,
}: {
  label: string;
  value: number;
  count: number;
  onChange: (value: number) => void;
}) {
  return (
    <label className="small">
      <span className="muted">{label}</span>
      <input
        type="number"
        className="field num mono"
        min={0}
        max={count - 1}
        value={value}
        onChange={({ target }) => {
          const next = Math.round(target.valueAsNumber);
          if (next >= 0 && next < count) onChange(next);
        }}
      />
    </label>
  );
}

/** A number that a lesson gives, held within its bounds. */
export function givenNumber(text: string | undefined, count: number): number {
  const value = Math.floor(Number(text ?? 0));
  return value >= 0 ? Math.min(value, count - 1) : 0;
}
