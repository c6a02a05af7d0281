import { useLessonPane } from '../../workbench/course/pane.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { showDesk, showPanel, useDesk } from './desk-store.ts';

/**
 * Brings what was opened into view: a log and C belong on the Debug desk (C that is opened on the Accelerator desk stays there), and there the program takes the place of the first screen. What
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
    const here = next.kind === 'c' && useDesk.getState().desk === 'accelerator';
    if (!here && (next.kind === 'log' || next.kind === 'c')) showDesk('debug');
    if (!here && useDesk.getState().desk !== 'debug') return;
    // A lesson says itself what it shows.
    if (useLessonPane.getState().shown) return;
    requestAnimationFrame(() => {
      if (!here) showPanel('program');
      if (next.kind === 'c') showPanel('c');
    });
  });
}
