import { useEffect } from 'react';
import { useFrames } from '../../workbench/frames.ts';
import { act, type MachineState, machinePlace, useMachine } from '../../workbench/machine.ts';
import { useWorkbench } from '../../workbench/store.ts';

interface MachineHere extends MachineState {
  /** The machine stands at this event. */
  readonly fresh: boolean;
  /** The program is not known yet, or another one is being made. */
  readonly stale: boolean;
}

/** The machine of the event at the cursor; its view is null until it stands there. What nobody sees (`visible`) runs nothing. */
export function useMachineHere(visible: boolean): MachineHere {
  // Shipped results stand before what their program is made of is known.
  const stale = useWorkbench(({ stages: { program } }) => program.stale || program.shipped);
  useFrames();
  const place = useWorkbench((state) => machinePlace(state)?.session ?? '');
  const machine = useMachine();
  const { session, status } = machine;
  const fresh = session === place;
  const ready = visible && place !== '' && !stale;
  useEffect(() => {
    if (ready && !fresh && status !== 'running') void act({ kind: 'look' });
  }, [ready, fresh, status]);
  return { ...machine, view: fresh ? machine.view : null, fresh, stale };
}
