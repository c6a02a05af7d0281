import { create } from 'zustand';
import type { CaptureFile } from '../../workbench/capture.ts';
import type { CaptureView } from '../../workbench/capture-views.ts';
import type { UserError } from '../../workbench/errors.ts';
import { RemoteError } from '../../workbench/rpc.ts';

/** What the panel shows; it stays when the panel is closed and opened again. */
interface Open {
  readonly file: CaptureFile | null;
  readonly view: CaptureView | null;
  /** The filter that is applied, and how many packets pass it. */
  readonly filter: string;
  readonly passed: number;
  /** The packet at the cursor, by its place in the list. */
  readonly at: number;
  /** Why packets of the file can be read no more; null while they can. */
  readonly lost: UserError | null;
}

const NOTHING: Open = { file: null, view: null, filter: '', passed: 0, at: 0, lost: null };

export const useOpen = create<Open>(() => NOTHING);

/** Notes why packets of the open file could not be read, once, and hands the failure on. */
export function noteLost(failure: unknown): never {
  if (failure instanceof RemoteError && useOpen.getState().lost === null) useOpen.setState({ lost: failure.error });
  throw failure;
}

export const showFile = (file: CaptureFile): void => useOpen.setState({ ...NOTHING, file });
