import { create } from 'zustand';
import { compileWorker, hold } from './clients.ts';
import { toUserError, type UserError } from './errors.ts';
import { RemoteError } from './rpc.ts';
import { currentDoc, setStage, useWorkbench } from './store.ts';
import type { FramesView, PacketTraceView } from './views.ts';

/** Packets of a trace that the page does not hold: asked for by the page, kept for a while. */
const PAGE = 64;
const MOST_PAGES = 64;

interface Page {
  readonly frames: Promise<FramesView>;
  /** Null until it has come. */
  held: FramesView | null;
}

const pages = new WeakMap<PacketTraceView, Map<number, Page>>();

/** Changes whenever packets have come: what shows packets draws itself again. */
export const useFrames = create<{ readonly version: number }>()(() => ({ version: 0 }));

const cut = ({ bytes, start }: FramesView, at: number): Uint8Array => bytes.subarray(start[at]!, start[at + 1]!);

/** Bytes of packet `at`; null until they have come, which {@link useFrames} tells. */
export function frameOf(trace: PacketTraceView, at: number): Uint8Array | null {
  if (at < trace.start.length - 1) return cut(trace, at);
  if (at >= trace.count) return null;
  const { held } = pageOf(trace, Math.floor(at / PAGE));
  return held && at % PAGE < held.start.length - 1 ? cut(held, at % PAGE) : null;
}

/** Bytes of packet `at`, as a copy. */
export async function loadFrame(trace: PacketTraceView, at: number): Promise<Uint8Array> {
  if (at < trace.start.length - 1) return cut(trace, at).slice();
  const frames = await pageOf(trace, Math.floor(at / PAGE)).frames;
  if (at % PAGE < frames.start.length - 1) return cut(frames, at % PAGE).slice();
  return cut(await ask(at, at + 1), 0).slice();
}

function pageOf(trace: PacketTraceView, page: number): Page {
  const known = pages.get(trace) ?? new Map<number, Page>();
  pages.set(trace, known);
  const present = known.get(page);
  if (present) {
    known.delete(page);
    known.set(page, present);
    return present;
  }
  const made: Page = { frames: ask(page * PAGE, Math.min(trace.count, (page + 1) * PAGE)), held: null };
  made.frames.then(
    (frames) => {
      made.held = frames;
      useFrames.setState(({ version }) => ({ version: version + 1 }));
    },
    (error: unknown) => {
      known.delete(page);
      if (error instanceof RemoteError) loseTrace(trace, error.error);
    },
  );
  known.set(page, made);
  if (known.size > MOST_PAGES) known.delete(known.keys().next().value!);
  return made;
}

function ask(from: number, to: number): Promise<FramesView> {
  try {
    const { trace } = currentDoc();
    hold(compileWorker, trace);
    return compileWorker.call<FramesView>('traceFrames', { trace, from, to });
  } catch (error) {
    return Promise.reject(new RemoteError(toUserError(error, 'Reading the trace')));
  }
}

/** The file of the trace cannot be read any more: what was read stays on show, and the stage says why no more comes. */
export function loseTrace(trace: PacketTraceView, error: UserError): void {
  const { value, status } = useWorkbench.getState().stages.trace;
  if (value === trace && status === 'done') setStage('trace', { status: 'error', error });
}
