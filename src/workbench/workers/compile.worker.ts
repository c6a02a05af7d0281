import { type Handler, later, serveRpc } from '../rpc.ts';
import { bindingFor, defaultBinding } from './bindings.ts';
import { hold, leave } from './blobs.ts';
import { inspect, modelView } from './models.ts';
import { programView } from './programs.ts';
import { replay, scoreOne } from './replays.ts';
import { checkLabels, shareColumns, traceFrames, traceView } from './traces.ts';

const handlers: Record<string, Handler> = {
  hold,
  leave,
  inspect,
  model: modelView,
  weights: later(() => import('./weights.ts'), 'weightStats'),
  weightMap: later(() => import('./weights.ts'), 'weightMap'),
  weightRow: later(() => import('./weights.ts'), 'weightRow'),
  compareModels: later(() => import('./compare-models.ts'), 'compareModels'),
  relatedElements: later(() => import('./element-relations.ts'), 'elementRelations'),
  program: programView,
  programText: later(() => import('./program-text.ts'), 'programText'),
  editBase: later(() => import('./edit.ts'), 'editBase'),
  editedText: later(() => import('./edit.ts'), 'editedText'),
  irView: later(() => import('./ir.ts'), 'irView'),
  programDiff: later(() => import('./diff.ts'), 'programDiff'),
  revertedText: later(() => import('./diff.ts'), 'revertedText'),
  checkProgram: later(() => import('./read-program.ts'), 'checkProgram'),
  exportObject: later(() => import('./program-text.ts'), 'exportObject'),
  diagnose: later(() => import('./program-text.ts'), 'diagnose'),
  defaultBinding,
  bindingFor,
  readBinding: later(() => import('./read-binding.ts'), 'readBinding'),
  fitBinding: later(() => import('./read-binding.ts'), 'fitBinding'),
  tensorArchive: later(() => import('./tensor-archive.ts'), 'tensorArchive'),
  trace: traceView,
  traceFrames,
  checkLabels,
  replay,
  scoreOne,
  sharedProgram: later(() => import('./shares.ts'), 'sharedProgram'),
  shareColumns,
  programValues: later(() => import('./program-values.ts'), 'programValues'),
  valuesOfEvents: later(() => import('./values-of-events.ts'), 'valuesOfEvents'),
  verify: later(() => import('./verify.ts'), 'verifyProgram'),
  verifyLog: later(() => import('./verify-log.ts'), 'verifyLog'),
  queryBase: later(() => import('./query-base.ts'), 'queryBase'),
  cLibrary: later(() => import('./c-library.ts'), 'cLibrary'),
  explain: later(() => import('./explain.ts'), 'explainProgram'),
};

const DOING: Readonly<Record<string, string>> = {
  inspect: 'Reading the model',
  compareModels: 'Comparing the models',
  model: 'Importing the model',
  program: 'Compiling',
  verify: 'Verifying',
  verifyLog: 'Making the log',
  explain: 'Explaining the rejection',
  replay: 'Replaying',
  scoreOne: 'Scoring the packet',
  programValues: 'Reading the tensors',
  valuesOfEvents: 'Reading the tensors',
  trace: 'Reading the trace',
  tensorArchive: 'Reading the file',
  exportObject: 'Writing the object',
  cLibrary: 'Compiling the model',
};

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, (method) => DOING[method] ?? 'Working');
