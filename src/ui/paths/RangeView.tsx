import { ZoomIn, ZoomOut } from 'lucide-react';
import { type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from 'react';
import type { Place, Series } from '../../verifier/query/along.ts';
import type { StepTold } from '../../verifier/query/query.ts';
import { type Asked, askRecording } from '../../workbench/query.ts';
import type { PositionView } from '../../workbench/query-views.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { useRemote } from '../model/useRemote.ts';
import { useSize } from '../model/useSize.ts';
import { paths } from '../texts/paths.ts';
import { useTheme } from '../theme/useTheme.ts';
import { acrossOf, drawRange } from './plot.ts';
import { choosePlace, goToStep, useQueryStore } from './query-store.ts';

const texts = paths.range;
/** Points that are asked for at most: more than a screen has columns. */
const MOST = 4000;
/** A drag shorter than this is a click. */
const CLICK = 4;

type Drawn = Series & { readonly branches: Uint32Array };

const FIRST: Place = { frame: 0, reg: 0 };

const nameOf = ({ reg, slot }: Place): string => (reg === undefined ? `fp${-((slot ?? 0) + 1) * 8}` : `r${reg}`);

/** The range of a register or slot along the path through the cursor. */
export function RangeView({ asked, step }: { asked: Asked; step: number }) {
  const chosen = useQueryStore((state) => state.place);
  const of = `${asked.program} ${asked.kernel}`;
  const liveliest = useRemote<Place | null>(chosen ? null : `${of} ${step} liveliest`, (options) =>
    askRecording(asked, 'liveliest', { step }, options),
  );
  const place = chosen ?? liveliest.value ?? FIRST;
  const told = useRemote<StepTold | null>(`${of} ${step} step`, (options) => askRecording(asked, 'step', { step }, options));
  const [here, setHere] = useState<StepTold | null>(null);
  useEffect(() => {
    if (told.value) setHere(told.value);
  }, [told.value]);
  const [zoom, setZoom] = useState<{ readonly of: string; readonly from: number; readonly to: number } | null>(null);
  const length = here?.length ?? 0;
  const range = zoom?.of === of && zoom.from < length ? { from: zoom.from, to: Math.min(zoom.to, length) } : { from: 0, to: length };
  const key =
    here && (chosen || liveliest.value) ? `${of} ${here.step} ${here.length} ${JSON.stringify(place)} ${range.from} ${range.to}` : null;
  const remote = useRemote<Drawn>(key, (options) =>
    askRecording(asked, 'series', { step: here?.step, place, ...range, most: MOST }, options),
  );
  const [last, setLast] = useState<Drawn | null>(null);
  useEffect(() => {
    if (remote.value) setLast(remote.value);
  }, [remote.value]);
  const series = remote.value ?? last;
  const zoomTo = (from: number, to: number): void => {
    const first = Math.max(0, Math.floor(from));
    setZoom({ of, from: first, to: Math.min(length, Math.max(first + 2, Math.ceil(to))) });
  };
  const zoomBy = (by: number): void => {
    const middle = here && here.pos >= range.from && here.pos < range.to ? here.pos : (range.from + range.to) / 2;
    const half = ((range.to - range.from) * by) / 2;
    zoomTo(middle - half, middle + half);
  };
  const names = placesOf(here, place);
  const isWhole = range.from === 0 && range.to === length;
  const error = told.error ?? liveliest.error ?? remote.error;
  return (
    <div className="range-view">
      <div className="rounds-bar">
        <label>
          {texts.register}{' '}
          <select
            className="field mono"
            value={JSON.stringify(place)}
            onChange={(event) => choosePlace(JSON.parse(event.target.value) as Place)}
          >
            {names.map((one) => (
              <option key={JSON.stringify(one)} value={JSON.stringify(one)}>
                {paths.why.frame(one.frame, nameOf(one))}
              </option>
            ))}
          </select>
        </label>
        <button type="button" className="button square" aria-label={texts.in} onClick={() => zoomBy(0.5)}>
          <ZoomIn size={14} />
        </button>
        <button type="button" className="button square" aria-label={texts.out} disabled={isWhole} onClick={() => zoomBy(2)}>
          <ZoomOut size={14} />
        </button>
        <button type="button" className="button small" disabled={isWhole} onClick={() => setZoom(null)}>
          {texts.whole}
        </button>
        <span className="muted ellipsis grow">{series && !series.exact ? texts.wide(series.changes) : texts.about}</span>
      </div>
      {error ? <ErrorNote error={error} /> : null}
      {!series && remote.progress ? <Progress progress={remote.progress} label={paths.recording} /> : null}
      {series && here ? <Plot asked={asked} here={here} place={place} series={series} zoomTo={zoomTo} zoomBy={zoomBy} /> : null}
    </div>
  );
}

/** Registers and slots that are there at the cursor, with the one that is drawn. */
function placesOf(here: StepTold | null, place: Place): Place[] {
  const found: Place[] = [];
  for (const { frame, name } of here?.before.rows ?? []) {
    const reg = /^r(\d+)$/.exec(name);
    if (reg) found.push({ frame, reg: Number(reg[1]) });
    else found.push({ frame, slot: -Number(name.slice(2)) / 8 - 1 });
  }
  const own = JSON.stringify(place);
  return found.some((one) => JSON.stringify(one) === own) ? found : [place, ...found];
}

interface PlotProps {
  readonly asked: Asked;
  readonly here: StepTold;
  readonly place: Place;
  readonly series: Drawn;
  readonly zoomTo: (from: number, to: number) => void;
  readonly zoomBy: (by: number) => void;
}

function Plot({ asked, here, place, series, zoomTo, zoomBy }: PlotProps) {
  const { ref, width, height } = useSize();
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme((state) => state.effective);
  const [hover, setHover] = useState(-1);
  const [drag, setDrag] = useState<{ readonly from: number; readonly to: number; readonly x: number } | null>(null);
  const name = nameOf(place);
  const looked = hover >= 0 ? hover : here.pos;
  const at = useRemote<PositionView>(`${asked.program} ${asked.kernel} ${here.step} ${looked} ${JSON.stringify(place)}`, (options) =>
    askRecording(asked, 'position', { step: here.step, pos: Math.min(looked, here.length - 1), place }, options),
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme decides the colours that the drawing reads from the page
  useEffect(() => {
    if (!canvas.current || width === 0) return;
    const brush = drag ? ([Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)] as const) : null;
    drawRange(canvas.current, { series, branches: series.branches, width, height, tick: texts.tick, cursor: here.pos, hover, brush });
  }, [series, width, height, theme, here.pos, hover, drag]);
  const x = acrossOf(series, width);
  const posOf = (event: PointerEvent): number => {
    const left = event.clientX - event.currentTarget.getBoundingClientRect().left;
    return Math.max(series.from, Math.min(series.to - 1, Math.round(x.invert(left))));
  };
  const go = (pos: number): void => {
    void askRecording<PositionView>(asked, 'position', { step: here.step, pos, place: null }).then(({ step, insnIdx }) =>
      goToStep(asked, step, insnIdx),
    );
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.round((series.to - series.from) / 10));
    const by: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, PageDown: page, PageUp: -page, Home: -here.pos, End: here.length };
    if (event.key in by) go(Math.max(0, Math.min(here.length - 1, here.pos + by[event.key]!)));
    else if (event.key === '+' || event.key === '=') zoomBy(0.5);
    else if (event.key === '-') zoomBy(2);
    else return;
    event.preventDefault();
  };
  const told = at.value;
  return (
    <>
      <div
        ref={ref}
        className="range-plot"
        role="slider"
        tabIndex={0}
        aria-label={texts.plot(name)}
        aria-valuemin={1}
        aria-valuemax={here.length}
        aria-valuenow={here.pos + 1}
        aria-valuetext={told ? texts.at(looked, here.length, told.insnIdx) + texts.value(name, told.text) : undefined}
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          const pos = posOf(event);
          setDrag({ from: pos, to: pos, x: event.clientX });
        }}
        onPointerMove={(event) => {
          const pos = posOf(event);
          setHover(pos);
          if (drag) setDrag({ ...drag, to: pos });
        }}
        onPointerUp={(event) => {
          if (!drag) return;
          const pos = posOf(event);
          setDrag(null);
          if (Math.abs(event.clientX - drag.x) < CLICK) go(pos);
          else {
            zoomTo(Math.min(drag.from, pos), Math.max(drag.from, pos) + 1);
            go(Math.min(drag.from, pos));
          }
        }}
        onPointerCancel={() => setDrag(null)}
        onPointerLeave={() => setHover(-1)}
        data-testid="range-plot"
        data-points={series.pos.length}
      >
        <canvas ref={canvas} style={{ width, height }} />
      </div>
      <p className="range-value mono ellipsis" data-testid="range-value">
        {told ? texts.at(looked, here.length, told.insnIdx) : null}
        {told ? <strong>{texts.value(name, told.text)}</strong> : null}
      </p>
    </>
  );
}
