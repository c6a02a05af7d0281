import { InputError } from '../base/errors.ts';
import { type Clock, clockOf } from '../replay/packet-trace.ts';
import type { TimedPackets } from '../replay/replay.ts';
import { Analysis } from '../traces/analysis.ts';
import { beginsAsCapture, packingOf } from '../traces/capture/begins.ts';
import { type Capture, openCapture } from '../traces/capture/capture.ts';
import { Dissection } from '../traces/dissect/dissection.ts';
import { compileFilter, type Filter } from '../traces/filter/compile.ts';
import { FilterError } from '../traces/filter/error.ts';
import { ethernetFrame } from '../traces/frames.ts';
import { openFile } from './file-source.ts';

/** Whether a file begins as a capture does; anything packed counts as one. */
export async function isCapture(path: string): Promise<boolean> {
  const head = await (await openFile(path)).read(0, 4);
  return beginsAsCapture(head) || packingOf(head) !== null;
}

/** Packets of a capture of any format, those that a filter lets pass. Their bytes stay in the file: of a capture of any size a megabyte is held. */
export class PacketEvents {
  readonly kind = 'packets';
  readonly #capture: Capture;
  readonly #clock: Clock;
  /** Numbers of those that pass, in order; null: all do. */
  readonly #chosen: Uint32Array | null;

  private constructor(capture: Capture, chosen: Uint32Array | null) {
    this.#capture = capture;
    this.#clock = clockOf(capture);
    this.#chosen = chosen;
  }

  /** Throws {@link InputError} for a capture that ends early: figures over a part would mislead. */
  static async open(path: string, filter?: string): Promise<PacketEvents> {
    const passes = filter === undefined ? null : parse(filter);
    const capture = await openCapture(await openFile(path));
    const { count, damage } = capture;
    if (damage) throw new InputError(`${damage.what}: the capture ends at byte ${damage.offset}, after ${count} whole packets`, path);
    if (count === 0) throw new InputError('the capture holds no packet', path);
    const chosen = passes ? await passing(capture, passes) : null;
    if (chosen?.length === 0) throw new InputError(`no packet passes the filter ${filter}`, path);
    return new PacketEvents(capture, chosen);
  }

  get count(): number {
    return this.#chosen ? this.#chosen.length : this.#capture.count;
  }

  /** Events [from, to) in order, as an XDP program gets them, by the megabyte. The bytes are views: copy what is to be kept. */
  async *batches(from = 0, to = this.count): AsyncGenerator<Required<TimedPackets>> {
    const [capture, chosen] = [this.#capture, this.#chosen];
    if (from >= to) return;
    let next = from;
    for await (const { from: first, data } of capture.packets(chosen?.[from] ?? from, chosen ? chosen[to - 1]! + 1 : to)) {
      const packets: Uint8Array[] = [];
      const times: number[] = [];
      for (const [at, bytes] of data.entries()) {
        const index = first + at;
        if (chosen && chosen[next] !== index) continue;
        next++;
        packets.push(ethernetFrame(capture.linkType(index), bytes, capture.name));
        times.push(this.#clock(index));
      }
      if (packets.length > 0) yield { packets, times };
    }
  }

  /** The first `most` of them, to be kept. */
  async first(most: number): Promise<Required<TimedPackets>> {
    const kept: { packets: Uint8Array[]; times: number[] } = { packets: [], times: [] };
    for await (const { packets, times } of this.batches(0, Math.min(most, this.count))) {
      for (const [at, packet] of packets.entries()) {
        kept.packets.push(packet.slice());
        kept.times.push(times[at]!);
      }
    }
    return kept;
  }
}

async function passing(capture: Capture, filter: Filter): Promise<Uint32Array> {
  const out = new Dissection();
  const chosen = new Uint32Array(capture.count);
  let passed = 0;
  await new Analysis(capture).follow(out, {}, filter.wanted, (index) => {
    if (filter.test(out)) chosen[passed++] = index;
  });
  return chosen.slice(0, passed);
}

function parse(text: string): Filter {
  try {
    return compileFilter(text);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    throw new InputError(`${error.what}, at "${text.slice(error.from, error.to)}" (character ${error.from + 1})`, '--filter');
  }
}
