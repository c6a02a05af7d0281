import { InputError } from '../base/errors.ts';
import { randomOf } from '../base/random.ts';
import type { Vm } from '../vm/vm.ts';
import { bytesOf } from './grade-words.ts';
import type { Check } from './lesson.ts';

/** What a map holds before a run: one entry, or bytes made at random in every entry of an array. */
export type Given =
  | { readonly map: string; readonly key: string; readonly value: string }
  | { readonly map: string; readonly random: number };

export const givensOf = (checks: readonly Check[]): readonly Given[] =>
  checks.flatMap(({ kind, value }) => (kind === 'given' ? [value as Given] : []));

/** Fills a machine's maps. Zeros follow a value that is shorter than the map's. Throws an InputError where the program has no such map. */
export function giveMaps(vm: Vm, givens: readonly Given[]): void {
  for (const given of givens) {
    if (!vm.maps.has(given.map)) throw new InputError(`The program has no map ${given.map}.`);
    const map = vm.maps.get(given.map);
    const { valueSize } = map.def;
    if ('key' in given) {
      const value = bytesOf(given.value);
      const whole = new Uint8Array(Math.max(valueSize, value.length));
      whole.set(value);
      map.update(bytesOf(given.key), whole);
      continue;
    }
    const random = randomOf(given.random);
    for (const { key } of map.entries())
      map.update(
        key,
        new Uint8Array(valueSize).map(() => Math.floor(random() * 256)),
      );
  }
}
