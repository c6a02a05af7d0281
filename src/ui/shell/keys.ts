import { keyOf, runCommand } from '../commands.ts';
import { commandsFor } from './commands.ts';
import { typeAhead, useShell } from './shell-store.ts';

/** Text fields and the editor keep their keys, but for these. */
const IN_FIELDS = /^(mod\+k|mod\+o|mod\+s|f\d+|shift\+f\d+|alt\+\d)$/;
const FIELD = 'input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select, [contenteditable], .monaco-editor';

/** Runs the command that a key means where the focus is. */
export function handleKey(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  // A dialog may lose the focus to the page behind: Escape closes the dialog nevertheless.
  if (event.defaultPrevented || target.closest('dialog') || document.querySelector('dialog:modal')) return;
  // What lies over the page is closed first, by the browser.
  if (event.key === 'Escape' && document.querySelector(':popover-open')) return;
  if (useShell.getState().front === 'palette' && event.key.length === 1 && !event.ctrlKey && !event.metaKey) {
    typeAhead(event.key);
    event.preventDefault();
    return;
  }
  const key = keyOf(event);
  if (target.closest(FIELD) && !IN_FIELDS.test(key)) return;
  const panel = target.closest<HTMLElement>('[data-panel], [data-panel-actions]');
  const id = panel?.dataset.panel ?? panel?.dataset.panelActions ?? null;
  const single = !/^(mod|alt|shift\+f\d|f\d|escape)/.test(key);
  for (const command of commandsFor(key, id)) {
    const own = id !== null && command.id.startsWith(`${id}.`);
    if (single && !own && !useShell.getState().singleKeys) continue;
    if (!runCommand(command)) continue;
    event.preventDefault();
    return;
  }
}
