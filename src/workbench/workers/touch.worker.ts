import { type Handler, later, serveRpc } from '../rpc.ts';
import { drop, hold } from './blobs.ts';

/** What answers while a weight or a byte is being dragged: in a worker of its own, which nothing else keeps busy. */
const handlers: Record<string, Handler> = {
  hold,
  drop,
  touch: later(() => import('./touch.ts'), 'touchEvent'),
};

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, () => 'Running the event');
