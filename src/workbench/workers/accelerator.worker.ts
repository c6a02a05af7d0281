import mjs from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { configureOrt } from '../../reference/ort.ts';
import { type Handler, later, serveRpc } from '../rpc.ts';
import { audit, auditRemove, auditRestore, auditRows, auditVerify } from './accelerator/audit.ts';
import * as device from './accelerator/handlers.ts';
import { drop, hold, leave } from './blobs.ts';

configureOrt({ wasmPaths: { wasm: new URL(wasm, self.location.href).href, mjs: new URL(mjs, self.location.href).href } });

/**
 * The simulated accelerator. Unlike other workers it holds a state that its calls build on: the device. It is not ended to stop work, since all of its work
 * hears a stop; where the browser ends it, the device says so and a reset starts it again.
 */
const handlers: Record<string, Handler> = {
  hold,
  drop,
  leave,
  open: device.open,
  reset: device.reset,
  snapshot: device.snapshot,
  send: device.send,
  run: device.run,
  step: device.step,
  speed: device.setSpeed,
  attach: device.attach,
  replace: device.replace,
  detach: device.detach,
  move: device.move,
  maps: device.maps,
  setMap: device.setMap,
  window: device.window,
  rows: device.rows,
  spanOf: device.spanOf,
  command: device.command,
  layers: device.layers,
  tenants: device.tenants,
  buckets: device.buckets,
  setRate: device.setRate,
  throughput: device.throughput,
  trust: device.trust,
  makeKey: device.makeKey,
  requireSigned: device.requireSigned,
  revokeKey: device.revokeKey,
  revokeObject: device.revokeObject,
  signObject: device.signObject,
  deliver: device.deliver,
  audit,
  auditRows,
  auditRemove,
  auditRestore,
  auditVerify,
  fusion: later(() => import('./accelerator/fusion.ts'), 'fusion'),
  fuse: later(() => import('./accelerator/fusion.ts'), 'fuse'),
  traceSummary: later(() => import('./accelerator/trace.ts'), 'traceSummary'),
  traceSearch: later(() => import('./accelerator/trace.ts'), 'traceSearch'),
  traceExport: later(() => import('./accelerator/trace.ts'), 'traceExport'),
  overhead: later(() => import('./accelerator/overhead.ts'), 'overhead'),
};

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, () => 'The accelerator');
