import { useState } from 'react';
import { Dialog } from '../components/Dialog.tsx';
import { exports as texts } from '../texts/model.ts';
import { largestScale, MOST_SIDE, pngSize, savePng } from './export-graph.ts';
import type { Drawing } from './Graph.tsx';

const SCALES = [0.25, 0.5, 1, 2, 3];

/** Chooses how large a picture of the graph is; sizes that no browser draws cannot be chosen. */
export default function PngDialog({ drawing, name, onClose }: { drawing: Drawing; name: string; onClose: () => void }) {
  const largest = largestScale(drawing);
  const scales = SCALES.some((scale) => scale <= largest) ? SCALES : [largest, ...SCALES];
  const [scale, setScale] = useState(() => (largest >= 2 ? 2 : Math.max(...scales.filter((candidate) => candidate <= largest))));
  const count = (value: number) => value.toLocaleString('en');
  return (
    <Dialog open title={texts.pngTitle} onClose={onClose}>
      <form
        className="png-form"
        onSubmit={(event) => {
          event.preventDefault();
          void savePng(drawing, `${name}.png`, scale).then((done) => {
            if (done) onClose();
          });
        }}
      >
        <fieldset>
          <legend className="muted">{texts.scale}</legend>
          {scales.map((candidate) => {
            const { width, height, fits } = pngSize(drawing, candidate);
            return (
              <label key={candidate} className={fits ? '' : 'muted'}>
                <input type="radio" name="scale" checked={candidate === scale} disabled={!fits} onChange={() => setScale(candidate)} />
                <span className="png-scale">{`×${candidate}`}</span>
                <span>{texts.size(count(width), count(height))}</span>
                {fits ? null : <span className="small">{texts.tooLarge(count(MOST_SIDE))}</span>}
              </label>
            );
          })}
        </fieldset>
        {largest < SCALES.at(-1)! ? <p className="small muted">{texts.hint(String(largest))}</p> : null}
        <div className="png-actions">
          <button type="button" className="button" onClick={onClose}>
            {texts.cancel}
          </button>
          <button type="submit" className="button primary" disabled={!(scale > 0)}>
            {texts.write}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
