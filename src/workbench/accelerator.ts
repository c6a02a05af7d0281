import { create } from 'zustand';
import { sourceOf, type UseId } from './accelerator-uses.ts';
import type { DeliveryKind, OverheadView, Snapshot, TrustView, Workload } from './accelerator-views.ts';
import { download } from './actions.ts';
import { getBlob, putBlob } from './blobs.ts';
import { compileText } from './c.ts';
import type { CView } from './c-view.ts';
import { type BlobRef, EMPTY_PROJECT } from './document.ts';
import { toUserError, type UserError } from './errors.ts';
import { type CallOptions, RemoteError, WorkerClient } from './rpc.ts';
import type { StageProgress } from './stages.ts';
import { announce, currentDoc, openDoc } from './store.ts';

/** The simulated accelerator: it lives in a worker of its own, and begins when its desk is first shown. */
const worker = new WorkerClient(
  'accelerator',
  () => new Worker(new URL('./workers/accelerator.worker.ts', import.meta.url), { type: 'module', name: 'accelerator' }),
);

/** Device time that passes in a second of ours, ns; null for as fast as this computer goes. */
export const SPEEDS: readonly (number | null)[] = [1e4, 1e5, 1e6, 1e7, null];
export const MOST_REQUESTS = 100_000;

interface AcceleratorState {
  /** A sample, or the model of the open project. */
  readonly model: 'sample' | 'open';
  readonly workload: Workload;
  /** Values of parameters that are not the usual ones. */
  readonly parameters: Readonly<Record<string, number>>;
  readonly speed: number | null;
  readonly snapshot: Snapshot | null;
  readonly trust: TrustView | null;
  readonly overhead: OverheadView | null;
  readonly status: 'none' | 'starting' | 'ready';
  readonly running: boolean;
  /** What is done that takes its time; null when nothing is. */
  readonly doing: Doing | null;
  readonly progress: StageProgress | null;
  readonly error: UserError | null;
  /** The panel that asked for what failed, or is under way. */
  readonly where: Place;
  /** Command that is looked at. */
  readonly selected: number | null;
}

export type Place = 'device' | 'hooks' | 'measures';

export type Doing = 'start' | 'send' | 'attach' | 'fuse' | 'overhead' | 'sign';

const FIRST_WORKLOAD: Workload = { requests: 4, tenants: 2, tokens: 4, perSecond: 20_000, provenance: 'signed', rows: 1 };

export const useAccelerator = create<AcceleratorState>()(() => ({
  model: 'sample',
  workload: FIRST_WORKLOAD,
  parameters: {},
  speed: 1e5,
  snapshot: null,
  trust: null,
  overhead: null,
  status: 'none',
  running: false,
  doing: null,
  progress: null,
  error: null,
  where: 'device',
  selected: null,
}));
const { getState, setState } = useAccelerator;

export const setWorkload = (change: Partial<Workload>): void => setState({ workload: { ...getState().workload, ...change } });
export const setSpeed = (speed: number | null): void => {
  setState({ speed });
  if (getState().running) void ask('speed', { speed });
};
export const selectCommand = (selected: number | null): void => setState({ selected });
export const dismissError = (): void => setState({ error: null });

/** Asks the worker for what a view shows. */
export const ask = <T>(method: string, args: object = {}, options: CallOptions = {}): Promise<T> => worker.call<T>(method, args, options);

const asUserError = (error: unknown, doing: string): UserError => (error instanceof RemoteError ? error.error : toUserError(error, doing));

let stopWork: AbortController | null = null;
let stopRun: AbortController | null = null;

/** Stops what takes its time, or else the clock. */
export function stop(): void {
  if (stopWork) stopWork.abort();
  else stopRun?.abort();
}

const PLACES: Readonly<Record<Doing, Place>> = {
  start: 'device',
  send: 'device',
  attach: 'hooks',
  sign: 'hooks',
  fuse: 'measures',
  overhead: 'measures',
};

/** Work that can be stopped and tells how far it is; null where it failed or was stopped, which is shown. */
async function work<T>(doing: Doing, what: (options: CallOptions) => Promise<T>): Promise<T | null> {
  stopWork?.abort();
  const own = new AbortController();
  stopWork = own;
  setState({ doing, error: null, progress: null, where: PLACES[doing] });
  try {
    return await what({ signal: own.signal, onProgress: (stage, done, total) => setState({ progress: { stage, done, total } }) });
  } catch (error) {
    if (!own.signal.aborted) setState({ error: asUserError(error, 'The accelerator') });
    return null;
  } finally {
    if (stopWork === own) {
      stopWork = null;
      setState({ doing: null, progress: null });
    }
  }
}

/** A change that is quick: its failure is shown. */
async function change<T>(what: Promise<T>, done: (result: T) => void, where: Place = 'hooks'): Promise<void> {
  try {
    done(await what);
  } catch (error) {
    setState({ error: asUserError(error, 'The accelerator'), where });
  }
}

const shown = (snapshot: Snapshot): void => setState({ snapshot });

/** Starts the device with the sample's model. */
export async function begin(): Promise<void> {
  if (getState().status !== 'none') return;
  setState({ status: 'starting' });
  const snapshot = await work('start', open);
  setState(snapshot ? { snapshot, status: 'ready' } : { status: 'none' });
}

async function modelBlob(): Promise<{ blob: BlobRef; dims: Readonly<Record<string, number>> }> {
  const { source, options } = currentDoc();
  if (getState().model === 'open' && source?.kind === 'model') return { blob: source.blob, dims: options.dims };
  const response = await fetch(new URL('samples/accelerator/scorer.onnx', document.baseURI));
  if (!response.ok) throw new Error(`scorer.onnx cannot be fetched: ${response.status}`);
  return { blob: await putBlob('scorer.onnx', new Uint8Array(await response.arrayBuffer())), dims: {} };
}

async function open(options: CallOptions): Promise<Snapshot> {
  const { blob, dims } = await modelBlob();
  worker.hold(blob.hash, getBlob(blob));
  return ask<Snapshot>('open', { blob, dims, parameters: getState().parameters }, options);
}

/** Starts the device again with another model. */
export async function setModel(model: 'sample' | 'open'): Promise<void> {
  stopRun?.abort();
  const before = getState().model;
  setState({ model, selected: null });
  const snapshot = await work('start', open);
  if (snapshot)
    setState({ snapshot, workload: { ...getState().workload, rows: Math.min(getState().workload.rows, snapshot.model?.mostRows ?? 1) } });
  else setState({ model: before });
}

/** Starts the device again with other figures; programs stay attached. */
export async function setParameters(parameters: Readonly<Record<string, number>>): Promise<void> {
  stopRun?.abort();
  const snapshot = await work('start', (options) => ask<Snapshot>('reset', { parameters }, options));
  if (snapshot) setState({ snapshot, parameters, selected: null });
}

export const reset = (): Promise<void> => setParameters(getState().parameters);

/** Gives the requests of the form to the driver. */
export async function send(): Promise<void> {
  const { workload } = getState();
  const snapshot = await work('send', (options) => ask<Snapshot>('send', { workload }, options));
  if (!snapshot) return;
  shown(snapshot);
  announce(`${workload.requests} requests given to the driver`);
}

/** Lets the device's clock go on until nothing is left to do, or until it is stopped. */
export async function run(): Promise<void> {
  if (getState().running) return;
  const own = new AbortController();
  stopRun = own;
  setState({ running: true, error: null, where: 'device' });
  let latest: Snapshot | null = null;
  // A page that draws more slowly than the device tells leaves out what is no longer so.
  const onEvent = (snapshot: Snapshot): void => {
    if (latest === null)
      setTimeout(() => {
        if (latest && stopRun === own) shown(latest);
        latest = null;
      });
    latest = snapshot;
  };
  try {
    await ask('run', { speed: getState().speed }, { signal: own.signal, onEvent: onEvent as CallOptions['onEvent'] });
  } catch (error) {
    if (!own.signal.aborted) setState({ error: asUserError(error, 'The accelerator') });
  } finally {
    stopRun = null;
    setState({ running: false });
    await change(ask<Snapshot>('snapshot'), shown, 'device');
  }
}

/** Advances to the next event. */
export const step = (): Promise<void> => change(ask<Snapshot>('step'), shown, 'device');

/** Objects by the hash of their text: C is compiled once. */
async function compiled(name: string, text: string, options: CallOptions): Promise<CView> {
  const ref = await putBlob(`${name}.c`, new TextEncoder().encode(text));
  return compileText(ref.name, text, ref.hash, 'v3', [], options);
}

/** Compiles a shipped use in this tab and attaches its programs. */
export async function attachUse(id: UseId): Promise<void> {
  const snapshot = await work('attach', async (options) => {
    const { object, diagnostics } = await compiled(id, await sourceOf(id), options);
    if (!object) throw new RemoteError({ what: diagnostics[0]?.message ?? 'it does not compile', where: `${id}.c`, advice: '' });
    return attachObject(object, id, options);
  });
  if (snapshot) shown(snapshot);
}

function attachObject(object: BlobRef, use: string | null, options: CallOptions): Promise<Snapshot> {
  worker.hold(object.hash, getBlob(object));
  return ask<Snapshot>('attach', { blob: object, use }, options);
}

/** The object of the open project, compiled from C where it is C. */
async function openObject(options: CallOptions): Promise<BlobRef> {
  const { source } = currentDoc();
  if (source?.kind === 'object') return source.blob;
  if (source?.kind !== 'c')
    throw new RemoteError({ what: 'the open project is no program', where: '', advice: 'Open the source of a use' });
  const text = new TextDecoder().decode(getBlob(source.blob));
  const { object, diagnostics } = await compileText(
    source.blob.name,
    text,
    source.blob.hash,
    source.cpu ?? 'v3',
    source.links ?? [],
    options,
  );
  if (object) return object;
  const [first] = diagnostics;
  throw new RemoteError({
    what: first?.message ?? 'it does not compile',
    where: `${source.blob.name}:${first?.line ?? 0}`,
    advice: 'Mend it in the C panel',
  });
}

/** Attaches the programs of the open project. */
export async function attachOpen(): Promise<void> {
  const snapshot = await work('attach', async (options) => attachObject(await openObject(options), null, options));
  if (snapshot) shown(snapshot);
}

/** Puts the open project's program in the place of one that is attached; commands that are on their way keep the old one. */
export async function replaceWithOpen(id: number): Promise<void> {
  const snapshot = await work('attach', async (options) => {
    const blob = await openObject(options);
    worker.hold(blob.hash, getBlob(blob));
    return ask<Snapshot>('replace', { id, blob }, options);
  });
  if (snapshot) shown(snapshot);
}

/** Opens the source of a use as a project of its own, in the C panel. */
export async function openUse(id: UseId): Promise<void> {
  const blob = await putBlob(`${id}.c`, new TextEncoder().encode(await sourceOf(id)));
  openDoc(
    { ...EMPTY_PROJECT, name: id, source: { kind: 'c', blob }, options: { ...EMPTY_PROJECT.options, kernel: currentDoc().options.kernel } },
    { how: 'file', sample: null },
  );
}

export const detach = (id: number): Promise<void> => change(ask<Snapshot>('detach', { id }), shown);
export const move = (id: number, by: -1 | 1): Promise<void> => change(ask<Snapshot>('move', { id, by }), shown);
export const setMapValue = (id: number, map: string, key: Uint8Array, value: Uint8Array): Promise<void> =>
  change(ask<Snapshot>('setMap', { id, map, key, value }), shown);
export const setRate = (tenant: number, perSecond: number): Promise<void> =>
  change(ask<Snapshot>('setRate', { tenant, perSecond }), shown, 'measures');

const trusted = (trust: TrustView): void => setState({ trust });
export const loadTrust = (): Promise<void> => change(ask<TrustView>('trust'), trusted);
export async function makeKey(name: string): Promise<void> {
  const trust = await work('sign', (options) => ask<TrustView>('makeKey', { name }, options));
  if (trust) trusted(trust);
}
export const requireSigned = (required: boolean): Promise<void> => change(ask<TrustView>('requireSigned', { required }), trusted);
export const revokeKey = (id: string): Promise<void> => change(ask<TrustView>('revokeKey', { id }), trusted);
export const signObject = (hash: string): Promise<void> => change(ask<TrustView>('signObject', { hash }), trusted);
export const revokeObject = (hash: string): Promise<void> => change(ask<TrustView>('revokeObject', { hash }), trusted);

/** Gives an object to the device as the user says: what the device answers stands in the log of deliveries. */
export async function deliver(hash: string, how: DeliveryKind): Promise<void> {
  await change(ask<TrustView>('deliver', { hash, how }), trusted);
  await change(ask<Snapshot>('snapshot'), shown);
}

/** Makes the stream anew with proposed kernels fused, or without, and runs one pass of each. */
export async function applyFusion(fused: boolean): Promise<void> {
  const snapshot = await work('fuse', (options) => ask<Snapshot>('fuse', { fused }, options));
  if (snapshot) shown(snapshot);
}

export async function measureOverhead(): Promise<void> {
  const overhead = await work('overhead', async (options) => {
    const objects: Record<string, BlobRef> = {};
    for (const id of ['validate', 'shape_provenance', 'sign_activations'] as const) {
      const { object } = await compiled(id, await sourceOf(id), options);
      if (!object) continue;
      worker.hold(object.hash, getBlob(object));
      objects[id] = object;
    }
    return ask<OverheadView>('overhead', { objects }, options);
  });
  if (overhead) setState({ overhead });
}

/** Hands the trace that the host can see to the browser as a file. */
export async function exportTrace(): Promise<void> {
  await change(ask<Uint8Array<ArrayBuffer>>('traceExport'), (bytes) => download('commands.trace', bytes));
}
