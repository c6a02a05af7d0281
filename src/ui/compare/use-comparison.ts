import { useEffect, useMemo, useState } from 'react';
import { type CompareInput, type CompareView, compareColumns, comparingColumns } from '../../workbench/comparison.ts';
import { inSlices } from '../../workbench/in-slices.ts';

/** More events are compared once both sides have come to an end, a slice at a time. */
const LARGE = 20_000;

/** The comparison of what both sides have done; null without one. `running`: more is to come. */
export function useComparison(input: CompareInput | null, running: boolean): CompareView | null {
  const large = input !== null && input.trace.count > LARGE;
  const [compared, setCompared] = useState<{ readonly of: CompareInput; readonly view: CompareView } | null>(null);
  const small = useMemo(() => (input && !large ? compareColumns(input) : null), [input, large]);
  useEffect(() => {
    if (!input || !large || running) return;
    const stop = new AbortController();
    inSlices(comparingColumns(input), stop.signal).then(
      (view) => setCompared({ of: input, view }),
      () => undefined,
    );
    return () => stop.abort();
  }, [input, large, running]);
  return large ? (compared?.of.trace === input.trace ? compared.view : null) : small;
}
