import { type Handler, later, serveRpc } from '../rpc.ts';
import { drop, hold } from './blobs.ts';

/** Reads files beside those of the project: programs to compare, types to look at. */
const handlers: Record<string, Handler> = {
  hold,
  drop,
  codeFile: later(() => import('./codes.ts'), 'codeFile'),
  compareCodes: later(() => import('./codes.ts'), 'compareCodes'),
  codeTexts: later(() => import('./codes.ts'), 'codeTexts'),
};

const DOING: Readonly<Record<string, string>> = { codeFile: 'Reading the file', compareCodes: 'Comparing the programs' };

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, (method) => DOING[method] ?? 'Reading');
