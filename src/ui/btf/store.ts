import { create } from 'zustand';
import type { BlobRef } from '../../workbench/document.ts';

/** What the panel shows, kept while it is hidden. `shown`: hash of an added file, '' the open program's. */
export const useBtf = create<{
  readonly files: readonly BlobRef[];
  readonly shown: string;
  readonly view: 'types' | 'relocations' | 'maps';
  readonly query: string;
  readonly kind: string;
  /** Types that were looked at, the last one on show. */
  readonly trail: readonly number[];
  /** File that relocations are resolved against, by hash. */
  readonly target: string;
}>()(() => ({ files: [], shown: '', view: 'types', query: '', kind: '', trail: [], target: '' }));

export function showType(id: number): void {
  useBtf.setState(({ trail }) => ({ view: 'types', trail: trail.at(-1) === id ? trail : [...trail.slice(-49), id] }));
}
