import { describe, expect, it } from 'vitest';
import { keyLabel, keyOf } from './commands.ts';

const press = (key: string, held: object = {}) => keyOf({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held });

describe('keys', () => {
  it('names what is pressed as commands do', () => {
    expect(press('k', { ctrlKey: true })).toBe('mod+k');
    expect(press('Z', { ctrlKey: true, shiftKey: true })).toBe('mod+shift+z');
    expect(press('F11', { shiftKey: true })).toBe('shift+f11');
    expect(press('?', { shiftKey: true })).toBe('?');
    expect(press('[')).toBe('[');
    expect(press('G', { shiftKey: true })).toBe('shift+g');
    expect(press('ArrowDown', { altKey: true })).toBe('alt+arrowdown');
  });

  it('labels them as people read them', () => {
    expect(keyLabel('mod+shift+z')).toBe('Ctrl+Shift+Z');
    expect(keyLabel('shift+f11')).toBe('Shift+F11');
    expect(keyLabel('+')).toBe('+');
    expect(keyLabel('alt+arrowdown')).toBe('Alt+↓');
  });
});
