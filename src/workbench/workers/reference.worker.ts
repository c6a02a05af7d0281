import mjs from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { InputError } from '../../base/errors.ts';
import { Cancelled } from '../../base/progress.ts';
import { otherwiseOf } from '../../hooks/decide.ts';
import { cutOf } from '../../reference/compare.ts';
import { configureOrt } from '../../reference/ort.ts';
import { tensorInputs } from '../../replay/inputs.ts';
import { ReferenceRunner } from '../../replay/reference-runner.ts';
import type { TraceSpec } from '../clients.ts';
import { type CallContext, type Handler, later, serveRpc } from '../rpc.ts';
import type { After } from '../value-views.ts';
import { Batches, firstOutput } from './batches.ts';
import { bytesOf, hold, leave } from './blobs.ts';
import { fitted } from './bound.ts';
import type { Bound } from './calibration.ts';
import { eventInputs, inputsAfter, packetCode } from './events.ts';
import { modelOf } from './models.ts';
import { rest, SLICE_MS } from './rest.ts';
import { heldTrace } from './traces.ts';

configureOrt({ wasmPaths: { wasm: new URL(wasm, self.location.href).href, mjs: new URL(mjs, self.location.href).href } });

let open: { readonly key: string; readonly runner: Promise<ReferenceRunner> } | null = null;

/** ONNX Runtime with the model in it; kept for as long as model and binding stay. */
function runnerOf({ model: spec, binding }: Bound): Promise<ReferenceRunner> {
  const key = JSON.stringify([spec.key, binding]);
  if (open?.key !== key) {
    void open?.runner.then((runner) => runner.release()).catch(() => {});
    const start = async (): Promise<ReferenceRunner> => {
      const model = await modelOf(spec.model, spec.dims);
      return ReferenceRunner.open(bytesOf(spec.model), { fileName: spec.model.name }, model, await fitted(binding, model));
    };
    open = { key, runner: start() };
  }
  return open.runner;
}

/** Scores the events of a trace, from number `from` on. */
async function score(args: Bound & { readonly trace: TraceSpec; readonly from?: number }, context: CallContext): Promise<void> {
  const held = await heldTrace(args.trace.trace, context);
  const model = await modelOf(args.model.model, args.model.dims);
  const total = held.count;
  context.progress('loading ONNX Runtime', 0, 0);
  const runner = await runnerOf(args);
  const { from = 0 } = args;
  const batches = new Batches(from, context, cutOf(model.nodes), total);
  let rested = performance.now();
  let done = from;
  const breathe = async (): Promise<void> => {
    done++;
    if (performance.now() - rested <= SLICE_MS) return;
    batches.sendWhenDue();
    context.progress('running ONNX Runtime', done - from, total - from);
    await rest();
    if (context.cancelled) throw new Cancelled();
    rested = performance.now();
  };
  const fit = await fitted(args.binding, model);
  if (held.kind !== 'tensors') {
    if (!fit) throw new InputError('a tensor binding takes no packets', 'binding');
    const events = await eventInputs(held, fit, model);
    for await (const some of events.from(from)) {
      for (const inputs of some) {
        const said = inputs && (await runner.judge(inputs, fit));
        if (said) batches.add(said.score, events.code(said.verdict), firstOutput(said.outputs));
        else batches.add(Number.NaN, events.unseen, null);
        await breathe();
      }
    }
  } else {
    for (const one of tensorInputs(model, held.arrays).slice(from)) {
      batches.add(Number.NaN, null, firstOutput(await runner.runTensors(one)));
      await breathe();
    }
  }
  batches.send();
}

async function scoreOne(args: Bound & { readonly bytes: Uint8Array; readonly after?: After }): Promise<{ score: number; verdict: number }> {
  const model = await modelOf(args.model.model, args.model.dims);
  const fit = await fitted(args.binding, model);
  if (!fit) throw new InputError('a tensor binding takes no packets', 'binding');
  const { bytes, after } = args;
  const inputs = await inputsAfter({ kind: 'packet', bytes, ...(after ? { after } : {}) }, fit, model);
  if (!inputs) return { score: Number.NaN, verdict: packetCode(otherwiseOf(fit)) };
  const { score, verdict } = await (await runnerOf(args)).judge(inputs, fit);
  return { score, verdict: packetCode(verdict) };
}

const handlers: Record<string, Handler> = {
  hold,
  leave,
  score,
  scoreOne,
  calibrate: later(() => import('./calibration.ts'), 'calibration'),
  referenceValues: later(() => import('./reference-values.ts'), 'referenceValues'),
  compareValues: later(() => import('./reference-values.ts'), 'compareValues'),
  ownErrors: later(() => import('./reference-values.ts'), 'ownErrors'),
  errorsOfEvents: later(() => import('./errors-of-events.ts'), 'errorsOfEvents'),
  openRecording: later(() => import('./record-values.ts'), 'openRecording'),
  recordReference: later(() => import('./record-values.ts'), 'recordReference'),
};

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, (method) =>
  method === 'calibrate' ? 'Calibrating' : 'Running ONNX Runtime',
);
