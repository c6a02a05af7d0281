import { overlays as texts } from '../texts/model.ts';
import { chooseOverlay, OVERLAYS, type OverlayValues, useChosenOverlay } from './overlays.ts';

/** Chooses what colours the graph. Overlays without values yet say what they wait for. */
export function OverlayChooser({ values }: { values: ReadonlyMap<string, OverlayValues> }) {
  const chosen = useChosenOverlay((state) => state.chosen);
  return (
    <select
      className="field graph-overlay"
      aria-label={texts.chooser}
      title={texts.chooserHint}
      value={chosen ?? ''}
      onChange={(event) => chooseOverlay(event.target.value === '' ? null : event.target.value)}
    >
      <option value="">{texts.none}</option>
      {OVERLAYS.map(({ id, title, about, missing }) => (
        <option key={id} value={id} title={about}>
          {values.get(id) ? title : texts.without(title, missing)}
        </option>
      ))}
    </select>
  );
}
