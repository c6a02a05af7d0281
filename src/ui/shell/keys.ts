import { rerun } from '../../workbench/pipeline.ts';
import { clearSelection, redo, selectionBack, selectionForward, undo } from '../../workbench/store.ts';

/** Keys that work everywhere but in text fields and in the editor, which has keys of its own. */
export function handleKey(event: KeyboardEvent, help: () => void): void {
  const target = event.target as HTMLElement;
  if (event.defaultPrevented || target.closest('input, textarea, select, [contenteditable], .monaco-editor, dialog')) return;
  const command = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  if (command && key === 'z') (event.shiftKey ? redo : undo)();
  else if (command && key === 'y') redo();
  else if (command && key === 'o') document.getElementById('file-picker')?.click();
  else if (command || event.altKey) return;
  else if (event.key === '[') selectionBack();
  else if (event.key === ']') selectionForward();
  else if (event.key === 'Escape') clearSelection();
  else if (event.key === '?') help();
  else if (key === 'r') rerun();
  else return;
  event.preventDefault();
}
