import { X } from 'lucide-react';
import { tourOffer as texts } from '../texts/tour-offer.ts';
import { leaveTour, startTour, useTour } from './tour-store.ts';

/** In the status bar, until the tour was taken or declined once. */
export function TourOffer() {
  const offered = useTour((state) => !state.seen && state.step === null);
  if (!offered) return null;
  return (
    <span className="tour-offer">
      <button type="button" className="link" onClick={startTour}>
        {texts.offer}
      </button>
      <button type="button" className="link" aria-label={texts.dismiss} title={texts.dismiss} onClick={leaveTour}>
        <X size={12} />
      </button>
    </span>
  );
}
