import { Cancelled } from '../base/progress.ts';
import type { Calibration } from '../compiler/api.ts';
import type { Binding } from '../hooks/binding.ts';
import { getBlob } from './blobs.ts';
import {
  type CalibrationSpec,
  callOnProgram,
  compileWorker,
  expectProgram,
  hold,
  type ModelSpec,
  type ProgramSpec,
  referenceWorker,
  rememberProgram,
  type TraceSpec,
} from './clients.ts';
import type { BlobRef, PacketEdit, ProjectDoc } from './document.ts';
import { toUserError } from './errors.ts';
import { loadFrame } from './frames.ts';
import { type StageKeys, stageKeys } from './keys.ts';
import { keepOnly, whenLeft } from './leaving.ts';
import { programOfLog, readLogFile, verdictOfLog } from './logs.ts';
import { quiet } from './quiet.ts';
import { type CallOptions, RemoteError } from './rpc.ts';
import { emptyColumns, withBatch } from './score-columns.ts';
import { keepsState, liveDone } from './selectors.ts';
import { shared } from './shared.ts';
import { ABSENT, type StageName, type StageValues } from './stages.ts';
import { announce, currentDoc, onDocChange, type Rescored, setOverlay, setStage, useWorkbench } from './store.ts';
import type { CalibrationView, ModelView, ProgramView, ScoreBatch, ScoreColumns, TraceView, VerifiedView } from './views.ts';

/**
 * Document → artifacts. Every change of the document restarts exactly the stages whose inputs changed; a stage under way whose
 * inputs are the same goes on. Old values stay, marked stale, until new ones come.
 */
interface Job {
  readonly key: string;
  readonly controller: AbortController;
  readonly promise: Promise<unknown>;
}

const jobs: { [Name in StageName]?: Job } = {};
let generation = 0;
/** Ends the wait of the last run for a quiet page: another one has begun. */
let superseded = new AbortController();

/** A trace of more events is large: panels are told this often how far it is. */
const LARGE = 20_000;
const TELL_MS = 250;
/** Workers tell how far they are every 10 ms; nobody reads that fast, and all that shows it is drawn again. */
const PROGRESS_MS = 100;
/** How many events are scored before the verifier starts: enough to fill the first screen. */
const FIRST_EVENTS = 20;

export function startPipeline(): void {
  onDocChange((doc) => void run(doc));
}

/** Stops a stage; the stages that wait for it stop too. */
export function cancelStage(name: StageName): void {
  jobs[name]?.controller.abort();
}

/** How far a replay may go before it asks again, and what stops it on the way. */
export interface Leg {
  readonly to: number;
  readonly signal: AbortSignal;
  /** Runs events [from, to) of the document's trace; absent: the compile worker does. */
  readonly run?: (program: string, trace: BlobRef, from: number, to: number, options: CallOptions) => Promise<unknown>;
}

/** Who lets a replay run: none lets it run to its end at once. `replay-control.ts` is one. */
export interface Pacing {
  /** The first events wait too. */
  readonly waits: boolean;
  next(at: number, trace: TraceView, signal: AbortSignal): Promise<Leg>;
}

let pacing: Pacing | null = null;
export function setPacing(next: Pacing): void {
  pacing = next;
}

/** Goes on with what was stopped or failed, from where it is. */
export function resume(): void {
  void run(currentDoc());
}

/** Runs again what was stopped or failed. */
export function rerun(): void {
  for (const name of ['replay', 'reference'] as const) {
    if (!jobs[name]) setStage(name, { status: 'absent', key: '', stale: useWorkbench.getState().stages[name].value !== null });
  }
  void run(currentDoc());
}

type Work<Name extends StageName> = (options: CallOptions) => Promise<StageValues[Name]>;

function stage<Name extends StageName>(name: Name, key: string, work: Work<Name>): Promise<StageValues[Name]> {
  const present = useWorkbench.getState().stages[name];
  if (present.status === 'done' && present.key === key && !present.stale) return Promise.resolve(present.value as StageValues[Name]);
  const running = jobs[name];
  if (running?.key === key && !running.controller.signal.aborted) return running.promise as Promise<StageValues[Name]>;
  running?.controller.abort();
  const controller = new AbortController();
  const started = performance.now();
  setStage(name, { status: 'running', stale: present.value !== null && !present.shipped, progress: null, error: null } as never);
  const settle = (change: object) => {
    if (jobs[name] !== job) return;
    delete jobs[name];
    setStage(name, { progress: null, ms: performance.now() - started, ...change } as never);
  };
  let told = { at: 0, verb: '' };
  const promise = work({
    signal: controller.signal,
    onProgress: (verb, done, total) => {
      if (jobs[name] !== job || (verb === told.verb && performance.now() - told.at < PROGRESS_MS)) return;
      told = { at: performance.now(), verb };
      setStage(name, { progress: { stage: verb, done, total } } as never);
    },
  }).then(
    (value) => {
      // What came with the site is what is computed here, as a rule: panels then keep what they show, and what the user opened in it.
      const { shipped, value: standing } = useWorkbench.getState().stages[name];
      const settled = shipped ? shared(standing, value) : value;
      settle({ status: 'done', key, value: settled, stale: false, shipped: false });
      return settled;
    },
    (error: unknown) => {
      if (error instanceof Cancelled) settle({ status: 'cancelled' });
      else settle({ status: 'error', error: error instanceof RemoteError ? error.error : toUserError(error, name) });
      throw error;
    },
  );
  const job: Job = { key, controller, promise };
  jobs[name] = job;
  // Whoever waits handles the rejection; nobody may be waiting.
  promise.catch(() => {});
  return promise;
}

/** Marks what no longer follows from the document: dimmed where a new value is to come, gone where none can. */
function markStale(keys: StageKeys): void {
  const { stages } = useWorkbench.getState();
  for (const name of Object.keys(keys) as StageName[]) {
    const present = stages[name];
    if (keys[name] === '') {
      jobs[name]?.controller.abort();
      delete jobs[name];
      if (present !== ABSENT) setStage(name, ABSENT);
    } else if (present.key !== keys[name]) {
      const going = jobs[name];
      if (going && going.key !== keys[name]) {
        going.controller.abort();
        delete jobs[name];
        setStage(name, { status: 'absent', progress: null } as never);
      }
      setStage(name, { stale: present.value !== null, shipped: false, error: null } as never);
    } else if (present.stale && present.value !== null && !jobs[name])
      setStage(name, { stale: false, status: 'done', error: null } as never);
  }
}

async function run(doc: ProjectDoc): Promise<void> {
  const mine = ++generation;
  superseded.abort();
  superseded = new AbortController();
  const current = () => mine === generation;
  const keys = stageKeys(doc);
  markStale(keys);
  const { program: known, trace: loaded } = useWorkbench.getState().stages;
  if (known.key === keys.program && loaded.key === keys.trace) void applyEdits(doc, keys);
  const trace = doc.trace ? traceStage(doc, keys) : Promise.resolve(null);
  trace.catch(() => {});
  expectProgram(keys.program === '' ? null : keys.program);
  try {
    if (doc.source?.kind === 'log') {
      await logStages(doc.source.blob, keys, current);
      return;
    }
    const program = await programStage(doc, keys, current);
    if (!program || !current()) return;
    await runStages(doc, keys, program, trace, current);
  } catch {
    // The stage that failed shows its error; what depends on it keeps its old value, dimmed.
  } finally {
    if (current()) expectProgram(null);
  }
}

/** A log stands for its program and for its verdict: what it does not show stays absent. */
async function logStages(blob: BlobRef, keys: StageKeys, current: () => boolean): Promise<void> {
  const log = await stage('log', keys.log, (options) => readLogFile(blob, keys.log, options));
  if (!current()) return;
  const verdict = verdictOfLog(log);
  if (verdict) {
    void stage('verified', keys.verified, async () => verdict);
    sayVerdict(verdict);
  } else setStage('verified', ABSENT);
  if (log.insn.findIndex((insn) => insn >= 0) >= 0)
    await stage('program', keys.program, (options) => programOfLog(blob, log, keys.program, options));
  else setStage('program', ABSENT);
}

function traceStage(doc: ProjectDoc, keys: StageKeys): Promise<TraceView> {
  return stage('trace', keys.trace, async (options) => {
    hold(compileWorker, doc.trace, doc.labels);
    return compileWorker.call<TraceView>('trace', traceSpec(doc, keys), options);
  });
}

/** The open model as workers take it; null without one. */
export function openModelSpec(): ModelSpec | null {
  const doc = currentDoc();
  return doc.source?.kind === 'model' ? modelSpec(doc, stageKeys(doc)) : null;
}

function modelSpec(doc: ProjectDoc, keys: StageKeys): ModelSpec {
  return { key: keys.model, model: doc.source!.blob, dims: doc.options.dims };
}

function traceSpec(doc: ProjectDoc, keys: StageKeys): TraceSpec {
  return { key: keys.trace, trace: doc.trace!, labels: doc.labels };
}

/** The calibration itself, by key: small, and the compile worker may be a new one. */
const calibrations = new Map<string, Calibration>();
const MOST_CALIBRATIONS = 8;
whenLeft(() => keepOnly(calibrations, (key) => key === stageKeys(currentDoc()).calibration));

/** The calibration of stage key `key`; undefined once it is forgotten. */
export const calibrationOf = (key: string): Calibration | undefined => calibrations.get(key);

/** Ranges that the calibration of stage key `key` saw, by value name; null once it is forgotten. */
export function calibratedRanges(key: string): Calibration['ranges'] | null {
  return calibrations.get(key)?.ranges ?? null;
}

async function programStage(doc: ProjectDoc, keys: StageKeys, current: () => boolean): Promise<ProgramView | null> {
  const { source, fork } = doc;
  if (!source || source.kind === 'log') return null;
  let from: ProgramSpec['from'];
  if (source.kind === 'model') {
    const spec = modelSpec(doc, keys);
    const model = stage('model', keys.model, (options) => {
      hold(compileWorker, source.blob);
      return compileWorker.call<ModelView>('model', spec, options);
    });
    await model;
    if (!current() || !doc.binding) return null;
    await calibrationStage(doc, keys);
    if (!current()) return null;
    from = { kind: 'model', model: spec, calibration: calibrations.get(keys.calibration)!, binding: doc.binding };
  } else if (source.kind === 'c') {
    const blob = await cStage(source, keys);
    if (!current()) return null;
    from = { kind: 'object', blob, program: source.program };
  } else from = { ...source };
  const spec: ProgramSpec = { key: keys.program, from, options: doc.options, fork: fork?.text ?? null };
  rememberProgram(spec);
  return stage('program', keys.program, (options) => callOnProgram<ProgramView>(keys.program, 'program', {}, options));
}

/** Compiles C into an object, or fails with its first mistake. */
async function cStage({ blob, cpu, links }: Extract<ProjectDoc['source'], { kind: 'c' }>, keys: StageKeys): Promise<BlobRef> {
  const { object } = await stage('c', keys.c, async (options) => {
    const { compileText } = await import('./c.ts');
    return compileText(blob.name, new TextDecoder().decode(getBlob(blob)), blob.hash, cpu ?? 'v3', links ?? [], options);
  });
  if (!object) throw new Cancelled();
  return object;
}

function calibrationStage(doc: ProjectDoc, keys: StageKeys): Promise<CalibrationView> {
  return stage('calibration', keys.calibration, async (options) => {
    const { calibration: source } = doc;
    let result: Calibration;
    if (source.kind === 'precomputed') result = JSON.parse(new TextDecoder().decode(getBlob(source.blob))) as Calibration;
    else {
      hold(referenceWorker, doc.source!.blob, source.kind === 'trace' ? source.blob : null);
      const spec: CalibrationSpec = { key: keys.calibration, source, method: doc.options.method };
      result = await referenceWorker.call<Calibration>(
        'calibrate',
        { model: modelSpec(doc, keys), calibration: spec, binding: doc.binding },
        options,
      );
    }
    calibrations.delete(keys.calibration);
    calibrations.set(keys.calibration, result);
    if (calibrations.size > MOST_CALIBRATIONS) calibrations.delete(calibrations.keys().next().value!);
    return { source: result.source, samples: result.samples, precomputed: source.kind === 'precomputed' };
  });
}

/** The first screenful of events of a replay under way, by the replay's key: the verifier starts when they stand. */
const firstEvents = new Map<string, Promise<unknown>>();

function verifyStage(doc: ProjectDoc, keys: StageKeys, program: ProgramView): Promise<VerifiedView> {
  return stage('verified', keys.verified, async (options) => {
    const result = await callOnProgram<VerifiedView>(program.key, 'verify', { kernel: doc.options.kernel }, options);
    sayVerdict(result);
    return result;
  });
}

function replayStage(doc: ProjectDoc, keys: StageKeys, program: ProgramView, trace: TraceView): Promise<ScoreColumns> {
  const replaying = stage('replay', keys.replay, async (options) => {
    const signal = options.signal!;
    const filled = new Filling('replay', trace.count, keys.replay);
    const through = async (from: number, leg: Leg) => {
      if (leg.to <= from) return;
      const how = filled.options({ ...options, signal: leg.signal });
      if (leg.run) {
        await leg.run(program.key, doc.trace!, from, leg.to, how);
        return;
      }
      hold(compileWorker, doc.trace);
      await callOnProgram(program.key, 'replay', { trace: doc.trace, from, to: leg.to }, how);
    };
    // A program edited by hand may loop or fault: it runs once the verifier has accepted it.
    if (!doc.fork) {
      const to = pacing?.waits ? 0 : Math.min(FIRST_EVENTS, trace.count);
      const first = through(liveDone(filled.columns), { to, signal });
      firstEvents.set(
        keys.replay,
        first.catch(() => {}),
      );
      await first;
    }
    const verdict = await verifyStage(doc, keys, program).catch(() => null);
    if (verdict && !verdict.accepted) {
      throw new RemoteError({
        what: 'Not replayed, because the verifier rejects this program',
        where: '',
        advice: 'Mend the program or undo the change that broke it',
      });
    }
    for (let at = liveDone(filled.columns); at < trace.count; at = liveDone(filled.columns)) {
      const leg = pacing ? await pacing.next(at, trace, signal) : { to: trace.count, signal };
      try {
        await through(at, leg);
      } catch (error) {
        if (!(error instanceof Cancelled) || signal.aborted) throw error;
      } finally {
        filled.tell();
      }
    }
    announce(`Replay: ${trace.count.toLocaleString('en')} events done`);
    return filled.columns;
  });
  const ended = () => void firstEvents.delete(keys.replay);
  replaying.then(ended, ended);
  return replaying;
}

async function runStages(
  doc: ProjectDoc,
  keys: StageKeys,
  program: ProgramView,
  tracing: Promise<TraceView | null>,
  current: () => boolean,
): Promise<void> {
  const trace = await tracing.catch(() => null);
  if (!current()) return;
  let replaying: Promise<unknown> = Promise.resolve();
  if (trace) {
    replaying = replayStage(doc, keys, program, trace);
    if (!doc.fork) await (firstEvents.get(keys.replay) ?? replaying.catch(() => {}));
  }
  if (!current()) return;
  replaying.catch(() => {});
  await verifyStage(doc, keys, program).catch(() => {});
  if (!trace || !current()) return;
  void applyEdits(doc, keys);
  if (keys.reference === '') return;
  // A large trace is compared when its replay is done: both would take the processors from each other.
  if (trace.count > LARGE && !(await replaying.then(Boolean, () => false))) return;
  if (!current()) return;
  const { reference } = useWorkbench.getState().stages;
  const standing = reference.shipped && reference.key === keys.reference && reference.value?.total === trace.count;
  // ONNX Runtime is 12 MB of WebAssembly: scores that came with the site stand until there is time, or until something is compared anew.
  if (standing && doc.edits.length === 0) {
    await quiet(superseded.signal);
    if (!current()) return;
  }
  await stage('reference', keys.reference, async (options) => {
    hold(referenceWorker, doc.source!.blob, doc.trace, doc.labels);
    const filled = new Filling('reference', trace.count, keys.reference);
    const args = { model: modelSpec(doc, keys), trace: traceSpec(doc, keys), binding: doc.binding };
    await referenceWorker.call('score', args, filled.options(options));
    return filled.columns;
  });
  if (current()) void applyEdits(doc, keys);
}

function sayVerdict(result: VerifiedView): void {
  announce(
    result.accepted
      ? `Verifier: accepted, ${result.processed.toLocaleString('en')} instructions processed`
      : `Verifier: rejected at instruction ${result.insnIdx}: ${result.message}`,
  );
}

/** Columns that fill batch by batch; panels see a new object after each batch. */
class Filling {
  readonly #name: 'replay' | 'reference';
  readonly #key: string;
  columns: ScoreColumns;
  #told = 0;

  constructor(name: 'replay' | 'reference', total: number, key: string) {
    this.#name = name;
    this.#key = key;
    const present = useWorkbench.getState().stages[name];
    if (present.shipped && present.value?.total === total) {
      // Shipped results stand until each is computed here.
      this.columns = { ...present.value, live: 0 };
      return;
    }
    if (present.key === key && present.value?.total === total && present.value.done < total) {
      // What was stopped goes on.
      this.columns = present.value;
      return;
    }
    this.columns = emptyColumns(total);
  }

  options(options: CallOptions): CallOptions {
    return { ...options, onEvent: ((batch: ScoreBatch) => this.#add(batch)) as CallOptions['onEvent'] };
  }

  #add(batch: ScoreBatch): void {
    this.columns = withBatch(this.columns, batch);
    // All panels look at what is told: of a large trace they are told less often.
    if (this.columns.total <= LARGE || performance.now() - this.#told > TELL_MS) this.tell();
  }

  /** Shows what is there. */
  tell(): void {
    if (jobs[this.#name]?.key !== this.#key || this.columns.done === 0) return;
    this.#told = performance.now();
    setStage(this.#name, { value: this.columns, key: this.#key, stale: false } as never);
  }
}

/** A packet's bytes with the document's edits. */
export function editedPacket(bytes: Uint8Array, edits: readonly PacketEdit[], packet: number): Uint8Array {
  const own = edits.filter((edit) => edit.packet === packet && edit.byteOff < bytes.length);
  if (own.length === 0) return bytes;
  const copy = bytes.slice();
  for (const edit of own) copy[edit.byteOff] = edit.value;
  return copy;
}

/** Scores the edited packets again, by the program and by the reference, and puts the results in front of the columns. */
async function applyEdits(doc: ProjectDoc, keys: StageKeys): Promise<void> {
  const { trace, program } = useWorkbench.getState().stages;
  const packets = new Set(doc.edits.map((edit) => edit.packet));
  const ours = new Map<number, Rescored>();
  const theirs = new Map<number, Rescored>();
  const stillMine = () => currentDoc() === doc;
  if (packets.size === 0 || trace.value?.kind !== 'packets' || !program.value || !doc.binding) {
    if (stillMine()) setOverlay({ program: ours, reference: theirs });
    return;
  }
  const view = trace.value;
  for (const packet of packets) {
    const bytes = await loadFrame(view, packet).then(
      (original) => editedPacket(original, doc.edits, packet).slice(),
      () => null,
    );
    if (!bytes) continue;
    const known = useWorkbench.getState().stages.reference;
    const after = keepsState(doc.binding) ? { after: { trace: doc.trace!, index: packet } } : {};
    const [mine, reference] = await Promise.all([
      callOnProgram<Rescored>(program.value.key, 'scoreOne', { bytes, ...after }).catch(() => null),
      known.status === 'done' && known.key === keys.reference
        ? referenceWorker
            .call<Rescored>('scoreOne', { model: modelSpec(doc, keys), binding: doc.binding as Binding, bytes, ...after })
            .catch(() => null)
        : null,
    ]);
    if (!stillMine()) return;
    if (mine) ours.set(packet, mine);
    if (reference) theirs.set(packet, reference);
    setOverlay({ program: new Map(ours), reference: new Map(theirs) });
  }
}
