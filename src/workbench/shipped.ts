import { stageKeys } from './keys.ts';
import type { StageName, StageValues } from './stages.ts';
import { currentDoc, setStage } from './store.ts';

/**
 * Results of a sample that were computed when the site was made and travel with it: they fill the first screen before anything heavy
 * has loaded, are marked as shipped wherever they stand, and give way to those computed in the tab.
 */
export type Shipped = { readonly [Name in Exclude<StageName, 'trace' | 'calibration' | 'log' | 'c'>]: StageValues[Name] };

const ARRAYS = { Uint8Array, Int8Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array } as const;
type ArrayName = keyof typeof ARRAYS;
const NAMES = Object.keys(ARRAYS) as ArrayName[];

/** As JSON text, typed arrays as base64 of their little-endian bytes. */
export function encodeShipped(shipped: Shipped): string {
  return JSON.stringify(shipped, (_key, value: unknown) => {
    const name = NAMES.find((candidate) => value instanceof ARRAYS[candidate]);
    if (!name) return value;
    const { buffer, byteOffset, byteLength } = value as Uint8Array;
    let binary = '';
    for (const byte of new Uint8Array(buffer, byteOffset, byteLength)) binary += String.fromCharCode(byte);
    return { $array: name, base64: btoa(binary) };
  });
}

export function decodeShipped(text: string): Shipped {
  return JSON.parse(text, (_key, value: { $array?: string; base64?: string } | null) => {
    if (typeof value !== 'object' || value === null || typeof value.base64 !== 'string') return value;
    const array = ARRAYS[value.$array as ArrayName];
    if (!array) throw new Error(`no kind of array is called ${value.$array}`);
    const binary = atob(value.base64);
    const bytes = new Uint8Array(binary.length);
    for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
    return new array(bytes.buffer);
  }) as Shipped;
}

/** Shows shipped results of the open project wherever it has none of its own yet; those of another program are left out. */
export function showShipped(shipped: Shipped, stages: { readonly [Name in StageName]: { readonly value: unknown } }): void {
  const keys = stageKeys(currentDoc());
  if (shipped.program.key !== keys.program || shipped.program.modelKey !== keys.model) return;
  // No event has been computed in this tab yet.
  const values = { ...shipped, replay: { ...shipped.replay, live: 0 }, reference: { ...shipped.reference, live: 0 } };
  for (const name of Object.keys(values) as (keyof Shipped)[]) {
    if (stages[name].value === null) setStage(name, { value: values[name], key: keys[name], stale: false, shipped: true } as never);
  }
}
