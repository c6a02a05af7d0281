import { type Handler, later, serveRpc } from '../rpc.ts';
import { hold, leave } from './blobs.ts';
import { compileWith, loopAs, loopAt } from './strategies.ts';

/** Compiles and verifies what the page only compares with: in a worker of its own, since a variant may take seconds to be refused. */
const handlers: Record<string, Handler> = {
  hold,
  leave,
  compileWith,
  loopAt,
  loopAs,
  passes: later(() => import('./passes.ts'), 'passes'),
  passRows: later(() => import('./passes.ts'), 'passRows'),
  tryOptions: later(() => import('./try-options.ts'), 'tryOptions'),
  loopCosts: later(() => import('./try-options.ts'), 'loopCosts'),
};

const DOING: Readonly<Record<string, string>> = {
  compileWith: 'Comparing loop strategies',
  loopAs: 'Trying another loop',
  tryOptions: 'Trying other options',
};

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, (method) => DOING[method] ?? 'Working');
