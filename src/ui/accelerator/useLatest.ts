import { useCallback, useEffect, useRef, useState } from 'react';

/** Runs `work` once at a time: what comes while it is at work is done afterwards, the last of it alone. */
export function useLatest(work: () => Promise<void>): () => void {
  const state = useRef({ busy: false, again: false });
  const latest = useRef(work);
  useEffect(() => {
    latest.current = work;
  }, [work]);
  const [run] = useState(() => async () => {
    const mine = state.current;
    if (mine.busy) {
      mine.again = true;
      return;
    }
    mine.busy = true;
    do {
      mine.again = false;
      await latest.current().catch(() => {});
    } while (mine.again);
    mine.busy = false;
  });
  return useCallback(() => void run(), [run]);
}
