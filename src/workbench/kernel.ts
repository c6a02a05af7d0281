import { create } from 'zustand';
import { Cancelled } from '../base/progress.ts';
import { CompanionClient, CompanionError } from '../companion/client.ts';
import { SESSION_KEY, TOKEN } from '../companion/protocol.ts';
import type { KernelVersion } from '../verifier/api.ts';
import { hold, programFor } from './clients.ts';
import type { CompareInput, CompareView } from './comparison.ts';
import type { BlobRef } from './document.ts';
import { toUserError, type UserError } from './errors.ts';
import type { EventRun, FeatureRow, Hello, KeptMaps, KernelVerdict, LogRow, MapPageView, MatrixCell, TextSpec } from './kernel-views.ts';
import { recall, remember } from './projects/state.ts';
import { type CallOptions, RemoteError, WorkerClient } from './rpc.ts';
import { emptyColumns, withBatch } from './score-columns.ts';
import type { EventSpec } from './value-views.ts';
import type { ScoreBatch, ScoreColumns } from './views.ts';

const kernelWorker = new WorkerClient(
  'kernel',
  () => new Worker(new URL('./workers/kernel.worker.ts', import.meta.url), { type: 'module', name: 'kernel' }),
);

/** The line to the companion. */
interface KernelState {
  /** `none`: no token was given; `lost`: the line was cut, or the companion does not answer. */
  readonly status: 'none' | 'connecting' | 'connected' | 'lost';
  readonly hello: Hello | null;
  readonly error: UserError | null;
}

const sessionOf = (): string => recall('tab', SESSION_KEY) ?? '';

export const useKernel = create<KernelState>()(() => ({ status: 'none', hello: null, error: null }));
const { getState, setState } = useKernel;

/** Connects with the key that this tab was given; does nothing without one, or while there is a line. */
export async function connect(): Promise<void> {
  const session = sessionOf();
  if (session === '' || getState().status === 'connecting' || getState().status === 'connected') return;
  setState({ status: 'connecting', error: null });
  const onEvent = ((hello: Hello) => setState({ status: 'connected', hello })) as CallOptions['onEvent'];
  try {
    await kernelWorker.call('connect', { session }, { ...(onEvent ? { onEvent } : {}) });
    setState({ status: 'lost', error: null });
  } catch (error) {
    if (!(error instanceof Cancelled)) setState({ status: 'lost', error: userError(error) });
  }
}

/** Takes the token that the companion's terminal shows, and connects. Fails where it is wrong. */
export async function giveToken(text: string): Promise<void> {
  // The whole address may be pasted.
  const token = text.trim().replace(/^.*#/, '');
  // A guess is not sent: the companion counts wrong ones, and a site without one answers nothing that helps.
  if (!TOKEN.test(token))
    throw new RemoteError({
      what: 'This is no token of a companion',
      where: '',
      advice: 'Give the whole address that its terminal shows, or what stands behind # in it',
    });
  try {
    remember('tab', SESSION_KEY, await CompanionClient.exchange('', token));
  } catch (error) {
    throw new RemoteError(userError(error));
  }
  setState({ status: 'none' });
  void connect();
}

function userError(error: unknown): UserError {
  if (error instanceof RemoteError) return error.error;
  if (error instanceof CompanionError) return { what: error.reply.error, where: error.reply.where, advice: error.reply.advice };
  return toUserError(error, 'Asking the companion');
}

function call<T>(method: string, programKey: string, args: object, options: CallOptions): Promise<T> {
  const program = programFor(kernelWorker, programKey);
  if (!program) return Promise.reject(new Cancelled());
  return kernelWorker.call<T>(method, { session: sessionOf(), program, ...args }, options);
}

/** The kernel's verdict on the program and ours, with both logs held in the worker. */
export const askVerdict = (program: string, level: number, options: CallOptions): Promise<KernelVerdict> =>
  call('verify', program, { level }, options);

export const verdictRows = (key: string, from: number, to: number): Promise<readonly LogRow[]> =>
  kernelWorker.call('logRows', { key, from, to });

export const verdictLog = (key: string, side: 0 | 1): Promise<Uint8Array<ArrayBuffer>> => kernelWorker.call('wholeLog', { key, side });

export const askCell = (program: string, kernel: KernelVersion, options: CallOptions): Promise<MatrixCell> =>
  call('matrixCell', program, { kernel }, options);

export function runEvent(program: string, event: EventSpec | TextSpec, repeat: number, options: CallOptions): Promise<EventRun> {
  if (event.kind === 'tensors') hold(kernelWorker, event.trace);
  return call('run', program, { event, repeat }, options);
}

/** A replay in the kernel: its columns as they fill, and at the end the kernel's own time. */
export async function replayInKernel(
  program: string,
  trace: BlobRef,
  total: number,
  options: CallOptions,
  onColumns: (columns: ScoreColumns) => void,
): Promise<{ readonly columns: ScoreColumns; readonly ns: number }> {
  hold(kernelWorker, trace);
  let columns = emptyColumns(total);
  const onEvent = ((batch: ScoreBatch) => {
    columns = withBatch(columns, batch);
    onColumns(columns);
  }) as CallOptions['onEvent'];
  const { ns } = await call<{ events: number; ns: number }>('replay', program, { trace }, { ...options, ...(onEvent ? { onEvent } : {}) });
  return { columns, ns };
}

/** A replay in the kernel beside ONNX Runtime's columns, compared in the worker. */
export const compareThere = (input: Omit<CompareInput, 'overlay'>, options: CallOptions): Promise<CompareView> =>
  kernelWorker.call('compare', input, options);

export const askMaps = (program: string, options: CallOptions): Promise<KeptMaps> => call('maps', program, {}, options);

export const askEntries = (program: string, map: string, from: number, most: number, options: CallOptions): Promise<MapPageView> =>
  call('mapPage', program, { map, from, most }, options);

/** Writes an entry, once the user has allowed it in the companion's terminal. */
export const writeEntry = (program: string, map: string, key: string, value: string, options: CallOptions): Promise<void> =>
  call('writeEntry', program, { map, key, value }, options);

export const askDump = (program: string, what: 'xlated' | 'jited', options: CallOptions): Promise<string> =>
  call('dump', program, { what }, options);

export const askFeatures = (options: CallOptions): Promise<readonly FeatureRow[]> =>
  kernelWorker.call('features', { session: sessionOf() }, options);
