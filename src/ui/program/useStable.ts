import { type RefObject, useLayoutEffect, useRef, useState } from 'react';

/** In a scope of its own: a callback that stays must not hold what the first render saw, which may be a project that was left since. */
const callbackOf =
  <Args extends unknown[], Result>(latest: RefObject<(...args: Args) => Result>) =>
  (...args: Args): Result =>
    latest.current(...args);

/** A callback that stays the same and always does what the latest render would. */
export function useStable<Args extends unknown[], Result>(run: (...args: Args) => Result): (...args: Args) => Result {
  const latest = useRef(run);
  useLayoutEffect(() => {
    latest.current = run;
  });
  return useState(() => callbackOf(latest))[0];
}
