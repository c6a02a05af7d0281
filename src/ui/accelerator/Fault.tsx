import { dismissError, type Place, stop, useAccelerator } from '../../workbench/accelerator.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { accelerator as texts } from '../texts/accelerator.ts';

/** What a panel asked of the device and is under way, or why it did not do what it was asked. */
export function Fault({ place }: { place: Place }) {
  const error = useAccelerator((state) => state.error);
  const progress = useAccelerator((state) => state.progress);
  const doing = useAccelerator((state) => state.doing);
  const here = useAccelerator((state) => state.where === place);
  if (!here) return null;
  return (
    <>
      {error ? <ErrorNote error={error} onDismiss={dismissError} /> : null}
      {doing ? <Progress progress={progress} label={texts.doing(doing)} onCancel={stop} /> : null}
    </>
  );
}
