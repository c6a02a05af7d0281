import { useWorkbench } from '../../workbench/store.ts';
import { kernel as texts } from '../texts/kernel.ts';

/** Says that an answer is about a program that is no longer the open one. */
export function Stale({ of }: { of: string }) {
  const key = useWorkbench((state) => state.stages.program.value?.key);
  return key === of ? null : (
    <p className="kernel-pad warn small" role="status">
      {'▲'} {texts.stale}
    </p>
  );
}
