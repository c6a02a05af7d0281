import { create } from 'zustand';
import type { CodeFile } from '../../workbench/codes-views.ts';

/** Files that were added to be compared, and what is compared: ids of {@link Choice}s, '' for none. The panel keeps them while it is hidden. */
export const useCodes = create<{ readonly files: readonly CodeFile[]; readonly left: string; readonly right: string }>()(() => ({
  files: [],
  left: '',
  right: '',
}));
