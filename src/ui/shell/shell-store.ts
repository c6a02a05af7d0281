import { create } from 'zustand';

/** What stands in front of the desk, and whether keys without Ctrl work outside of panels (WCAG 2.2, 2.1.4: they can be turned off). */
interface ShellState {
  readonly front: 'palette' | 'shortcuts' | null;
  readonly singleKeys: boolean;
  /** Letters typed for the palette before its script had arrived. */
  readonly typed: string;
}

const KEY = 'bpformer.single-keys';

function stored(): boolean {
  try {
    return localStorage.getItem(KEY) !== 'off';
  } catch {
    return true;
  }
}

export const useShell = create<ShellState>()(() => ({ front: null, singleKeys: stored(), typed: '' }));

export const showFront = (front: ShellState['front']): void => useShell.setState({ front, typed: '' });

export const typeAhead = (letter: string): void => useShell.setState(({ typed }) => ({ typed: typed + letter }));

export function allowSingleKeys(singleKeys: boolean): void {
  useShell.setState({ singleKeys });
  try {
    localStorage.setItem(KEY, singleKeys ? 'on' : 'off');
  } catch {
    // The choice lasts as long as the tab.
  }
}
