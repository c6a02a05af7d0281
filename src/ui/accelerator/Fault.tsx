import { dismissError, stop, useAccelerator } from '../../workbench/accelerator.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { accelerator as texts } from '../texts/accelerator.ts';

/** What the device is busy with, or why it did not do what it was asked. */
export function Fault() {
  const error = useAccelerator((state) => state.error);
  const progress = useAccelerator((state) => state.progress);
  const doing = useAccelerator((state) => state.doing);
  return (
    <>
      {error ? <ErrorNote error={error} onDismiss={dismissError} /> : null}
      {doing ? <Progress progress={progress} label={texts.doing(doing)} onCancel={stop} /> : null}
    </>
  );
}
