import { useEffect } from 'react';

/**
 * A command that the palette, menus, the sheet of shortcuts and keys reach by name. One without `run` belongs to a component that
 * stands for it while it is mounted (`useCommandHandler`).
 */
export interface Command {
  readonly id: string;
  readonly title: string;
  /** Keys as `mod+shift+z`, `f10`, `[`, `g`; `mod` is Ctrl, or ⌘ on Apple's systems. */
  readonly keys?: readonly string[];
  readonly enabled?: () => boolean;
  run?(): void;
}

const handlers = new Map<string, () => void>();

/** Stands for the command `id` while the calling component is mounted. */
export function useCommandHandler(id: string, run: () => void): void {
  useEffect(() => {
    handlers.set(id, run);
    return () => {
      if (handlers.get(id) === run) handlers.delete(id);
    };
  }, [id, run]);
}

export function canRun(command: Command): boolean {
  return (command.run !== undefined || handlers.has(command.id)) && (command.enabled?.() ?? true);
}

/** Runs a command; false where it cannot run now. */
export function runCommand(command: Command): boolean {
  if (!canRun(command)) return false;
  (command.run ?? handlers.get(command.id))!();
  return true;
}

const APPLE = typeof navigator !== 'undefined' && /Mac|iP(hone|ad)/.test(navigator.userAgent);

const NAMES: Readonly<Record<string, string>> = {
  mod: APPLE ? '⌘' : 'Ctrl',
  shift: APPLE ? '⇧' : 'Shift',
  alt: APPLE ? '⌥' : 'Alt',
  escape: 'Esc',
  enter: 'Enter',
  arrowup: '↑',
  arrowdown: '↓',
  arrowleft: '←',
  arrowright: '→',
  space: 'Space',
};

/** A key as people read it: `Ctrl+Shift+Z`. */
export function keyLabel(key: string): string {
  return key
    .split(/\+(?=.)/)
    .map((part) => NAMES[part] ?? (part.length === 1 || /^f\d+$/.test(part) ? part.toUpperCase() : part))
    .join(APPLE ? '' : '+');
}

/** The name that `Command.keys` gives a pressed key. */
export function keyOf(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>): string {
  const key = event.key === ' ' ? 'space' : event.key.toLowerCase();
  const mod = APPLE ? event.metaKey : event.ctrlKey;
  // Shift is part of what a printed sign is: `?`, `[`.
  const shift = event.shiftKey && (mod || event.altKey || key.length > 1 || /[a-z]/.test(key));
  return [mod ? 'mod' : '', event.altKey ? 'alt' : '', shift ? 'shift' : '', key].filter(Boolean).join('+');
}
