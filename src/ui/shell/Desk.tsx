import { useEffect, useState } from 'react';
import { Splitter } from '../components/Splitter.tsx';
import { PANELS } from './panels.ts';

/** Shares of the window, so that an arrangement fits every window. */
interface Shares {
  readonly model: number;
  readonly side: number;
  readonly trace: number;
  readonly compare: number;
}

const KEY = 'bpformer.desk';
const LEAST_WIDTH = 220;
const LEAST_HEIGHT = 120;
const DEFAULTS: Shares = { model: 0.28, side: 0.31, trace: 0.34, compare: 0.47 };

function stored(): Shares {
  try {
    const shares = JSON.parse(localStorage.getItem(KEY) ?? 'null') as Partial<Shares> | null;
    const values = shares ? [shares.model, shares.side, shares.trace, shares.compare] : [];
    if (values.length === 4 && values.every((value) => typeof value === 'number' && value > 0 && value < 1)) return shares as Shares;
  } catch {
    // A damaged or forbidden store means the default arrangement.
  }
  return DEFAULTS;
}

/** Height of the top bar and the status bar. */
const BARS = 64;

const clamp = (value: number, least: number, most: number) => Math.round(Math.max(least, Math.min(value, most)));

/** The Explore desk: model and program above the trace, verifier and comparison beside them. */
export function Desk() {
  const [shares, setShares] = useState(stored);
  const [size, setSize] = useState({ width: window.innerWidth, height: window.innerHeight });
  useEffect(() => {
    const listen = () => setSize({ width: window.innerWidth, height: window.innerHeight });
    window.addEventListener('resize', listen);
    return () => window.removeEventListener('resize', listen);
  }, []);
  const change = (part: Partial<Shares>) => {
    const next = { ...shares, ...part };
    setShares(next);
    try {
      localStorage.setItem(KEY, JSON.stringify(next));
    } catch {
      // The arrangement lasts as long as the tab.
    }
  };
  const { width } = size;
  const height = size.height - BARS;
  const most = height - LEAST_HEIGHT - 40;
  const side = clamp(shares.side * width, LEAST_WIDTH, width - 2 * LEAST_WIDTH);
  const model = clamp(shares.model * width, LEAST_WIDTH, width - side - LEAST_WIDTH);
  const trace = clamp(shares.trace * size.height, LEAST_HEIGHT, most);
  const compare = clamp(shares.compare * size.height, LEAST_HEIGHT, most);
  const show = (id: string) => {
    const Component = PANELS.get(id)?.Component;
    return Component ? <Component /> : null;
  };
  return (
    <main className="desk">
      <div className="desk-main">
        <div className="desk-top">
          <div style={{ width: model }} className="desk-cell">
            {show('model')}
          </div>
          <Splitter
            label="Width of the model panel"
            orientation="vertical"
            value={model}
            min={LEAST_WIDTH}
            max={width - side - LEAST_WIDTH}
            direction={1}
            onChange={(value) => change({ model: value / width })}
          />
          <div className="desk-cell grow">{show('program')}</div>
        </div>
        <Splitter
          label="Height of the trace panel"
          orientation="horizontal"
          value={trace}
          min={LEAST_HEIGHT}
          max={most}
          direction={-1}
          onChange={(value) => change({ trace: value / size.height })}
        />
        <div style={{ height: trace }} className="desk-cell">
          {show('trace')}
        </div>
      </div>
      <Splitter
        label="Width of the verifier and compare panels"
        orientation="vertical"
        value={side}
        min={LEAST_WIDTH}
        max={width - 2 * LEAST_WIDTH}
        direction={-1}
        onChange={(value) => change({ side: value / width })}
      />
      <div style={{ width: side }} className="desk-side">
        <div className="desk-cell grow">{show('verifier')}</div>
        <Splitter
          label="Height of the compare panel"
          orientation="horizontal"
          value={compare}
          min={LEAST_HEIGHT}
          max={most}
          direction={-1}
          onChange={(value) => change({ compare: value / size.height })}
        />
        <div style={{ height: compare }} className="desk-cell">
          {show('compare')}
        </div>
      </div>
    </main>
  );
}
