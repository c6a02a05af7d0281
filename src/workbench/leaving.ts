import { stageKeys } from './keys.ts';
import { currentDoc } from './store.ts';

/** What is kept beside the stages of a project, so that it need not be computed again: it goes when the project was left. */
const forgets: (() => void)[] = [];

/** `forget` is called a while after a project was left: by then another one is open, and what belongs to that stays. */
export function whenLeft(forget: () => void): void {
  forgets.push(forget);
}

export function forgetLeft(): void {
  for (const forget of forgets) forget();
}

/** Whether `key` names the program of the open project. */
export const isOpenProgram = (key: string): boolean => stageKeys(currentDoc()).program === key;

/** Deletes what `stays` says nothing good of. */
export function keepOnly<Key, Value>(map: Map<Key, Value>, stays: (key: Key) => boolean): void {
  for (const key of map.keys()) if (!stays(key)) map.delete(key);
}
