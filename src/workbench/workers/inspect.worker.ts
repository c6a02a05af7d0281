import { type Handler, later, serveRpc } from '../rpc.ts';
import { drop, hold, leave } from './blobs.ts';

/** Reads files beside those of the project, programs to compare and types to look at, and compares what two programs say of a long trace. */
const handlers: Record<string, Handler> = {
  hold,
  drop,
  leave,
  codeFile: later(() => import('./codes.ts'), 'codeFile'),
  compareCodes: later(() => import('./codes.ts'), 'compareCodes'),
  codeTexts: later(() => import('./codes.ts'), 'codeTexts'),
  compareLong: later(() => import('./compare-sides.ts'), 'compareLong'),
  openBtf: later(() => import('./btf.ts'), 'openBtf'),
  findTypes: later(() => import('./btf.ts'), 'findTypes'),
  typeRows: later(() => import('./btf.ts'), 'typeRows'),
  typeDetail: later(() => import('./btf.ts'), 'typeDetail'),
  typeParts: later(() => import('./btf.ts'), 'typeParts'),
  coreRelocations: later(() => import('./btf.ts'), 'coreRelocations'),
  mapTypeRows: later(() => import('./btf.ts'), 'mapTypeRows'),
};

const DOING: Readonly<Record<string, string>> = {
  codeFile: 'Reading the file',
  compareCodes: 'Comparing the programs',
  compareLong: 'Comparing the answers',
  openBtf: 'Reading the types',
};

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, (method) => DOING[method] ?? 'Reading');
