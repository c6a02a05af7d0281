/** Light, dark, or what the system says; more contrast or not, likewise. Both choices are kept in the browser. */
export type ThemeChoice = 'system' | 'light' | 'dark';
export type ContrastChoice = 'system' | 'more' | 'normal';

export interface ThemeSettings {
  readonly choice: ThemeChoice;
  readonly contrast: ContrastChoice;
}

const THEME_KEY = 'bpformer.theme';
const CONTRAST_KEY = 'bpformer.contrast';
const dark = () => window.matchMedia('(prefers-color-scheme: dark)');
const more = () => window.matchMedia('(prefers-contrast: more)');

function stored<T extends string>(key: string, known: readonly T[]): T | 'system' {
  try {
    const value = localStorage.getItem(key) as T | null;
    return value !== null && known.includes(value) ? value : 'system';
  } catch {
    return 'system';
  }
}

export const storedTheme = (): ThemeSettings => ({
  choice: stored(THEME_KEY, ['light', 'dark']),
  contrast: stored(CONTRAST_KEY, ['more', 'normal']),
});

export function effectiveTheme(choice: ThemeChoice): 'light' | 'dark' {
  if (choice !== 'system') return choice;
  return dark().matches ? 'dark' : 'light';
}

function keep(key: string, value: string): void {
  try {
    if (value === 'system') localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Storage is full or forbidden: the choice lasts as long as the tab.
  }
}

export function applyTheme({ choice, contrast }: ThemeSettings): void {
  const { dataset } = document.documentElement;
  dataset.theme = effectiveTheme(choice);
  dataset.contrast = contrast === 'more' || (contrast === 'system' && more().matches) ? 'more' : 'normal';
  keep(THEME_KEY, choice);
  keep(CONTRAST_KEY, contrast);
}

/** Calls `changed` whenever the system's wishes change. */
export function followSystem(changed: () => void): void {
  for (const query of [dark(), more()]) query.addEventListener('change', changed);
}
