import { openFiles } from './actions.ts';
import { contentOf, holdFile } from './blobs.ts';
import { loseTrace } from './frames.ts';
import { outsideFile } from './outside.ts';
import { resume } from './pipeline.ts';
import { announce, currentDoc, setStage, useWorkbench } from './store.ts';

/** Looks whether a capture that stays on disk is still as it was when it was opened; what it finds stands in the stage `trace`. */
export async function checkTrace(): Promise<void> {
  const { trace: ref } = currentDoc();
  const { value } = useWorkbench.getState().stages.trace;
  if (ref?.modified === undefined || value?.kind !== 'packets') return;
  try {
    const file = contentOf(ref);
    // A File is as it was when it was chosen, or nothing (File API section 4): reading any of it tells.
    if (file instanceof Blob) await file.slice(0, 1).arrayBuffer();
  } catch {
    loseTrace(value, {
      what: 'The file has changed on disk, or it is gone',
      where: ref.name,
      advice: 'Packets and verdicts that were read before stay on show. Choose the file again to go on',
    });
  }
}

/** The file of the trace was chosen again: the same goes on where it was; another opens as another trace. */
export async function chooseAgain(file: File): Promise<void> {
  const { trace } = currentDoc();
  const ref = trace && (await outsideFile(file, trace.name));
  if (!ref || ref.hash !== trace.hash) {
    await openFiles([file]);
    announce(`${file.name} is not as it was: its size, its time or its bytes differ, so it is opened as another trace`);
    return;
  }
  holdFile(ref.hash, file);
  setStage('trace', { status: 'absent', error: null });
  resume();
}
