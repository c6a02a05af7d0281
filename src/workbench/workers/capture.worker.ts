import { InputError } from '../../base/errors.ts';
import { Analysis } from '../../traces/analysis.ts';
import { type Capture, openCapture } from '../../traces/capture/capture.ts';
import { linkTypeName, RAW_IP } from '../../traces/capture/link-types.ts';
import { blobSource } from '../../traces/capture/source.ts';
import { Dissection } from '../../traces/dissect/dissection.ts';
import { FIELDS } from '../../traces/dissect/fields.ts';
import { summaryOf } from '../../traces/dissect/summary.ts';
import { compileFilter } from '../../traces/filter/compile.ts';
import { FilterError } from '../../traces/filter/error.ts';
import { ethernetFrame } from '../../traces/frames.ts';
import type { CaptureFile } from '../capture.ts';
import type { CaptureView, FilterProblem, FlowOrder, FlowRow, PacketDetail, PacketRow } from '../capture-views.ts';
import { type CallContext, type Handler, serveRpc, Transferred } from '../rpc.ts';
import { leave, Recent } from './blobs.ts';
import { holdCopies, keepCopy } from './keep-copy.ts';
import { detailOf } from './packet-detail.ts';
import { working } from './working.ts';

interface Held {
  readonly analysis: Analysis;
  /** Filter → the packets that pass. */
  readonly passed: Map<string, Uint32Array>;
  /** Flows in the orders that were asked for. */
  readonly orders: Map<FlowOrder, readonly number[]>;
}

/** The last few captures, by key. */
const held = new Recent<Promise<Held>>(2);
/** Packets that a project's trace may hold. */
const MAX_PLAIN_BYTES = 512 << 20;

function holdCapture({ key, blob, name }: CaptureFile, context?: CallContext): Promise<Held> {
  const known = held.get(key);
  if (known) return known;
  const opening = openCapture(blobSource(blob, name), working(context)).then((capture) => ({
    analysis: new Analysis(capture),
    passed: new Map(),
    orders: new Map(),
  }));
  // An opening that failed or was stopped is begun anew by the next call.
  opening.catch(() => held.drop(key));
  return held.set(key, opening);
}

/** From the first packet of a capture to another, in seconds. */
function sinceFirst({ columns: { seconds, nanoseconds } }: Capture, index: number): number {
  return seconds[index]! - seconds[0]! + (nanoseconds[index]! - nanoseconds[0]!) / 1e9;
}

/** Link types that are dissected. */
const DISSECTED = new Set([0, 1, 108, 113, 276, ...RAW_IP]);

async function open({ file }: { file: CaptureFile }, context: CallContext): Promise<CaptureView> {
  const { capture } = (await holdCapture(file, context)).analysis;
  return {
    format: capture.format,
    packing: capture.packing,
    count: capture.count,
    interfaces: capture.interfaces.map(({ linkType, snapLength, name }) => ({
      link: linkTypeName(linkType),
      snapLength,
      name,
      dissected: DISSECTED.has(linkType),
    })),
    comments: [...capture.sections.flatMap(({ comments }) => comments), ...capture.interfaces.flatMap(({ comments }) => comments)],
    commented: capture.comments.size,
    names: capture.names.length,
    damage: capture.damage,
    seconds: capture.count > 0 ? sinceFirst(capture, capture.count - 1) : Number.NaN,
  };
}

async function passing(file: CaptureFile, text: string, context?: CallContext): Promise<Uint32Array | null> {
  const { analysis, passed } = await holdCapture(file, context);
  if (text.trim() === '') return null;
  const known = passed.get(text);
  if (known) return known;
  const filter = compileFilter(text);
  const out = new Dissection();
  const found: number[] = [];
  await analysis.walk(out, working(context), filter.wanted, 0, (index) => {
    if (filter.test(out)) found.push(index);
  });
  const rows = Uint32Array.from(found);
  passed.set(text, rows);
  if (passed.size > 8) passed.delete(passed.keys().next().value!);
  return rows;
}

async function filter(args: { file: CaptureFile; filter: string }, context: CallContext): Promise<number> {
  try {
    const rows = await passing(args.file, args.filter, context);
    return rows ? rows.length : (await holdCapture(args.file)).analysis.capture.count;
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    throw new InputError(error.what, args.filter.slice(error.from, error.to));
  }
}

async function rows(args: { file: CaptureFile; filter: string; from: number; to: number }): Promise<PacketRow[]> {
  const { analysis } = await holdCapture(args.file);
  const { capture } = analysis;
  const chosen = await passing(args.file, args.filter);
  const out = new Dissection();
  const found: PacketRow[] = [];
  const { original } = capture.columns;
  for (let at = args.from; at < Math.min(args.to, chosen?.length ?? capture.count); at++) {
    const index = chosen ? chosen[at]! : at;
    await analysis.dissect(out, index);
    found.push({
      index,
      time: sinceFirst(capture, index),
      length: original[index]!,
      comment: capture.comments.get(index)?.join(' · ') ?? '',
      ...summaryOf(out),
    });
  }
  return found;
}

async function detail({ file, index }: { file: CaptureFile; index: number }): Promise<PacketDetail> {
  const { analysis } = await holdCapture(file);
  const out = new Dissection();
  await analysis.dissect(out, index);
  return detailOf(out, index, analysis.flows.flowOf(index));
}

async function flows({ file }: { file: CaptureFile }, context: CallContext): Promise<number> {
  const { analysis, orders } = await holdCapture(file, context);
  if (!analysis.followed) {
    orders.clear();
    await analysis.follow(new Dissection(), working(context));
  }
  return analysis.flows.count;
}

async function flowRows(args: { file: CaptureFile; order: FlowOrder; from: number; to: number }): Promise<FlowRow[]> {
  const { analysis, orders } = await holdCapture(args.file);
  let order = orders.get(args.order);
  if (!order) {
    const all = Array.from({ length: analysis.flows.count }, (_, at) => at);
    const weight = (at: number): number => {
      const { packets, bytes } = analysis.flows.flow(at);
      return args.order === 'packets' ? packets[0] + packets[1] : bytes[0] + bytes[1];
    };
    if (args.order !== 'first') {
      const weights = all.map(weight);
      all.sort((a, b) => weights[b]! - weights[a]!);
    }
    order = all;
    if (analysis.followed) orders.set(args.order, order);
  }
  const { seconds, nanoseconds } = analysis.capture.columns;
  const begin = (seconds[0] ?? 0) + (nanoseconds[0] ?? 0) / 1e9;
  return order.slice(args.from, args.to).map((at) => {
    const flow = analysis.flows.flow(at);
    const end = (address: string, port: number) => `${address.includes(':') ? `[${address}]` : address}:${port}`;
    return {
      index: at,
      protocol: flow.protocol,
      stream: flow.stream,
      ends: `${end(flow.source, flow.sourcePort)} → ${end(flow.destination, flow.destinationPort)}`,
      packets: flow.packets,
      bytes: flow.bytes,
      first: flow.first - begin,
      last: flow.last - begin,
      state: flow.state,
    };
  });
}

function check(args: { filter: string }): FilterProblem | null {
  try {
    compileFilter(args.filter);
    return null;
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    return { what: error.what, from: error.from, to: error.to };
  }
}

const fields = (): string[] => FIELDS.map(({ name }) => name).filter((name) => name !== '');

async function plain(args: { file: CaptureFile; filter: string }, context: CallContext): Promise<Transferred<Uint8Array>> {
  const { analysis } = await holdCapture(args.file, context);
  const { capture } = analysis;
  const chosen = await passing(args.file, args.filter, context);
  const { seconds, nanoseconds, original, captured } = capture.columns;
  const indices = chosen ?? Uint32Array.from({ length: capture.count }, (_, at) => at);
  if (indices.length === 0) throw new InputError('no packet passes the filter', args.file.name);
  const bytes = indices.reduce((sum, at) => sum + 16 + 14 + captured[at]!, 24);
  if (bytes > MAX_PLAIN_BYTES) throw new InputError('more than 512 MB pass', args.file.name, 'Choose fewer packets with a filter');
  const file = new Uint8Array(bytes);
  const view = new DataView(file.buffer);
  view.setUint32(0, 0xa1b23c4d, true);
  view.setUint32(4, 2 | (4 << 16), true);
  view.setUint32(16, 262_144, true);
  view.setUint32(20, 1, true);
  let at = 24;
  for (const index of indices) {
    const data = await capture.packet(index);
    const frame = ethernetFrame(capture.linkType(index), data, args.file.name);
    view.setUint32(at, Number.isNaN(seconds[index]!) ? 0 : seconds[index]!, true);
    view.setUint32(at + 4, nanoseconds[index]!, true);
    view.setUint32(at + 8, frame.length, true);
    view.setUint32(at + 12, Math.max(frame.length, original[index]! + frame.length - data.length), true);
    file.set(frame, at + 16);
    at += 16 + frame.length;
  }
  const used = file.slice(0, at);
  return new Transferred(used, [used.buffer]);
}

const handlers = { leave, open, filter, rows, detail, flows, flowRows, check, fields, plain, keepCopy, holdCopies } as Record<
  string,
  Handler
>;
const DOING: Readonly<Record<string, string>> = { open: 'Opening the capture', filter: 'Filtering', flows: 'Following flows' };

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, (method) => DOING[method] ?? 'Reading the capture');
