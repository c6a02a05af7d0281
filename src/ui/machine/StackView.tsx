import { useState } from 'react';
import { act, useMachine } from '../../workbench/machine.ts';
import type { MachineView } from '../../workbench/machine-views.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { machine as texts } from '../texts/machine.ts';
import { EditableText } from './EditableText.tsx';
import { hexBytes, parseBytes } from './format.ts';
import { ChangedMark, KnownTable } from './KnownTable.tsx';
import { KnowledgeLine, Known, Value } from './Registers.tsx';
import { useAbstract } from './useAbstract.ts';

interface StackViewProps {
  readonly view: MachineView;
  readonly program: ProgramView;
  readonly frame: number;
}

/** The 64 slots of a function's stack, the highest first, with what the verifier knew of them. */
export function StackView({ view, program, frame }: StackViewProps) {
  const [all, setAll] = useState(false);
  const before = useMachine((state) => state.before);
  const knowledge = useAbstract(program.key, view);
  const own = view.frames[frame];
  if (!own) return null;
  const inner = frame === view.frames.length - 1;
  const bytes = new DataView(own.stack.buffer, own.stack.byteOffset, own.stack.byteLength);
  const older = before?.frames[frame]?.stackBase === own.stackBase ? before.frames[frame].stack : null;
  const slots = Array.from({ length: 64 }, (_, at) => {
    const off = own.stack.length - 8 * (at + 1);
    const slice = own.stack.subarray(off, off + 8);
    return {
      name: `fp-${8 * (at + 1)}`,
      off,
      bytes: slice,
      value: bytes.getBigUint64(off, true).toString(),
      note: own.notes[off / 8]!,
      changed: older !== null && slice.some((byte, i) => byte !== older[off + i]),
    };
  });
  const last = slots.findLastIndex(({ name, value }) => value !== '0' || (inner && knowledge.rows.has(name)));
  const shown = all ? slots : slots.slice(0, last + 1);
  return (
    <>
      <KnownTable
        testId="stack"
        rowLabel={texts.slot}
        nameClass="machine-slot"
        valueLabel={texts.bytes}
        toggle={{ label: texts.allSlots, pressed: all, onToggle: () => setAll(!all) }}
        known={inner}
      >
        {shown.map((slot) => (
          <tr key={slot.name} className={slot.changed ? 'changed' : ''}>
            <th scope="row" className="mono">
              {slot.changed ? <ChangedMark /> : null}
              {slot.name.replace('-', '−')}
            </th>
            <td className="mono">
              <EditableText
                label={texts.edit(slot.name)}
                hint={texts.size(slot.name, 8)}
                value={hexBytes(slot.bytes)}
                initial={hexBytes(slot.bytes)}
                disabled={view.insn < 0}
                check={(text) => (parseBytes(text)?.length === 8 ? null : texts.size(slot.name, 8))}
                onCommit={(text) =>
                  void act({
                    kind: 'edit',
                    edit: { kind: 'memory', step: view.step, address: own.stackBase + slot.off, bytes: parseBytes(text)! },
                  })
                }
              >
                {hexBytes(slot.bytes)}
              </EditableText>
              <span className="machine-bits small">
                <Value value={slot.value} note={slot.note} />
              </span>
            </td>
            {inner ? (
              <td className="machine-known-cell">
                <Known row={knowledge.rows.get(slot.name)} value={slot.value} bits={false} />
              </td>
            ) : null}
          </tr>
        ))}
      </KnownTable>
      {shown.length === 0 ? <p className="machine-note small muted">{texts.emptyStack}</p> : null}
      {inner ? <KnowledgeLine knowledge={knowledge} ended={view.insn < 0} /> : null}
    </>
  );
}
