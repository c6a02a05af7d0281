import { type Handler, serveRpc } from '../rpc.ts';
import { bindingFor, defaultBinding, fitBinding, readBinding } from './bindings.ts';
import { hold } from './blobs.ts';
import { compareModels } from './compare-models.ts';
import { elementRelations } from './element-relations.ts';
import { explainProgram } from './explain.ts';
import { irView } from './ir.ts';
import { inspect, modelView } from './models.ts';
import { programValues } from './program-values.ts';
import { checkProgram, diagnose, exportObject, programDiff, programText, programView } from './programs.ts';
import { replay, scoreOne } from './replays.ts';
import { traceView } from './traces.ts';
import { stateAt, verifyProgram } from './verify.ts';
import { verifyLog } from './verify-log.ts';
import { weightMap, weightRow, weightStats } from './weights.ts';

const handlers: Record<string, Handler> = {
  hold,
  inspect,
  model: modelView,
  weights: weightStats,
  weightMap,
  weightRow,
  compareModels,
  relatedElements: elementRelations,
  program: programView,
  programText,
  irView,
  programDiff,
  checkProgram,
  exportObject,
  diagnose,
  defaultBinding,
  bindingFor,
  readBinding,
  fitBinding,
  trace: traceView,
  replay,
  scoreOne,
  programValues,
  verify: verifyProgram,
  verifyLog,
  stateAt,
  explain: explainProgram,
};

const DOING: Readonly<Record<string, string>> = {
  inspect: 'Reading the model',
  compareModels: 'Comparing the models',
  model: 'Importing the model',
  program: 'Compiling',
  verify: 'Verifying',
  verifyLog: 'Making the log',
  stateAt: 'Verifying',
  explain: 'Explaining the rejection',
  replay: 'Replaying',
  scoreOne: 'Scoring the packet',
  programValues: 'Reading the tensors',
  trace: 'Reading the trace',
  exportObject: 'Writing the object',
};

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, (method) => DOING[method] ?? 'Working');
