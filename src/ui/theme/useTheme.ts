import { create } from 'zustand';
import { applyTheme, effectiveTheme, followSystem, storedTheme, type ThemeSettings } from './theme.ts';

interface ThemeState extends ThemeSettings {
  readonly effective: 'light' | 'dark';
  choose(change: Partial<ThemeSettings>): void;
}

export const useTheme = create<ThemeState>()((set, get) => ({
  ...storedTheme(),
  effective: effectiveTheme(storedTheme().choice),
  choose: (change) => {
    const { choice, contrast } = { ...get(), ...change };
    applyTheme({ choice, contrast });
    set({ choice, contrast, effective: effectiveTheme(choice) });
  },
}));

export function startTheme(): void {
  useTheme.getState().choose({});
  followSystem(() => useTheme.getState().choose({}));
}
