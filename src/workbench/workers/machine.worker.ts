import { type Handler, later, serveRpc } from '../rpc.ts';
import { drop, hold, leave } from './blobs.ts';
import { machineAct, machineMap, machineMemory } from './machine-session.ts';
import { machineTensor, machineTensors } from './machine-tensors.ts';

/**
 * Debugger and profiler, in a worker of their own: an endless program stops nothing else, and ending the worker loses nothing, since
 * each call says how to come to where the page stands.
 */
const handlers: Record<string, Handler> = {
  hold,
  leave,
  drop,
  act: machineAct,
  memory: machineMemory,
  map: machineMap,
  tensors: machineTensors,
  tensor: machineTensor,
  profile: later(() => import('./machine-profile.ts'), 'profileEvents'),
  nodeTimes: later(() => import('./node-times.ts'), 'nodeTimes'),
  effects: later(() => import('./effects.ts'), 'recordEffects'),
  featureValues: later(() => import('./feature-values.ts'), 'featureValues'),
};

const DOING: Readonly<Record<string, string>> = {
  act: 'Running the program',
  memory: 'Reading memory',
  map: 'Reading a map',
  tensors: 'Reading the tensors',
  tensor: 'Reading a tensor',
  profile: 'Profiling',
  nodeTimes: 'Timing the operators',
  effects: 'Recording effects',
  featureValues: 'Counting for flows',
};

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, (method) => DOING[method] ?? 'Working');
