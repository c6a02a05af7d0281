import type { ReactNode } from 'react';
import { machine as texts } from '../texts/machine.ts';

interface KnownTableProps {
  readonly testId: string;
  /** What the rows are, for those who cannot see it. */
  readonly rowLabel: string;
  /** Class of the column of names, which sets its width. */
  readonly nameClass: string;
  readonly valueLabel: string;
  /** A button beside the head of the values. */
  readonly toggle: { readonly label: string; readonly pressed: boolean; readonly onToggle: () => void };
  /** A third column tells what the verifier knows: of the innermost function alone. */
  readonly known: boolean;
  readonly children: ReactNode;
}

/** Names, what they hold, and what the verifier knew of it: registers and stack look alike. */
export function KnownTable({ testId, rowLabel, nameClass, valueLabel, toggle, known, children }: KnownTableProps) {
  return (
    <table className="machine-table" data-testid={testId}>
      <colgroup>
        <col className={nameClass} />
        <col />
        {known ? <col className="machine-known" /> : null}
      </colgroup>
      <thead>
        <tr>
          <th scope="col">
            <span className="visually-hidden">{rowLabel}</span>
          </th>
          <th scope="col" className="small muted">
            {valueLabel}
            <button type="button" className="button small bordered" aria-pressed={toggle.pressed} onClick={toggle.onToggle}>
              {toggle.label}
            </button>
          </th>
          {known ? (
            <th scope="col" className="small muted">
              {texts.knowledge}
            </th>
          ) : null}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
}

/** The row has changed since the last stop. */
export function ChangedMark() {
  return (
    <span className="state-dot" role="img" aria-label={texts.changed} title={texts.changed}>
      {texts.mark}
    </span>
  );
}
