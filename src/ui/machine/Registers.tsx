import { useState } from 'react';
import { act, useMachine } from '../../workbench/machine.ts';
import type { AbstractView, MachineView } from '../../workbench/machine-views.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { machine as texts } from '../texts/machine.ts';
import { boundText, signedLogPosition } from '../verifier/range-scale.ts';
import { EditableText } from './EditableText.tsx';
import { bitsText, knownBitsText, parseValue, valueText } from './format.ts';
import { ChangedMark, KnownTable } from './KnownTable.tsx';
import { type Knowledge, useAbstract } from './useAbstract.ts';

interface RegistersProps {
  readonly view: MachineView;
  readonly program: ProgramView;
  readonly frame: number;
}

/** Registers of a function with their bits, and what the verifier knew of them at this place. */
export function Registers({ view, program, frame }: RegistersProps) {
  const [bits, setBits] = useState(false);
  const before = useMachine((state) => state.before);
  const knowledge = useAbstract(program.key, view);
  const inner = frame === view.frames.length - 1 || view.frames.length === 0;
  const outerRows = [6, 7, 8, 9].map((index) => ({ index, value: view.frames[frame]?.callee[index - 6] ?? '0', note: '' }));
  const rows = inner ? view.registers.map((value, index) => ({ index, value, note: view.notes[index]! })) : outerRows;
  const ended = view.insn < 0;
  return (
    <>
      <KnownTable
        testId="registers"
        rowLabel={texts.register}
        nameClass="machine-name"
        valueLabel={texts.value}
        toggle={{ label: texts.bits, pressed: bits, onToggle: () => setBits(!bits) }}
        known={inner}
      >
        {rows.map(({ index, value, note }) => {
          const name = `r${index}`;
          const changed = inner && before !== null && before !== view && before.registers[index] !== value;
          return (
            <tr key={index} className={changed ? 'changed' : ''}>
              <th scope="row" className="mono">
                {changed ? <ChangedMark /> : null}
                {name}
              </th>
              <td className="mono">
                <EditableText
                  label={texts.edit(name)}
                  hint={texts.editHow}
                  value={value}
                  disabled={!inner || index === 10 || ended}
                  check={(text) => (parseValue(text) === null ? texts.badNumber : null)}
                  initial={valueText(value).decimal}
                  onCommit={(text) =>
                    void act({ kind: 'edit', edit: { kind: 'register', step: view.step, index, value: parseValue(text)! } })
                  }
                >
                  <Value value={value} note={note} />
                </EditableText>
                {bits ? (
                  <span className="machine-bits small muted" title={texts.bitsOf(name)}>
                    {bitsText(value)}
                  </span>
                ) : null}
              </td>
              {inner ? (
                <td className="machine-known-cell">
                  {knowledge.state && knowledge.state.visits > 0 && !knowledge.rows.has(name) ? (
                    <span className="small muted">{texts.unset}</span>
                  ) : (
                    <Known row={knowledge.rows.get(name)} value={value} bits={bits} />
                  )}
                </td>
              ) : null}
            </tr>
          );
        })}
      </KnownTable>
      {inner ? <KnowledgeLine knowledge={knowledge} ended={ended} /> : <p className="machine-note small muted">{texts.outer}</p>}
    </>
  );
}

/** A value: where it points, or its number. */
export function Value({ value, note }: { value: string; note: string }) {
  const { decimal, hex } = valueText(value);
  return note === '' ? (
    <>
      {decimal} {decimal.length > 1 ? <span className="muted">{hex}</span> : null}
    </>
  ) : (
    <>
      <span className="machine-pointer">{note}</span> <span className="muted">{hex}</span>
    </>
  );
}

/** Range and known bits of a scalar with the value in it; pointers in the verifier's words. */
export function Known({ row, value, bits }: { row: AbstractView['rows'][number] | undefined; value: string; bits: boolean }) {
  if (!row) return null;
  const ranged = row.inside !== undefined && row.smin !== undefined && row.smax !== undefined;
  const smin = BigInt(row.smin ?? 0);
  const smax = BigInt(row.smax ?? 0);
  const from = signedLogPosition(smin) * 100;
  const to = signedLogPosition(smax) * 100;
  const at = signedLogPosition(BigInt.asIntN(64, BigInt(value))) * 100;
  return (
    <span className="machine-range" title={row.text}>
      {ranged ? (
        <>
          <svg viewBox="0 0 100 8" preserveAspectRatio="none" className="range-bar" aria-hidden="true">
            <line x1="50" x2="50" y1="0" y2="8" />
            <rect x={Math.min(from, 98.5)} width={Math.max(1.5, to - from)} y="2" height="4" rx="1" />
            <line className="machine-here" x1={at} x2={at} y1="0" y2="8" />
          </svg>
          <span className="small ellipsis">
            {row.inside ? (
              <span className="ok" title={texts.inside}>
                {texts.insideMark}
              </span>
            ) : (
              <span className="warn" title={texts.outside}>
                {texts.outsideMark}
              </span>
            )}{' '}
            <span className="muted">{smin === smax ? boundText(smin) : `${boundText(smin)} … ${boundText(smax)}`}</span>
          </span>
          {bits && row.tnumValue !== undefined && row.tnumMask !== undefined && BigInt.asUintN(64, ~BigInt(row.tnumMask)) !== 0n ? (
            <span className="machine-bits small muted mono">{knownBitsText(row.tnumValue, row.tnumMask)}</span>
          ) : null}
        </>
      ) : (
        <span className="small mono ellipsis">{row.text}</span>
      )}
    </span>
  );
}

/** Which state of the verifier stands there. */
export function KnowledgeLine({ knowledge: { state, asking }, ended }: { knowledge: Knowledge; ended: boolean }) {
  if (ended) return null;
  return (
    <p className="machine-note small muted" data-testid="knowledge" data-covers={state?.covers ?? ''}>
      {asking
        ? texts.asking
        : !state || state.visits === 0
          ? texts.unvisited
          : state.covers
            ? texts.covered(state.visit, state.visits)
            : `▲ ${texts.unknown(state.kept, state.visits)}`}
    </p>
  );
}
