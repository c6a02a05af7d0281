import { useWorkbench } from '../../workbench/store.ts';
import { selection as texts } from '../texts/selection.ts';

/** Says that the selection went with the artifact that it counted in, until something else is selected. */
export function DroppedNote() {
  const dropped = useWorkbench((state) => state.dropped);
  if (!dropped) return null;
  return (
    <span className="warn" data-testid="dropped" title={texts.droppedAbout(String(dropped.id))}>
      {texts.dropped(dropped.kind)}
    </span>
  );
}
