import { useEffect, useState } from 'react';
import { ask, useAccelerator } from '../../workbench/accelerator.ts';
import { useLatest } from './useLatest.ts';

/** What the worker answers to `method`, asked anew whenever something happened on the device; null until it has come. */
export function useAsked<T>(method: string, args: object = {}): { readonly value: T | null; readonly again: () => void } {
  const version = useAccelerator((state) => state.snapshot?.version ?? 0);
  const [value, setValue] = useState<T | null>(null);
  const load = useLatest(async () => setValue(await ask<T>(method, args)));
  const key = JSON.stringify(args);
  // biome-ignore lint/correctness/useExhaustiveDependencies: asks anew for each of these
  useEffect(load, [load, version, key]);
  return { value, again: load };
}
