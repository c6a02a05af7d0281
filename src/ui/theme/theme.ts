/** Light, dark, or what the system says; the choice is kept in the browser. */
export type ThemeChoice = 'system' | 'light' | 'dark';

const KEY = 'bpformer.theme';
const dark = () => window.matchMedia('(prefers-color-scheme: dark)');

export function storedTheme(): ThemeChoice {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : 'system';
  } catch {
    return 'system';
  }
}

export function effectiveTheme(choice: ThemeChoice): 'light' | 'dark' {
  if (choice !== 'system') return choice;
  return dark().matches ? 'dark' : 'light';
}

export function applyTheme(choice: ThemeChoice): void {
  document.documentElement.dataset.theme = effectiveTheme(choice);
  try {
    if (choice === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, choice);
  } catch {
    // Storage is full or forbidden: the choice lasts as long as the tab.
  }
}

/** Follows the system while the choice is `system`; returns how to stop. */
export function followSystem(current: () => ThemeChoice, changed: () => void): () => void {
  const query = dark();
  const listen = () => {
    if (current() === 'system') changed();
  };
  query.addEventListener('change', listen);
  return () => query.removeEventListener('change', listen);
}
