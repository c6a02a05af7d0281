import { type Handler, later, serveRpc } from '../rpc.ts';
import { drop, hold, leave } from './blobs.ts';

/**
 * What answers while a weight or a byte is being dragged, and where a run comes to: in a worker of its own, which nothing else keeps busy and which
 * keeps the debugger from nothing.
 */
const handlers: Record<string, Handler> = {
  hold,
  leave,
  drop,
  touch: later(() => import('./touch.ts'), 'touchEvent'),
  marks: later(() => import('./run-marks.ts'), 'runMarks'),
};

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, () => 'Running the event');
