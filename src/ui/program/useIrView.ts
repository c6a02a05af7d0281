import { useEffect, useState } from 'react';
import { callOnProgram } from '../../workbench/clients.ts';
import type { IrView } from '../../workbench/ir-view.ts';
import type { ProgramView } from '../../workbench/views.ts';

/** Asked for when the view is first opened; null until it is there. */
export function useIrView(program: ProgramView): IrView | 'none' | null {
  const [found, setFound] = useState<{ readonly key: string; readonly view: IrView | 'none' } | null>(null);
  const { key, irOf } = program;
  useEffect(() => {
    if (!irOf) return;
    let wanted = true;
    callOnProgram<IrView | null>(key, 'irView').then(
      (view) => {
        if (wanted) setFound({ key, view: view ?? 'none' });
      },
      () => {
        if (wanted) setFound({ key, view: 'none' });
      },
    );
    return () => {
      wanted = false;
    };
  }, [key, irOf]);
  if (!irOf) return 'none';
  return found?.key === key ? found.view : null;
}
