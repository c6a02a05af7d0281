import { Fragment, useState } from 'react';
import type { ValueRow } from '../../verifier/query/told.ts';
import { step as texts } from '../texts/paths.ts';
import { Breakable } from './Breakable.tsx';
import { RangeBar } from './RangeBar.tsx';
import { boundText } from './range-scale.ts';

interface ValueRowsProps {
  readonly rows: readonly ValueRow[];
  readonly changed: (row: ValueRow) => boolean;
  /** What a mark means. */
  readonly since: string;
  /** Bits and ranges of every number are open. */
  readonly bits: boolean;
}

/** Registers and slots of a frame; bits and ranges of one open below it. */
export function ValueRows({ rows, changed, since, bits }: ValueRowsProps) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  return (
    <table className="state-table">
      <colgroup>
        <col className="state-name" />
        <col />
        <col className="state-bar" />
      </colgroup>
      <thead className="visually-hidden">
        <tr>
          <th scope="col">{texts.register}</th>
          <th scope="col">{texts.state}</th>
          <th scope="col">{texts.range}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => {
          const hasBits = row.tnumMask !== undefined && isVariable(row);
          const isOpen = hasBits && (bits || open.has(row.name));
          return (
            <Fragment key={row.name}>
              <tr className={changed(row) ? 'changed' : ''}>
                <th scope="row" className="mono">
                  {changed(row) ? (
                    <span className="state-dot" role="img" aria-label={texts.changed} title={since}>
                      {texts.mark}
                    </span>
                  ) : null}
                  {hasBits ? (
                    <button
                      type="button"
                      className="link state-open"
                      aria-expanded={isOpen}
                      aria-label={texts.details(row.name)}
                      onClick={() => setOpen(toggled(open, row.name))}
                    >
                      {row.name}
                    </button>
                  ) : (
                    row.name
                  )}
                </th>
                <td className="mono state-text" title={row.text}>
                  <Breakable text={row.text} />
                </td>
                <td className="state-range">{row.smin !== undefined && hasBits ? <RangeBar smin={row.smin} smax={row.smax!} /> : null}</td>
              </tr>
              {isOpen ? (
                <tr>
                  <td colSpan={3}>
                    <Details row={row} />
                  </td>
                </tr>
              ) : null}
            </Fragment>
          );
        })}
      </tbody>
    </table>
  );
}

/** A number, or a pointer with a variable part: there are bits to show. */
const isVariable = ({ text, smin, smax }: ValueRow): boolean => /^(?:P?(?:scalar|-?\d))/.test(text) || smin !== smax;

function toggled(open: ReadonlySet<string>, name: string): ReadonlySet<string> {
  const next = new Set(open);
  if (!next.delete(name)) next.add(name);
  return next;
}

/** All that is known about one number: its four ranges and each of its 64 bits. */
function Details({ row }: { row: ValueRow }) {
  const { tnumValue: value = 0n, tnumMask: mask = 0n } = row;
  const ranges = [
    [texts.ranges.s64, row.smin, row.smax],
    [texts.ranges.u64, row.umin, row.umax],
    [texts.ranges.s32, row.s32 && BigInt(row.s32[0]), row.s32 && BigInt(row.s32[1])],
    [texts.ranges.u32, row.u32 && BigInt(row.u32[0]), row.u32 && BigInt(row.u32[1])],
  ] as const;
  let unknown = 0;
  for (let bit = 0n; bit < 64n; bit++) if ((mask >> bit) & 1n) unknown++;
  return (
    <div className="value-details">
      <dl className="kv mono">
        {ranges.map(([name, low, high]) =>
          low === undefined || high === undefined ? null : (
            <Fragment key={name}>
              <dt>{name}</dt>
              <dd>{texts.between(boundText(low), boundText(high))}</dd>
            </Fragment>
          ),
        )}
        <dt>{texts.ranges.hex}</dt>
        <dd>{texts.hex(hex(value), hex(mask))}</dd>
      </dl>
      <div className="bits" role="img" aria-label={texts.bitsOf(row.name, unknown)}>
        {[32n, 0n].map((low, half) => (
          <div key={half} className="bits-half">
            <span className="muted small bits-name">{texts.halves[half]}</span>
            {Array.from({ length: 32 }, (_, i) => {
              const bit = low + 31n - BigInt(i);
              const kind = (mask >> bit) & 1n ? 'unknown' : (value >> bit) & 1n ? 'one' : 'zero';
              return (
                <span key={i} className={`bit ${kind}`} title={`${bit}`}>
                  {texts.bit[kind]}
                </span>
              );
            })}
          </div>
        ))}
      </div>
    </div>
  );
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;
