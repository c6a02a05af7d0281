import { type CompareInput, compareColumns } from '../comparison.ts';
import { type Handler, serveRpc } from '../rpc.ts';
import { drop, hold, leave } from './blobs.ts';
import { dumpKept, features, keptMaps, mapPage, writeEntry } from './kernel/kept.ts';
import { connect } from './kernel/line.ts';
import { replayThere, runThere } from './kernel/runs.ts';
import { logRows, matrixCell, verifyThere, wholeLog } from './kernel/verdict.ts';

/** Asks the user's own kernel through the companion that served this page. Ending this worker unloads what it has loaded there, and loses nothing else. */
const handlers: Record<string, Handler> = {
  hold,
  drop,
  leave,
  connect,
  verify: verifyThere,
  logRows,
  wholeLog,
  matrixCell,
  run: runThere,
  replay: replayThere,
  compare: (input: Omit<CompareInput, 'overlay'>) => compareColumns({ ...input, overlay: { program: new Map(), reference: new Map() } }),
  maps: keptMaps,
  mapPage,
  writeEntry,
  dump: dumpKept,
  features,
};

const DOING: Readonly<Record<string, string>> = {
  connect: 'Connecting to the companion',
  verify: 'Asking the kernel for its verdict',
  matrixCell: 'Asking the kernels for their verdicts',
  run: 'Running in the kernel',
  replay: 'Replaying in the kernel',
};

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, (method) => DOING[method] ?? 'Asking the kernel');
