import { InputError } from '../../base/errors.ts';
import { PacketTrace } from '../../replay/packet-trace.ts';
import type { NamedTensor } from '../../replay/tensor-files.ts';
import { beginsAsCapture, packingOf } from '../../traces/capture/begins.ts';
import type { SystemCall } from '../../traces/syscalls/calls.ts';
import type { TraceSpec } from '../clients.ts';
import type { BlobRef } from '../document.ts';
import type { UserError } from '../errors.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import type { ShareColumns } from '../share-views.ts';
import type { FramesView, TraceView } from '../views.ts';
import { bytesOf, Recent, sourceOf } from './blobs.ts';
import { working } from './working.ts';

/** A trace as workers hold it: packets that stay in their file, arrays of inputs, or system calls. */
export type HeldTrace =
  | { readonly kind: 'packets'; readonly packets: PacketTrace; readonly count: number; readonly warning: UserError | null }
  /** An array without a name is for a model of one input. */
  | { readonly kind: 'tensors'; readonly arrays: readonly NamedTensor[]; readonly count: number; readonly warning: UserError | null }
  | { readonly kind: 'calls'; readonly calls: readonly SystemCall[]; readonly count: number; readonly warning: UserError | null };

const traces = new Recent<Promise<HeldTrace>>(3);

/** The trace that `ref` names, indexed once. */
export function heldTrace(ref: BlobRef, context?: CallContext): Promise<HeldTrace> {
  const known = traces.get(ref.hash);
  if (known) return known;
  const opening = read(ref, context);
  // An opening that failed or was stopped is begun anew by the next call.
  opening.catch(() => traces.drop(ref.hash));
  return traces.set(ref.hash, opening);
}

/** What tells a capture. */
const HEAD = 4;
const isCapture = (head: Uint8Array): boolean => head.length < HEAD || beginsAsCapture(head) || packingOf(head) !== null;

async function read(ref: BlobRef, context?: CallContext): Promise<HeldTrace> {
  const source = sourceOf(ref);
  const head = await source.read(0, HEAD);
  if (!isCapture(head)) return (await import('./other-traces.ts')).readOther(bytesOf(ref), ref.name);
  const packets = await PacketTrace.open(source, working(context));
  const { count } = packets;
  const { damage } = packets.capture;
  const warning = damage
    ? { what: damage.what, where: `${ref.name}, byte ${damage.offset}`, advice: `The ${count} whole packets before it are used` }
    : null;
  return { kind: 'packets', packets, count, warning };
}

/** So much of a capture is looked at before a project takes it. */
const LOOKED_AT = 4 << 20;

/** The trace that `ref` names, opened whole unless it is a large capture that begins well: the rest of that is read with progress, and can be stopped. */
export async function beginningOf(ref: BlobRef): Promise<HeldTrace | { readonly kind: 'packets' }> {
  const source = sourceOf(ref);
  if ((source.size ?? 0) <= LOOKED_AT || !isCapture(await source.read(0, HEAD))) return heldTrace(ref);
  const upTo = (offset: number, length: number) => Math.max(0, Math.min(length, LOOKED_AT - offset));
  try {
    await PacketTrace.open({ name: source.name, size: LOOKED_AT, read: (offset, length) => source.read(offset, upTo(offset, length)) });
    return { kind: 'packets' };
  } catch (error) {
    // What is wrong with it may be that it is cut here.
    if (error instanceof InputError) return heldTrace(ref);
    throw error;
  }
}

/** So many bytes of packets come with the trace itself: all of a small one. */
const HEAD_BYTES = 4 << 20;
const HEAD_PACKETS = 20_000;

export async function traceView({ key, trace, labels: labelRef }: TraceSpec, context: CallContext): Promise<Transferred<TraceView>> {
  const held = await heldTrace(trace, context);
  const { count, warning } = held;
  const labels = labelRef ? await labelsOf(labelRef, count) : null;
  if (held.kind === 'tensors') {
    const { dtype, dims, data: own } = held.arrays[0]!.tensor;
    const data = Float32Array.from(own as ArrayLike<number | bigint>, Number);
    return new Transferred({ kind: 'tensors', key, file: trace.name, count, dims: dims.slice(1), dtype, data, warning, labels }, [
      data.buffer,
    ]);
  }
  if (held.kind === 'calls') return (await import('./other-traces.ts')).callView(held, bytesOf(trace), { key, file: trace.name, labels });
  const { bytes, start } = await framesFrom(held.packets, 0, HEAD_PACKETS, HEAD_BYTES);
  const time = held.packets.times();
  return new Transferred({ kind: 'packets', key, file: trace.name, count, bytes, start, time, warning, labels }, [
    bytes.buffer,
    start.buffer,
    time.buffer as ArrayBuffer,
  ]);
}

/** Packets from number `from` on, as many as there is room for, the first of them in any case. */
async function framesFrom(packets: PacketTrace, from: number, most: number, room: number): Promise<FramesView> {
  const { captured } = packets.capture.columns;
  let to = from;
  // Frames may be a few bytes longer than what was captured, by the Ethernet header that they gain.
  for (let bytes = 0; to < Math.min(packets.count, from + most); to++) {
    bytes += captured[to]! + 14;
    if (bytes > room && to > from) break;
  }
  const frames = await packets.first(to - from, from);
  const start = new Uint32Array(frames.length + 1);
  for (const [at, frame] of frames.entries()) start[at + 1] = start[at]! + frame.length;
  const bytes = new Uint8Array(start[frames.length]!);
  for (const [at, frame] of frames.entries()) bytes.set(frame, start[at]);
  return { bytes, start };
}

const PAGE_BYTES = 1 << 20;

/** Packets [from, to), one after another, or as many of them as a page has room for. */
export async function traceFrames({ trace, from, to }: { trace: BlobRef; from: number; to: number }): Promise<Transferred<FramesView>> {
  const held = await heldTrace(trace);
  if (held.kind !== 'packets') throw new InputError('the trace holds no packets', trace.name);
  const { bytes, start } = await framesFrom(held.packets, from, to - from, PAGE_BYTES);
  return new Transferred({ bytes, start }, [bytes.buffer as ArrayBuffer, start.buffer as ArrayBuffer]);
}

/** Throws what is wrong with the labels of a trace. */
export async function checkLabels({ trace, labels }: { trace: BlobRef; labels: BlobRef }): Promise<void> {
  await labelsOf(labels, (await heldTrace(trace)).count);
}

async function labelsOf(labels: BlobRef, count: number): Promise<Int8Array> {
  const { readLabels } = await import('../../traces/labels.ts');
  return readLabels(bytesOf(labels), labels.name, count);
}

/** The arrays of a trace for a program that takes tensors. */
export async function heldTensors(ref: BlobRef): Promise<readonly NamedTensor[]> {
  const held = await heldTrace(ref);
  if (held.kind === 'tensors') return held.arrays;
  throw new InputError(`the trace holds ${held.kind === 'packets' ? 'packets' : 'system calls'}, the program takes tensors`, ref.name);
}

/** Where packets [from, to) lie in their file, and when they came: for other workers that read them. */
export async function shareColumns(
  { trace, from, to }: { trace: BlobRef; from: number; to: number },
  context: CallContext,
): Promise<Transferred<ShareColumns>> {
  const held = await heldTrace(trace, context);
  if (held.kind !== 'packets') throw new InputError('the trace holds no packets', trace.name);
  const { packets } = held;
  const { columns } = packets.capture;
  const length = to - from;
  const made: ShareColumns = {
    from,
    packing: packets.capture.packing,
    offset: columns.offset.slice(from, to),
    captured: columns.captured.slice(from, to),
    linkType: Uint16Array.from({ length }, (_, at) => packets.capture.linkType(from + at)),
    timeNs: Float64Array.from({ length }, (_, at) => packets.timeNs(from + at)),
  };
  return new Transferred(
    made,
    [made.offset, made.captured, made.linkType, made.timeNs].map(({ buffer }) => buffer as ArrayBuffer),
  );
}
