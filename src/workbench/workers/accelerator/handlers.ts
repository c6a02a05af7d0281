import { InputError } from '../../../base/errors.ts';
import { Cancelled } from '../../../base/progress.ts';
import { PROG_TYPE_ACCELERATOR } from '../../../bpf/accelerator/hooks.ts';
import type { GroupRow } from '../../../hooks/accelerator/metrics.ts';
import type { Parameters } from '../../../hooks/accelerator/parameters.ts';
import { type LoadedProgram, loadHookPrograms } from '../../../hooks/accelerator/program.ts';
import { readObject } from '../../../object/reader.ts';
import type {
  BucketRow,
  CommandDetail,
  CommandRow,
  DeliveryKind,
  MapView,
  Snapshot,
  SumRow,
  Throughput,
  TimelineWindow,
  TrustView,
  Workload,
} from '../../accelerator-views.ts';
import type { BlobRef } from '../../document.ts';
import { type CallContext, Transferred } from '../../rpc.ts';
import { bytesOf } from '../blobs.ts';
import { commandDetail } from './command.ts';
import { DeliveryDesk } from './delivery.ts';
import { Host } from './host.ts';
import { runTo } from './pace.ts';
import { mapViews } from './programs.ts';
import { bucketsOf, PERIOD_NS, setPolicyRate } from './setup.ts';
import { Source } from './source.ts';

/** A look at the clock after so long, ms: stop, and what the user changes while the device runs, is heard then. */
const SLICE_MS = 10;
/** Between two snapshots of a running device, ms. */
const FRAME_MS = 50;
const MOST_ROWS = 500;
const CURVE_STEPS = 200;

let host: Host | null = null;
let running = false;
let speed: number | null = null;
const desk = new DeliveryDesk();
const objects = new Map<string, Uint8Array>();

export function theHost(): Host {
  if (!host) throw new InputError('the device is not there any more: its worker was ended', 'accelerator', 'Reset starts it again');
  return host;
}

export function stopIfCancelled(context: CallContext): void {
  if (context.cancelled) throw new Cancelled();
}

export async function open(
  { blob, dims, parameters }: { blob: BlobRef; dims: Readonly<Record<string, number>>; parameters: Partial<Parameters> },
  context: CallContext,
): Promise<Snapshot> {
  context.progress('reading the model', 0, 0);
  const source = await Source.open(blob, dims);
  stopIfCancelled(context);
  context.progress('running ONNX Runtime', 0, 0);
  const next = await Host.start(source, parameters);
  const before = host;
  host = next;
  // What is attached belongs to the device, whatever model it serves.
  if (before) next.takeOver(before, programsOf);
  return next.snapshot;
}

/** A new device, with the same figures unless others are given; programs stay attached. */
export async function restart(parameters: Partial<Parameters> = theHost().session.parameters): Promise<Snapshot> {
  await theHost().restart(parameters, programsOf);
  return theHost().snapshot;
}

export const reset = ({ parameters }: { parameters: Partial<Parameters> }): Promise<Snapshot> => restart(parameters);

export const snapshot = (): Snapshot => theHost().snapshot;

export async function send({ workload }: { workload: Workload }): Promise<Snapshot> {
  await theHost().send(workload);
  return theHost().snapshot;
}

export function step(): Snapshot {
  theHost().step();
  return theHost().snapshot;
}

export function setSpeed({ speed: next }: { speed: number | null }): void {
  speed = next;
}

const turn = (): Promise<void> => new Promise((go) => setTimeout(go, 0));

/** Runs until nothing is left to do or the call is stopped; tells how it stands as it goes. */
export async function run({ speed: first }: { speed: number | null }, context: CallContext): Promise<void> {
  if (running) return;
  running = true;
  speed = first;
  let shown = performance.now();
  let before = shown;
  try {
    for (;;) {
      const now = performance.now();
      const mine = theHost();
      const goalNs = speed === null ? Number.POSITIVE_INFINITY : mine.device.nowNs + Math.ceil(((now - before) / 1000) * speed);
      const idle = runTo(mine, goalNs, () => performance.now() - now > SLICE_MS);
      before = now;
      if (performance.now() - shown >= FRAME_MS) {
        context.emit(mine.snapshot);
        shown = performance.now();
      }
      if (idle || context.cancelled) return;
      await turn();
    }
  } finally {
    running = false;
  }
}

/** Holds the bytes of an object under their hash. */
export const keep = (hash: string, bytes: Uint8Array): void => void objects.set(hash, bytes);

/** The programs of an object for the device, verified; they share the object's maps. */
export function programsOf(hash: string): LoadedProgram[] {
  const bytes = objects.get(hash)!;
  const { programs } = readObject(bytes, hash.slice(0, 12));
  const own = programs.filter(({ progType }) => progType === PROG_TYPE_ACCELERATOR);
  if (own.length === 0) {
    const sections = programs.map(({ section }) => section).join(', ');
    throw new InputError(
      `it holds no program for the accelerator (${sections || 'none at all'})`,
      '',
      'Sections are called accelerator/HOOK or gaudi/HOOK',
    );
  }
  return loadHookPrograms(own);
}

export async function attach({ blob, use }: { blob: BlobRef; use: string | null }): Promise<Snapshot> {
  const bytes = bytesOf(blob);
  const name = blob.name.replace(/\.o$/i, '');
  const signedBy = await desk.admit(name, bytes);
  keep(blob.hash, bytes);
  theHost().session.attach(programsOf(blob.hash), { object: name, hash: blob.hash, use, signedBy });
  return theHost().snapshot;
}

export async function replace({ id, blob }: { id: number; blob: BlobRef }): Promise<Snapshot> {
  const bytes = bytesOf(blob);
  const name = blob.name.replace(/\.o$/i, '');
  const signedBy = await desk.admit(name, bytes);
  keep(blob.hash, bytes);
  theHost().session.replace(id, programsOf(blob.hash), name, blob.hash, signedBy);
  return theHost().snapshot;
}

export function detach({ id }: { id: number }): Snapshot {
  theHost().session.detach(id);
  return theHost().snapshot;
}

export function move({ id, by }: { id: number; by: -1 | 1 }): Snapshot {
  theHost().session.move(id, by);
  return theHost().snapshot;
}

export const maps = ({ id }: { id: number }): readonly MapView[] => mapViews(theHost().session.find(id).loaded);

export function setMap({ id, map, key, value }: { id: number; map: string; key: Uint8Array; value: Uint8Array }): Snapshot {
  const { session } = theHost();
  session.find(id).loaded.maps.get(map).update(key, value);
  session.acted();
  return theHost().snapshot;
}

export function window({ fromNs, toNs, steps }: { fromNs: number; toNs: number | null; steps: number }): Transferred<TimelineWindow> {
  const { ledger, device } = theHost().session;
  ledger.update();
  const view = ledger.window(fromNs, toNs, steps, { cores: device.parameters.engineCores, units: device.parameters.units });
  const { bars, engine, units, aborts } = view;
  const own = bars ? [bars.seq, bars.from, bars.to, bars.lane, bars.row, bars.kind] : [];
  return new Transferred(
    view,
    [engine, units, aborts, ...own].map(({ buffer }) => buffer),
  );
}

export function rows({ from, to }: { from: number; to: number }): readonly CommandRow[] {
  const { ledger } = theHost().session;
  ledger.update();
  const found: CommandRow[] = [];
  for (let seq = from; seq < Math.min(to, from + MOST_ROWS, ledger.rows); seq++) {
    const row = ledger.row(seq);
    if (row) found.push(row);
  }
  return found;
}

export function spanOf({ seq }: { seq: number }): readonly [number, number] | null {
  return theHost().session.ledger.span(seq);
}

export const command = ({ seq }: { seq: number }): CommandDetail | null => commandDetail(theHost().session, seq);

const sumRow = (row: GroupRow, label: string): SumRow => ({
  key: row.key,
  label,
  commands: row.commands,
  completed: row.completed,
  aborted: row.aborted,
  deferred: row.deferred,
  flops: row.flops,
  bytes: row.bytes,
  computeNs: row.busyNs,
  hookNs: row.hookNs,
  insns: row.insns,
  queuedNs: row.queuedNs,
});

export function layers(): readonly SumRow[] {
  const { layerNames } = theHost().model;
  return theHost()
    .device.metrics.layers.rows()
    .map((row) => sumRow(row, layerNames[row.key] ?? String(row.key)));
}

export const tenants = (): readonly SumRow[] =>
  theHost()
    .device.metrics.tenants.rows()
    .map((row) => sumRow(row, String(row.key)));

export function buckets(): readonly BucketRow[] {
  const qos = theHost().session.ofUse('adaptive_qos');
  return qos ? bucketsOf(qos.loaded.maps) : [];
}

export function setRate({ tenant, perSecond }: { tenant: number; perSecond: number }): Snapshot {
  const { session, device } = theHost();
  const qos = session.ofUse('adaptive_qos');
  if (!qos) throw new InputError('no token bucket is attached', 'accelerator', 'Attach Adaptive QoS');
  const rate = setPolicyRate(qos.loaded.maps, tenant, perSecond);
  session.changes.push({ atNs: device.nowNs, tenant, perSecond: rate });
  session.acted();
  return theHost().snapshot;
}

export function throughput(): Throughput {
  const { session, device } = theHost();
  // As many refill periods in a step as keep the curve readable.
  const periods = Math.max(1, Math.ceil(device.nowNs / PERIOD_NS / CURVE_STEPS));
  return session.throughput(periods * PERIOD_NS);
}

export const trust = (): TrustView => desk.view;

export async function makeKey({ name }: { name: string }): Promise<TrustView> {
  await desk.makeKey(name);
  return desk.view;
}

export function requireSigned({ required }: { required: boolean }): TrustView {
  desk.required = required;
  return desk.view;
}

export function revokeKey({ id }: { id: string }): TrustView {
  desk.revokeKey(id);
  return desk.view;
}

export function revokeObject({ hash }: { hash: string }): TrustView {
  desk.revokeObject(hash);
  return desk.view;
}

export async function signObject({ hash }: { hash: string }): Promise<TrustView> {
  await desk.sign(hash);
  return desk.view;
}

/** Gives an object to the device; where it is taken, it takes the place of what is attached of that name. */
export async function deliver({ hash, how }: { hash: string; how: DeliveryKind }): Promise<TrustView> {
  const taken = await desk.deliver(hash, how);
  if (taken) {
    const { session } = theHost();
    for (const entry of session.attached) if (entry.hash === hash) entry.signedBy = taken.signer;
    session.acted();
  }
  return desk.view;
}
