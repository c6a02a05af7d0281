interface SegmentsProps<T extends string> {
  readonly label: string;
  readonly names: Readonly<Record<T, string>>;
  readonly value: T;
  readonly onChange: (value: T) => void;
}

/** The views of a panel, one of them on show. */
export function Segments<T extends string>({ label, names, value, onChange }: SegmentsProps<T>) {
  return (
    <fieldset className="segments accel-segments" aria-label={label}>
      {(Object.keys(names) as T[]).map((name) => (
        <button key={name} type="button" className="segment" aria-pressed={name === value} onClick={() => onChange(name)}>
          {names[name]}
        </button>
      ))}
    </fieldset>
  );
}
