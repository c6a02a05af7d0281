import { create } from 'zustand';
import { applyTheme, effectiveTheme, followSystem, storedTheme, type ThemeChoice } from './theme.ts';

interface ThemeState {
  readonly choice: ThemeChoice;
  readonly effective: 'light' | 'dark';
  choose(choice: ThemeChoice): void;
}

export const useTheme = create<ThemeState>()((set) => ({
  choice: storedTheme(),
  effective: effectiveTheme(storedTheme()),
  choose: (choice) => {
    applyTheme(choice);
    set({ choice, effective: effectiveTheme(choice) });
  },
}));

export function startTheme(): void {
  const { choice, choose } = useTheme.getState();
  applyTheme(choice);
  followSystem(
    () => useTheme.getState().choice,
    () => choose('system'),
  );
}
