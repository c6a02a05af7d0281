import { ChevronLeft, ChevronRight, Pause, Play } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { scaleAt } from '../../reference/value-error.ts';
import { act, readTensor, readTensors, useMachine } from '../../workbench/machine.ts';
import type { MachineTensor, MachineTensorData, MachineView } from '../../workbench/machine-views.ts';
import { useProject } from '../../workbench/projects/state.ts';
import { NO_RANGES } from '../../workbench/ranges.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import { readMarks } from '../../workbench/touch.ts';
import { noteTouch, useTouch } from '../../workbench/touch-state.ts';
import type { RunMarks } from '../../workbench/touch-views.ts';
import { shortTensor } from '../tensors/format.ts';
import { HeatMap } from '../tensors/HeatMap.tsx';
import { planesOf } from '../tensors/heat-layout.ts';
import { touch } from '../texts/touch.ts';
import './touch.css';

const texts = touch.run;
const SPEEDS = [1, 4, 16];
type Grain = 'parts' | 'rounds';

const still = (): boolean => matchMedia('(prefers-reduced-motion: reduce)').matches;

/** Number of the last mark at or before a step; 0 before the first. */
function markAt(steps: ArrayLike<number>, step: number): number {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const mid = (low + high) >> 1;
    if (steps[mid]! <= step) low = mid + 1;
    else high = mid;
  }
  return Math.max(0, low - 1);
}

/** One inference as a line of operators and rounds of their loops: dragged, stepped or played; listing, graph and tensors follow the machine. */
export default function Playback({ view, session }: { view: MachineView; session: string }) {
  const [loaded, setLoaded] = useState<{ readonly of: string; readonly marks: RunMarks | null } | null>(null);
  const [grain, setGrain] = useState<Grain>('rounds');
  const [speed, setSpeed] = useState(4);
  const [playing, setPlaying] = useState(false);
  const [anyway, setAnyway] = useState(false);
  const status = useMachine((state) => state.status);
  const edits = useMachine((state) => state.edits.length);
  const project = useProject((state) => state.id);
  const wanted = useTouch((state) => (state.of === project ? state.wanted : null));
  useEffect(() => {
    let alive = true;
    readMarks().then(
      (marks) => alive && setLoaded({ of: session, marks }),
      () => alive && setLoaded({ of: session, marks: null }),
    );
    return () => {
      alive = false;
    };
  }, [session]);
  const marks = loaded?.of === session ? loaded.marks : null;

  // A link leads to a step of this run.
  useEffect(() => {
    if (wanted === null || status === 'running') return;
    noteTouch({ wanted: null });
    void act({ kind: 'goTo', step: wanted });
  }, [wanted, status]);
  const { step } = view;
  useEffect(() => {
    if (step > 0) noteTouch({ step });
    // Back at the beginning a link need not say where.
    else if (useTouch.getState().step !== null && useTouch.getState().wanted === null) noteTouch({ step: null });
  }, [step]);

  const places = useMemo(() => {
    if (!marks) return null;
    const at =
      grain === 'rounds' ? [...marks.step.keys()] : [...marks.step.keys()].filter((i) => i === 0 || marks.part[i] !== marks.part[i - 1]);
    return { at, steps: Float64Array.from(at, (i) => marks.step[i]!) };
  }, [marks, grain]);
  const position = places ? markAt(places.steps, step) : 0;
  const last = places ? places.at.length - 1 : 0;
  const go = (to: number) => {
    if (!places) return;
    void act({ kind: 'goTo', step: places.steps[Math.max(0, Math.min(last, to))]! });
  };

  // The next place comes once the machine stands at this one.
  const forward = useRef(() => {});
  forward.current = () => (position < last ? go(position + 1) : setPlaying(false));
  useEffect(() => {
    if (!playing || status === 'running') return;
    const timer = window.setTimeout(() => forward.current(), 1000 / speed);
    return () => window.clearTimeout(timer);
  }, [playing, status, speed]);

  if (!places || !marks || marks.step.length < 2) return loaded ? null : <p className="playback small muted">{texts.reading}</p>;
  const mark = places.at[position]!;
  const part = marks.parts[marks.part[mark]!]!;
  const text = texts.place(position, last + 1, part.name, marks.round[mark]!, part.rounds);
  // A button that has nothing to do keeps the focus: keys that lead to an end go on from there.
  const reduced = still() && !anyway;
  return (
    <section className="touch playback" aria-label={texts.title} data-testid="playback" data-place={position} data-places={last + 1}>
      <div className="touch-form">
        <button
          type="button"
          className="button square"
          aria-label={texts.back}
          title={texts.back}
          aria-disabled={position === 0 && step === 0}
          onClick={() => go(step > places.steps[position]! ? position : position - 1)}
        >
          <ChevronLeft size={14} />
        </button>
        <button
          type="button"
          className="button square"
          aria-label={playing ? texts.pause : texts.play}
          title={playing ? texts.pause : texts.play}
          aria-disabled={reduced || (!playing && position === last)}
          onClick={() => setPlaying(!playing && !reduced && position < last)}
        >
          {playing ? <Pause size={14} /> : <Play size={14} />}
        </button>
        <button
          type="button"
          className="button square"
          aria-label={texts.next}
          title={texts.next}
          aria-disabled={position === last}
          onClick={() => go(position + 1)}
        >
          <ChevronRight size={14} />
        </button>
        <input
          type="range"
          className="grow"
          min={0}
          max={last}
          step={1}
          value={position}
          aria-label={texts.slider}
          aria-valuetext={text}
          data-testid="scrub"
          onChange={({ target }) => {
            setPlaying(false);
            go(Number(target.value));
          }}
        />
        <label className="small">
          <span className="muted">{texts.by}</span>
          <select className="field" value={grain} onChange={({ target }) => setGrain(target.value as Grain)}>
            {(['rounds', 'parts'] as const).map((one) => (
              <option key={one} value={one}>
                {texts.grains[one]}
              </option>
            ))}
          </select>
        </label>
        <label className="small">
          <span className="muted">{texts.speed}</span>
          <select className="field" value={speed} onChange={({ target }) => setSpeed(Number(target.value))}>
            {SPEEDS.map((one) => (
              <option key={one} value={one}>
                {texts.speeds[one]}
              </option>
            ))}
          </select>
        </label>
      </div>
      {still() ? (
        <label className="small touch-note">
          {texts.still} <input type="checkbox" checked={anyway} onChange={() => setAnyway(!anyway)} /> {texts.anyway}
        </label>
      ) : null}
      <p className="small touch-note ellipsis" data-testid="playback-place" title={text}>
        {text}
      </p>
      <Nodes nodes={part.nodes} />
      {marks.left > 0 || edits > 0 ? <p className="small muted touch-note">{marks.left > 0 ? texts.left(marks.left) : ''}</p> : null}
      <Written view={view} />
    </section>
  );
}

/** Operators that the part serves: a click leads there in the graph. */
function Nodes({ nodes }: { nodes: readonly number[] }) {
  const model = useWorkbench((state) => state.stages.model.value);
  const named = nodes.flatMap((index) => model?.nodes.find((node) => node.index === index) ?? []).slice(0, 6);
  if (named.length === 0) return null;
  return (
    <p className="small touch-note touch-nodes">
      <span className="muted">{texts.nodes}</span>
      {named.map(({ index, name, op }) => (
        <button key={index} type="button" className="link" title={name} onClick={() => select('node', index)}>
          {op}
        </button>
      ))}
    </p>
  );
}

/** The tensor that was written last, as far as it is written. */
function Written({ view }: { view: MachineView }) {
  const [shown, setShown] = useState<{ readonly tensor: MachineTensor; readonly data: MachineTensorData } | null | 'none'>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the tensors are those at the place of the view
  useEffect(() => {
    let alive = true;
    void (async () => {
      const made = (await readTensors().catch(() => null))?.filter((one) => one.made > 0) ?? [];
      const tensor = made.reduce<MachineTensor | null>((latest, one) => (!latest || one.order >= latest.order ? one : latest), null);
      const data = tensor && (await readTensor(tensor.name).catch(() => null));
      if (alive) setShown(tensor && data ? { tensor, data } : 'none');
    })();
    return () => {
      alive = false;
    };
  }, [view]);
  const drawn = useMemo(() => (shown === null || shown === 'none' ? null : drawnOf(shown.data)), [shown]);
  if (shown === null) return null;
  if (shown === 'none' || !drawn) return <p className="small muted touch-note">{texts.nothing}</p>;
  const { tensor } = shown;
  return (
    <div className="touch-written" data-testid="written" data-tensor={tensor.name} data-made={tensor.made}>
      <p className="small touch-note ellipsis" title={tensor.name}>
        {texts.written(shortTensor(tensor.name), tensor.made, tensor.parts)}
      </p>
      <div className="touch-maps">
        <HeatMap
          name={tensor.name}
          dims={tensor.dims}
          planes={drawn.planes}
          values={drawn.values}
          low={-drawn.most}
          high={drawn.most}
          diverging
          cursor={shown.data.known ? shown.data.latest : -1}
          related={NO_RANGES}
          zoom={null}
          onSelect={() => select('tensor', tensor.name)}
        />
      </div>
    </div>
  );
}

function drawnOf(data: MachineTensorData) {
  const values = Float32Array.from(data.data, (integer, i) => (data.known && !data.known[i] ? Number.NaN : integer * scaleAt(data, i)));
  const most = values.reduce((top, value) => (Number.isNaN(value) ? top : Math.max(top, Math.abs(value))), 1e-9);
  return { values, most, planes: planesOf(data.dims) };
}
