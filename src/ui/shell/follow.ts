import { useWorkbench } from '../../workbench/store.ts';
import { showDesk, showPanel, useDesk } from './desk-store.ts';

/**
 * Brings what was opened into view: a log and C belong on the Debug desk, and there the program takes the place of the first screen. What
 * is there when the page loads stays as it was left.
 */
export function followSource(): () => void {
  let source = useWorkbench.getState().history.doc.source;
  let settled = false;
  return useWorkbench.subscribe((state) => {
    const next = state.history.doc.source;
    if (next === source) return;
    const first = !settled && source === null;
    const before = source;
    source = next;
    settled = true;
    if (first || next === null || next.kind === 'model') return;
    // Another text or another choice of the same source.
    if (next.kind === before?.kind && next.blob.name === before.blob.name) return;
    if (next.kind === 'log' || next.kind === 'c') showDesk('debug');
    if (useDesk.getState().desk !== 'debug') return;
    requestAnimationFrame(() => {
      showPanel('program');
      if (next.kind === 'c') showPanel('c');
    });
  });
}
