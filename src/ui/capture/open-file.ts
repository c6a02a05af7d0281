import { create } from 'zustand';
import type { CaptureFile } from '../../workbench/capture.ts';
import type { CaptureView } from '../../workbench/capture-views.ts';

/** What the panel shows; it stays when the panel is closed and opened again. */
interface Open {
  readonly file: CaptureFile | null;
  readonly view: CaptureView | null;
  /** The filter that is applied, and how many packets pass it. */
  readonly filter: string;
  readonly passed: number;
  /** The packet at the cursor, by its place in the list. */
  readonly at: number;
}

const NOTHING: Open = { file: null, view: null, filter: '', passed: 0, at: 0 };

export const useOpen = create<Open>(() => NOTHING);

export const showFile = (file: CaptureFile): void => useOpen.setState({ ...NOTHING, file });
