import { Pace, type Working } from '../base/pace.ts';
import type { Capture } from './capture/capture.ts';
import { dissect, type PacketFacts } from './dissect/dissect.ts';
import { Dissection } from './dissect/dissection.ts';
import { wants } from './dissect/ports.ts';
import { EVERYTHING, type Payload, type Surroundings, type Wanted } from './dissect/walk.ts';
import { FlowTracker } from './flows.ts';
import { Reassembly } from './reassembly.ts';
import type { Piece, Portion } from './streams.ts';

const NOTHING: Wanted = { dns: false, http: false, tls: false };
const UNREAD: Payload = { portions: [], ends: false };

/** What the capture knows of a packet, for its dissection. */
export function factsOf(capture: Capture, index: number): PacketFacts {
  const { seconds, nanoseconds, original, interfaceIndex } = capture.columns;
  const before = index === 0 ? 0 : index - 1;
  return {
    index,
    linkType: capture.linkType(index),
    original: original[index]!,
    seconds: seconds[index]!,
    nanoseconds: nanoseconds[index]!,
    relativeSeconds: seconds[index]! - seconds[0]!,
    relativeNanoseconds: nanoseconds[index]! - nanoseconds[0]!,
    deltaSeconds: seconds[index]! - seconds[before]!,
    deltaNanoseconds: nanoseconds[index]! - nanoseconds[before]!,
    interfaceIndex: capture.format === 'pcapng' ? interfaceIndex[index]! : -1,
    comments: capture.comments.get(index) ?? [],
  };
}

/**
 * A capture with what its packets say of each other. The first pass over it ({@link follow}, or a filter) fills the flows; from then on
 * any packet can be dissected as it was in its place.
 */
export class Analysis {
  readonly capture: Capture;
  readonly flows = new FlowTracker();

  constructor(capture: Capture) {
    this.capture = capture;
  }

  /** Whether every packet has been followed. */
  get followed(): boolean {
    return this.flows.packets === this.capture.count;
  }

  /** Dissects all packets from the first one that was not followed on; `each` sees every dissection, which is used again for the next. */
  async follow(out: Dissection, working: Working = {}, wanted: Wanted = NOTHING, each?: (index: number) => void): Promise<void> {
    await this.walk(out, working, wanted, this.flows.packets, each);
  }

  /** Dissects packets from `from` on in order, following those that are new. */
  async walk(out: Dissection, working: Working, wanted: Wanted, from = 0, each?: (index: number) => void): Promise<void> {
    const { capture, flows } = this;
    const pace = new Pace(working);
    for await (const batch of capture.packets(from)) {
      for (const [at, data] of batch.data.entries()) {
        const index = batch.from + at;
        const isNew = index === flows.packets;
        if (isNew)
          flows.begin(capture.columns.original[index]!, capture.columns.seconds[index]! + capture.columns.nanoseconds[index]! / 1e9);
        const around = isNew ? flows : await this.#around(index, wanted);
        dissect(out, data, factsOf(capture, index), around, wanted);
        each?.(index);
        if ((index & 255) === 0 && pace.due) await pace.rest('dissecting', index, capture.count);
      }
    }
  }

  /** Dissects one packet as it is in its place; without streams where it has not been followed. */
  async dissect(out: Dissection, index: number, bytes?: Uint8Array): Promise<void> {
    const { capture, flows } = this;
    const around = index < flows.packets ? await this.#around(index, EVERYTHING) : null;
    dissect(out, bytes ?? (await capture.packet(index)), factsOf(capture, index), around);
  }

  /** What other packets say of one that was followed, with what was put together for it as far as somebody wants it. */
  async #around(index: number, wanted: Wanted): Promise<Surroundings> {
    const { flows } = this;
    const datagram = flows.piecesOf(index) ? await this.#datagram(index) : null;
    const joined = new Map<Portion, Uint8Array>();
    let last: { readonly pieces: readonly Piece[]; readonly bytes: Uint8Array } | null = null;
    for (const portion of flows.joinedPortions(index)) {
      if (!wants(wanted, portion.application)) continue;
      const pieces = portion.pieces!;
      // Messages of one segment often share what was put together.
      if (last?.pieces.length !== pieces.length || !last.pieces.every((piece, at) => piece === pieces[at]))
        last = { pieces, bytes: await this.#joined(pieces) };
      joined.set(portion, last.bytes);
    }
    return flows.recall(index, datagram, joined);
  }

  async #joined(pieces: readonly Piece[]): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (const { packet, header, from, to } of pieces) parts.push((await this.#payloads(packet))[header]!.subarray(from, to));
    const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** Payloads of a packet's TCP headers. */
  async #payloads(index: number): Promise<Uint8Array[]> {
    const payloads: Uint8Array[] = [];
    const known = this.flows.recall(index, this.flows.piecesOf(index) ? await this.#datagram(index) : null);
    let header = -1;
    const around: Surroundings = {
      ...known,
      stream: (segment) => {
        if (segment.protocol === 6) header++;
        return known.stream(segment);
      },
      payload: (bytes) => {
        payloads[header] = bytes;
        return UNREAD;
      },
    };
    dissect(new Dissection(), await this.capture.packet(index), factsOf(this.capture, index), around, NOTHING);
    return payloads;
  }

  /** Puts a datagram together again. */
  async #datagram(index: number): Promise<Uint8Array | null> {
    const again = new Reassembly();
    const scratch = new Dissection();
    let whole: Uint8Array | null = null;
    for (const piece of this.flows.piecesOf(index)!) {
      const bytes = await this.capture.packet(piece);
      const around: Surroundings = {
        stream: () => null,
        payload: () => UNREAD,
        reassemble: (fragment) => {
          whole = again.add(piece, fragment) ?? whole;
          return null;
        },
      };
      dissect(scratch, bytes, factsOf(this.capture, piece), around, NOTHING);
    }
    return whole;
  }
}
