import { useEffect, useState } from 'react';
import { Splitter } from '../components/Splitter.tsx';
import { PANELS } from './panels.ts';

interface Sizes {
  readonly model: number;
  readonly side: number;
  readonly trace: number;
  readonly compare: number;
}

const KEY = 'bpformer.desk';
const LEAST = 220;

function defaults(): Sizes {
  const { innerWidth: width, innerHeight: height } = window;
  return {
    model: Math.round(width * 0.28),
    side: Math.round(width * 0.31),
    trace: Math.round(height * 0.34),
    compare: Math.round(height * 0.47),
  };
}

function stored(): Sizes {
  try {
    const sizes = JSON.parse(localStorage.getItem(KEY) ?? 'null') as Partial<Sizes> | null;
    const values = sizes ? [sizes.model, sizes.side, sizes.trace, sizes.compare] : [];
    if (values.length === 4 && values.every((value) => typeof value === 'number' && value >= 0)) return sizes as Sizes;
  } catch {
    // A damaged or forbidden store means the default arrangement.
  }
  return defaults();
}

/** The Explore desk: model and program above the trace, verifier and comparison beside them. */
export function Desk() {
  const [sizes, setSizes] = useState(stored);
  const [window_, setWindow] = useState({ width: window.innerWidth, height: window.innerHeight });
  useEffect(() => {
    const listen = () => setWindow({ width: window.innerWidth, height: window.innerHeight });
    window.addEventListener('resize', listen);
    return () => window.removeEventListener('resize', listen);
  }, []);
  const change = (part: Partial<Sizes>) => {
    const next = { ...sizes, ...part };
    setSizes(next);
    try {
      localStorage.setItem(KEY, JSON.stringify(next));
    } catch {
      // The arrangement lasts as long as the tab.
    }
  };
  const bodyHeight = window_.height - 64;
  const side = Math.max(LEAST, Math.min(sizes.side, window_.width - 2 * LEAST));
  const model = Math.max(LEAST, Math.min(sizes.model, window_.width - side - LEAST));
  const trace = Math.max(120, Math.min(sizes.trace, bodyHeight - 160));
  const compare = Math.max(120, Math.min(sizes.compare, bodyHeight - 160));
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
            min={LEAST}
            max={window_.width - side - LEAST}
            direction={1}
            onChange={(value) => change({ model: value })}
          />
          <div className="desk-cell grow">{show('program')}</div>
        </div>
        <Splitter
          label="Height of the trace panel"
          orientation="horizontal"
          value={trace}
          min={120}
          max={bodyHeight - 160}
          direction={-1}
          onChange={(value) => change({ trace: value })}
        />
        <div style={{ height: trace }} className="desk-cell">
          {show('trace')}
        </div>
      </div>
      <Splitter
        label="Width of the verifier and compare panels"
        orientation="vertical"
        value={side}
        min={LEAST}
        max={window_.width - 2 * LEAST}
        direction={-1}
        onChange={(value) => change({ side: value })}
      />
      <div style={{ width: side }} className="desk-side">
        <div className="desk-cell grow">{show('verifier')}</div>
        <Splitter
          label="Height of the compare panel"
          orientation="horizontal"
          value={compare}
          min={120}
          max={bodyHeight - 160}
          direction={-1}
          onChange={(value) => change({ compare: value })}
        />
        <div style={{ height: compare }} className="desk-cell">
          {show('compare')}
        </div>
      </div>
    </main>
  );
}
