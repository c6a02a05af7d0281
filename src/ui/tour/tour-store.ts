import { create } from 'zustand';

/** Which step of the tour is on show, if any; and whether this browser has seen it. */
interface TourState {
  readonly step: number | null;
  readonly seen: boolean;
}

const KEY = 'bpformer.tour';

function seen(): boolean {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    return true;
  }
}

export const useTour = create<TourState>()(() => ({ step: null, seen: seen() }));

export const startTour = (): void => useTour.setState({ step: 0 });
export const goTo = (step: number): void => useTour.setState({ step });

/** Ends the tour, or the offer of it. */
export function leaveTour(): void {
  useTour.setState({ step: null, seen: true });
  try {
    localStorage.setItem(KEY, 'seen');
  } catch {
    // Offered again next time.
  }
}
