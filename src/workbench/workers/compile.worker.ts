import type { BlobRef } from '../document.ts';
import { type Handler, serveRpc } from '../rpc.ts';
import { hold } from './blobs.ts';
import { inspect, modelOf, modelView, weightStats } from './models.ts';
import { diagnose, programDiff, programText, programView } from './programs.ts';

const handlers: Record<string, Handler> = {
  hold,
  inspect: ({ blob }: { blob: BlobRef }) => inspect(blob),
  model: modelView,
  weights: weightStats,
  program: programView,
  programText,
  programDiff,
  diagnose,
  defaultBinding: ({ blob, dims }: { blob: BlobRef; dims: Record<string, number> }) => {
    modelOf(blob, dims);
    return { hook: 'xdp', input: { kind: 'tensor' }, output: { kind: 'tensor' } };
  },
};

const DOING: Readonly<Record<string, string>> = {
  inspect: 'Reading the model',
  model: 'Importing the model',
  program: 'Compiling',
  verify: 'Verifying',
  replay: 'Replaying',
  trace: 'Reading the trace',
  exportObject: 'Writing the object',
};

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, (method) => DOING[method] ?? 'Working');
