import { shell as texts } from '../texts/shell.ts';

/** Beside results that came with the site and were not computed in this tab. */
export function ShippedMark() {
  return (
    <span className="note" title={texts.shippedAbout} data-testid="shipped">
      {' '}
      {texts.shipped}
    </span>
  );
}
