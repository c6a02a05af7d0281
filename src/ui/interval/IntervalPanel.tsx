import { useEffect, useMemo, useState } from 'react';
import { disasmKernel } from '../../bpf/disasm.ts';
import type { Insn } from '../../bpf/program.ts';
import type { KernelVersion } from '../../verifier/api.ts';
import { type After, type Interval, IntervalLab } from '../../verifier/lab/interval.ts';
import { type Slice, sliceFrom } from '../../verifier/lab/slice.ts';
import type { StepTold } from '../../verifier/query/query.ts';
import type { StateTold } from '../../verifier/query/told.ts';
import { SampleRunner, type Traces } from '../../vm/samples.ts';
import { useRelations } from '../../workbench/current-relations.ts';
import { askRecording } from '../../workbench/query.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { Panel } from '../components/Panel.tsx';
import { interval as texts } from '../texts/interval.ts';
import { intervalPanel } from '../texts/interval-panel.ts';
import { IntervalInput } from './IntervalInput.tsx';
import {
  ANY,
  arithmeticIn,
  EXAMPLE_INPUT,
  exampleInsns,
  insnsOf,
  intervalOf,
  isNumber,
  losses,
  NO_NUMBERS,
  type Reach,
  reachOf,
  SAMPLES,
  samplesOf,
} from './model.ts';
import { Steps } from './Steps.tsx';
import './interval.css';

/** A number that comes into the line: a register at its beginning, or what a load brings. */
interface Incoming {
  readonly name: string;
  readonly reg: number;
  /** Step of the load; -1 for a register that is there at the beginning. */
  readonly step: number;
}

/** Loads whose states are asked of the verifier; those behind them start as their size says. */
const MOST_LOADS = 12;

/** What the verifier knew on its last visit: which registers hold no number at the beginning, and intervals of what comes in. */
interface Verified {
  readonly of: string;
  readonly pointers: ReadonlySet<number>;
  readonly known: ReadonlyMap<number, Interval>;
  readonly loads: ReadonlyMap<number, Interval>;
}

const REGISTERS = Array.from({ length: 10 }, (_, reg) => reg);
const EXAMPLE: Omit<Verified, 'of'> = { pointers: new Set(), known: new Map([[6, EXAMPLE_INPUT]]), loads: new Map() };
const NO_VERIFIED: Omit<Verified, 'of'> = { pointers: NO_NUMBERS, known: new Map(), loads: new Map() };

/** The state before or after an instruction on the verifier's last visit; null where nobody comes. */
async function stateAt(program: ProgramView, kernel: KernelVersion, insn: number, side: 'before' | 'after'): Promise<StateTold | null> {
  const asked = { program: program.key, kernel };
  try {
    const step = await askRecording<number | null>(asked, 'place', { insn, visit: null, near: null });
    return step === null ? null : ((await askRecording<StepTold | null>(asked, 'step', { step }))?.[side] ?? null);
  } catch {
    // Without a recording every number may be any.
    return null;
  }
}

const numbersIn = (state: StateTold | null): ReadonlyMap<number, Interval> =>
  new Map(
    state?.rows
      .filter((row) => row.frame === state.frame && /^r\d+$/.test(row.name) && isNumber(row))
      .map((row) => [Number(row.name.slice(1)), intervalOf(row)] as const),
  );

/** Asks what the verifier knew where the line begins, and after each of its loads. */
function useVerified(program: ProgramView | null, kernel: KernelVersion, from: number): Verified | null {
  const of = `${program?.key} ${kernel} ${from}`;
  const ready = useWorkbench((state) => state.stages.verified.status === 'done');
  const [loaded, setLoaded] = useState<Verified | null>(null);
  useEffect(() => {
    if (!program || !ready) return;
    let wanted = true;
    const ask = async (): Promise<void> => {
      const state = await stateAt(program, kernel, from, 'before');
      const numbers = numbersIn(state);
      // Where nobody comes, any register may hold any number but the context.
      const pointers = state ? new Set(REGISTERS.filter((reg) => !numbers.has(reg))) : NO_VERIFIED.pointers;
      const slice = sliceFrom(insnsOf(program.code), from, pointers, new Set());
      const loads = new Map<number, Interval>();
      for (const { kind, insn, insnIdx } of slice.steps.filter((step) => step.kind === 'source').slice(0, MOST_LOADS)) {
        if (!wanted || kind !== 'source') return;
        const number = numbersIn(await stateAt(program, kernel, insnIdx, 'after')).get(insn.dst);
        if (number) loads.set(insnIdx, number);
      }
      if (wanted) setLoaded({ of, pointers, known: numbers, loads });
    };
    void ask();
    return () => {
      wanted = false;
    };
  }, [program, kernel, from, of, ready]);
  return loaded?.of === of ? loaded : null;
}

interface Result {
  readonly after: readonly After[];
  readonly traces: Traces | null;
  readonly lost: ReadonlyMap<number, number>;
}

/** Everything the steps show, for the intervals of what comes in as they are now. */
function compute(
  lab: IntervalLab,
  runner: SampleRunner | null,
  slice: Slice,
  incoming: readonly Incoming[],
  intervals: readonly Interval[],
): Result {
  const inputs = new Map<number, Interval>();
  const sources = new Map<number, Interval>();
  for (const [i, { reg, step }] of incoming.entries()) {
    if (step < 0) inputs.set(reg, intervals[i]!);
    else sources.set(step, intervals[i]!);
  }
  const after = lab.run(slice, inputs, sources);
  if (!runner) return { after, traces: null, lost: new Map() };
  const traces = runner.run(intervals.map(samplesOf));
  return { after, traces, lost: losses(after, traces) };
}

export default function IntervalPanel() {
  const program = useWorkbench((state) => state.stages.program.value);
  const kernel = useWorkbench((state) => state.history.doc.options.kernel);
  const selection = useWorkbench((state) => state.selection);
  const cursor = useWorkbench((state) => state.cursors.insn);
  const { insns: related } = useRelations();
  const own = program && !program.fromLog ? program : null;
  const chosen = useMemo(() => {
    if (selection?.kind === 'insn') return Number(selection.id);
    const [first] = related;
    if (!first || !own) return cursor === undefined ? null : Number(cursor);
    // Of what belongs to a node, the first arithmetic.
    for (const [start, end] of related) {
      const found = arithmeticIn(insnsOf(own.code), start, end);
      if (found !== null) return found;
    }
    return first[0];
  }, [selection, related, own, cursor]);
  const [asked, setExample] = useState(false);
  const example = asked || own === null || chosen === null;
  const from = example ? 0 : Math.min(chosen, Math.max(0, own.code.length / 8 - 1));
  const verified = useVerified(example ? null : own, kernel, from);
  const insns: readonly Insn[] = useMemo(() => (example ? exampleInsns() : insnsOf(own.code)), [example, own]);
  const { pointers, known, loads } = example ? EXAMPLE : (verified ?? NO_VERIFIED);
  const place = `${example ? '' : own.key} ${from}`;

  return (
    <Panel
      id="interval"
      title={intervalPanel.title}
      summary={example ? texts.example : texts.from(from)}
      actions={
        own && chosen !== null ? (
          <button type="button" className="button small" aria-pressed={asked} onClick={() => setExample(!asked)}>
            {texts.example}
          </button>
        ) : null
      }
    >
      <Line
        key={place}
        insns={insns}
        kernel={kernel}
        from={from}
        pointers={pointers}
        known={known}
        loads={loads}
        example={example}
        waiting={!example && verified === null}
        onSelect={example ? null : (insn) => select('insn', insn)}
      />
    </Panel>
  );
}

interface LineProps {
  readonly insns: readonly Insn[];
  readonly kernel: KernelVersion;
  readonly from: number;
  readonly pointers: ReadonlySet<number>;
  readonly known: ReadonlyMap<number, Interval>;
  /** By instruction. */
  readonly loads: ReadonlyMap<number, Interval>;
  readonly example: boolean;
  /** The verifier has not answered: what comes in is not final, and not to be changed yet. */
  readonly waiting: boolean;
  readonly onSelect: ((insn: number) => void) | null;
}

const labs = new WeakMap<readonly Insn[], Map<KernelVersion, IntervalLab>>();
function labOf(insns: readonly Insn[], kernel: KernelVersion): IntervalLab {
  const byKernel = labs.get(insns) ?? new Map<KernelVersion, IntervalLab>();
  labs.set(insns, byKernel);
  const lab = byKernel.get(kernel) ?? new IntervalLab(insns, kernel);
  byKernel.set(kernel, lab);
  return lab;
}

/** One straight line with what comes into it; intervals that were dragged stay until another line is chosen. */
function Line({ insns, kernel, from, pointers, known, loads, example, waiting, onSelect }: LineProps) {
  const [taken, setTaken] = useState<ReadonlySet<number>>(new Set());
  const [dragged, setDragged] = useState<ReadonlyMap<string, Interval>>(new Map());
  const slice = useMemo(() => sliceFrom(insns, from, pointers, taken), [insns, from, pointers, taken]);
  const runner = useMemo(() => SampleRunner.for(slice, SAMPLES), [slice]);
  const incoming = useMemo(
    (): Incoming[] => [
      ...slice.inputs.map((reg) => ({ name: `r${reg}`, reg, step: -1 })),
      ...slice.steps.flatMap(({ kind, insn, insnIdx }, step) =>
        kind === 'source' ? [{ name: texts.loaded(`r${insn.dst}`, insnIdx), reg: insn.dst, step }] : [],
      ),
    ],
    [slice],
  );
  const intervals = useMemo(
    () =>
      incoming.map(({ name, reg, step }) => {
        const verified = step < 0 ? (known.get(reg) ?? ANY) : (loads.get(slice.steps[step]!.insnIdx) ?? bySize(slice, step));
        return dragged.get(name) ?? verified;
      }),
    [incoming, dragged, known, loads, slice],
  );
  const set = (one: Incoming, interval: Interval | null): void => {
    const next = new Map(dragged);
    if (interval) next.set(one.name, interval);
    else next.delete(one.name);
    setDragged(next);
  };
  const follows = slice.steps.some(({ kind }) => kind === 'alu' || kind === 'branch');
  const result = useMemo(
    () => compute(labOf(insns, kernel), runner, slice, incoming, intervals),
    [insns, kernel, runner, slice, incoming, intervals],
  );
  const [held, setHeld] = useState<Reach | null>(null);
  const reach = held ?? reachOf(intervals, result.after);
  const next = useMemo(() => (follows ? null : arithmeticIn(insns, from + 1, insns.length)), [follows, insns, from]);
  const stop = texts.stops[slice.stop.reason](slice.stop.insnIdx);
  if (!follows)
    return (
      <div className="empty">
        <strong>{texts.nothing.title}</strong>
        <p>{texts.nothing.text}</p>
        <p className="muted">{stop}</p>
        {next !== null && onSelect ? (
          <button type="button" className="button bordered" onClick={() => onSelect(next)}>
            {texts.next(next)}
          </button>
        ) : null}
      </div>
    );
  return (
    <div className="interval" data-testid="interval">
      {example ? <p className="small muted interval-note">{texts.exampleNote}</p> : null}
      <fieldset className="interval-inputs" disabled={waiting}>
        <legend className="visually-hidden">{texts.inputs}</legend>
        {incoming.map((one, i) => (
          <IntervalInput
            key={one.name}
            name={one.name}
            interval={intervals[i]!}
            reach={reach}
            onDrag={(dragging) => setHeld(dragging ? reach : null)}
            changed={dragged.has(one.name)}
            onChange={(interval) => set(one, interval)}
          />
        ))}
      </fieldset>
      <Steps
        slice={slice}
        reach={reach}
        after={result.after}
        traces={result.traces}
        lost={result.lost}
        code={(insnIdx) => disasmKernel(insns, insnIdx).replace(/^\([0-9a-f]+\) /, '')}
        onFollow={(insnIdx, follow) => {
          const next = new Set(taken);
          if (follow) next.add(insnIdx);
          else next.delete(insnIdx);
          setTaken(next);
        }}
        onSelect={onSelect}
      />
      <p className="small muted interval-note" data-testid="interval-stop">
        {stop} {runner ? null : texts.noRunner}
      </p>
    </div>
  );
}

const BITS: Readonly<Record<number, number>> = { 0: 32, 8: 16, 16: 8, 24: 64 };
const SIGNED_LOAD = 0x80;

/** What a load can bring, by its size. */
function bySize(slice: Slice, step: number): Interval {
  const { opcode } = slice.steps[step]!.insn;
  const bits = BITS[opcode & 0x18]!;
  if (bits === 64) return ANY;
  const signed = (opcode & 0xe0) === SIGNED_LOAD;
  const half = 2n ** BigInt(bits - 1);
  return signed ? { min: -half, max: half - 1n } : { min: 0n, max: 2n * half - 1n };
}
