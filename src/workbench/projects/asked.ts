import { create } from 'zustand';
import type { BlobRef, ProjectDoc } from '../document.ts';

/** What a link that was opened still asks for. */
interface AskedState {
  /** Files that it names and that this browser does not have. */
  readonly files: readonly BlobRef[];
  /** Called with whether all of them were given. */
  readonly settle: ((given: boolean) => void) | null;
  /** A second program to compare with; the view A/B takes it up. */
  readonly asked: { readonly name: string; readonly doc: ProjectDoc } | null;
}

export const useAsked = create<AskedState>()(() => ({ files: [], settle: null, asked: null }));
