import { Pace, type Working } from '../base/pace.ts';
import type { Capture } from './capture/capture.ts';
import { dissect, type PacketFacts } from './dissect/dissect.ts';
import { Dissection } from './dissect/dissection.ts';
import type { Surroundings, Wanted } from './dissect/walk.ts';
import { FlowTracker } from './flows.ts';
import { Reassembly } from './reassembly.ts';

const NOTHING: Wanted = { dns: false, http: false, tls: false };

/** What the capture knows of a packet, for its dissection. */
export function factsOf(capture: Capture, index: number): PacketFacts {
  const { seconds, nanoseconds, original, interfaceIndex } = capture.columns;
  const since = (other: number) => seconds[index]! - seconds[other]! + (nanoseconds[index]! - nanoseconds[other]!) / 1e9;
  return {
    index,
    linkType: capture.linkType(index),
    original: original[index]!,
    seconds: seconds[index]!,
    nanoseconds: nanoseconds[index]!,
    relative: since(0),
    delta: index === 0 ? 0 : since(index - 1),
    interfaceIndex: interfaceIndex[index]!,
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
        const around = isNew ? flows : flows.recall(index, flows.piecesOf(index) ? await this.#datagram(index) : null);
        dissect(out, data, factsOf(capture, index), around, wanted);
        each?.(index);
        if ((index & 255) === 0 && pace.due) await pace.rest('dissecting', index, capture.count);
      }
    }
  }

  /** Dissects one packet as it is in its place; without streams where it has not been followed. */
  async dissect(out: Dissection, index: number, bytes?: Uint8Array): Promise<void> {
    const { capture, flows } = this;
    const known = index < flows.packets;
    const datagram = known && flows.piecesOf(index) ? await this.#datagram(index) : null;
    const around: Surroundings | null = known ? flows.recall(index, datagram) : null;
    dissect(out, bytes ?? (await capture.packet(index)), factsOf(capture, index), around);
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
