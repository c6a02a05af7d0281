import { ArrowRightToLine, Rewind, X } from 'lucide-react';
import { type FormEvent, useId, useState } from 'react';
import { parseExpression } from '../../vm/debug/expression.ts';
import { addBreakpoint, type Breakpoint, changeBreakpoint, removeBreakpoint, useBreakpoints } from '../../workbench/breakpoints.ts';
import { toUserError } from '../../workbench/errors.ts';
import { act, removeWatch, useMachine } from '../../workbench/machine.ts';
import type { MachineView } from '../../workbench/machine-views.ts';
import { nodeEntries } from '../../workbench/node-entries.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { machine as texts } from '../texts/machine.ts';

const labelOf = (program: ProgramView, node: number): string =>
  program.origins.find((origin) => origin.kind === 'node' && origin.nodeIdx === node)?.label ?? String(node);

/** What people call a breakpoint. */
export const stopName = ({ insn, node }: Breakpoint, program: ProgramView): string =>
  insn !== null ? texts.stopInsn(insn) : texts.stopNode(labelOf(program, node!));

const insnsOf = ({ insn, node }: Breakpoint, program: ProgramView): number[] => (insn !== null ? [insn] : nodeEntries(program, node!));

/** Breakpoints with their conditions, and watched memory. */
export function Stops({ program, view }: { program: ProgramView; view: MachineView }) {
  const { list } = useBreakpoints();
  const watches = useMachine((state) => state.watches);
  return (
    <div className="machine-stops">
      <AddInsn program={program} />
      <AddNode program={program} />
      {list.length === 0 ? <p className="machine-note small muted">{texts.noStops}</p> : null}
      <ul className="machine-list" data-testid="breakpoints">
        {list.map((one) => (
          <Stop key={one.id} stop={one} program={program} />
        ))}
      </ul>
      {list.length > 0 ? <p className="machine-note small muted">{texts.conditionAbout}</p> : null}
      {watches.length > 0 ? (
        <ul className="machine-list" aria-label={texts.watches}>
          {watches.map(({ id, address, size }) => {
            const where = texts.watchAt(regionAt(view, address), size);
            return (
              <li key={id}>
                <span className="grow ellipsis mono">{where}</span>
                <button
                  type="button"
                  className="button square"
                  aria-label={texts.removeStop(where)}
                  title={texts.removeStop(where)}
                  onClick={() => removeWatch(id)}
                >
                  <X size={14} />
                </button>
              </li>
            );
          })}
        </ul>
      ) : null}
    </div>
  );
}

function regionAt({ regions }: MachineView, address: number): string {
  const region = regions.findLast(({ base, stride, count }) => address >= base && address < base + stride * count);
  if (!region) return `0x${address.toString(16)}`;
  const element = Math.floor((address - region.base) / region.stride);
  const off = address - region.base - element * region.stride;
  return `${region.name}${region.count > 1 ? `[${element}]` : ''}+${off}`;
}

function Stop({ stop, program }: { stop: Breakpoint; program: ProgramView }) {
  const [text, setText] = useState(stop.condition);
  const busy = useMachine((state) => state.status === 'running');
  const id = useId();
  const where = stopName(stop, program);
  const insns = insnsOf(stop, program);
  const wrong = problemOf(text);
  return (
    <li>
      <input
        type="checkbox"
        checked={stop.enabled}
        aria-label={texts.enabled(where)}
        title={texts.enabled(where)}
        onChange={() => changeBreakpoint(stop.id, { enabled: !stop.enabled })}
      />
      <button
        type="button"
        className="link ellipsis machine-stop-name"
        title={where}
        onClick={() => (stop.insn !== null ? select('insn', stop.insn) : select('node', stop.node!))}
      >
        {where}
      </button>
      {insns.length === 0 ? <span className="small warn">{texts.unplaced}</span> : null}
      <span className="machine-condition grow">
        <input
          className="field mono small grow"
          aria-label={texts.condition(where)}
          aria-invalid={wrong !== null}
          aria-describedby={id}
          placeholder={texts.conditionHint}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            if (problemOf(event.target.value) === null) changeBreakpoint(stop.id, { condition: event.target.value });
          }}
        />
        <span id={id} className="small bad">
          {wrong}
        </span>
      </span>
      <button
        type="button"
        className="button square"
        aria-label={texts.backHere(where)}
        title={texts.backHere(where)}
        disabled={busy || insns.length === 0}
        onClick={() => void act({ kind: 'reverseTo', insns })}
      >
        <Rewind size={14} />
      </button>
      <button
        type="button"
        className="button square"
        aria-label={texts.runHere(where)}
        title={texts.runHere(where)}
        disabled={busy || insns.length === 0}
        onClick={() => void act({ kind: 'runTo', insns })}
      >
        <ArrowRightToLine size={14} />
      </button>
      <button
        type="button"
        className="button square"
        aria-label={texts.removeStop(where)}
        title={texts.removeStop(where)}
        onClick={() => removeBreakpoint(stop.id)}
      >
        <X size={14} />
      </button>
    </li>
  );
}

/** What is wrong with a condition, and where; null for a good one. */
function problemOf(text: string): string | null {
  if (text.trim() === '') return null;
  try {
    parseExpression(text);
    return null;
  } catch (error) {
    const { what, where } = toUserError(error, '');
    return where ? `${where}: ${what}` : what;
  }
}

function AddInsn({ program }: { program: ProgramView }) {
  const [text, setText] = useState('');
  const count = program.code.length / 8;
  const insn = Number(text);
  const good = /^\d+$/.test(text.trim()) && insn < count;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!good) return;
    addBreakpoint({ insn });
    setText('');
  };
  return (
    <form className="machine-form small" onSubmit={submit}>
      <label>
        <span className="muted">{texts.atInsn}</span>
        <input
          className="field mono machine-number"
          inputMode="numeric"
          value={text}
          aria-invalid={text !== '' && !good}
          title={texts.noInsn(count - 1)}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <button type="submit" className="button bordered" disabled={!good}>
        {texts.addStop}
      </button>
      {text !== '' && !good ? <span className="bad">{texts.noInsn(count - 1)}</span> : null}
    </form>
  );
}

function AddNode({ program }: { program: ProgramView }) {
  const model = useWorkbench((state) => state.stages.model.value);
  const nodes = [...new Set(program.origins.flatMap(({ kind, nodeIdx }) => (kind === 'node' ? [nodeIdx] : [])))].sort((a, b) => a - b);
  const [chosen, setChosen] = useState<number | null>(null);
  if (nodes.length === 0) return null;
  const node = chosen !== null && nodes.includes(chosen) ? chosen : nodes[0]!;
  const opOf = (index: number) => model?.nodes.find((one) => one.index === index)?.op ?? '';
  const submit = (event: FormEvent) => {
    event.preventDefault();
    addBreakpoint({ node });
  };
  return (
    <form className="machine-form small" onSubmit={submit}>
      <label className="grow">
        <span className="muted">{texts.atNode}</span>
        <select className="field grow" value={node} onChange={(event) => setChosen(Number(event.target.value))}>
          {nodes.map((index) => (
            <option key={index} value={index}>
              {`${opOf(index)} ${labelOf(program, index)}`}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" className="button bordered">
        {texts.addStop}
      </button>
    </form>
  );
}
