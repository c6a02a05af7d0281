import { InputError } from '../base/errors.ts';
import type { Working } from '../base/pace.ts';
import { type Capture, openCapture } from '../traces/capture/capture.ts';
import type { ByteSource } from '../traces/capture/source.ts';
import { ethernetFrame } from '../traces/frames.ts';
import type { TimedPackets } from './replay.ts';

/** Neighbouring packets of a trace as an XDP program gets them. */
export interface FrameBatch {
  /** Number of the first. */
  readonly from: number;
  readonly frames: readonly Uint8Array[];
}

/** When packet `index` came, in ns of one clock for the whole capture, at least a second after its beginning; a second without a time. */
export type Clock = (index: number) => number;

export function clockOf({ columns: { seconds, nanoseconds } }: Pick<Capture, 'columns'>): Clock {
  // Before the earliest packet by at least a second: nanoseconds since 1970 are more than a number holds.
  let least = Number.POSITIVE_INFINITY;
  for (const one of seconds) if (one < least) least = one;
  const origin = least === Number.POSITIVE_INFINITY ? 0 : least - 1;
  return (index) => {
    const whole = seconds[index]!;
    return Number.isNaN(whole) ? 1e9 : (whole - origin) * 1e9 + nanoseconds[index]!;
  };
}

/** The packets of a capture as a program gets them; their bytes stay in the file until they are asked for. */
export class PacketTrace {
  readonly capture: Capture;
  readonly timeNs: Clock;

  private constructor(capture: Capture) {
    this.capture = capture;
    this.timeNs = clockOf(capture);
  }

  /** Throws {@link InputError} for a file that holds no packet, or packets that no Ethernet device passes to a program. */
  static async open(source: ByteSource, working: Working = {}): Promise<PacketTrace> {
    const capture = await openCapture(source, working);
    if (capture.count === 0) {
      const { damage } = capture;
      throw new InputError(damage ? `${damage.what}, at byte ${damage.offset}` : 'the capture holds no packet', source.name);
    }
    const foreign = capture.interfaces.findIndex(({ linkType }) => !fits(linkType));
    if (foreign >= 0 && capture.columns.interfaceIndex.includes(foreign)) {
      ethernetFrame(capture.interfaces[foreign]!.linkType, new Uint8Array(0), source.name);
    }
    return new PacketTrace(capture);
  }

  get count(): number {
    return this.capture.count;
  }

  /** Seconds between the first packet and each; NaN where the capture has no time. */
  times(): Float64Array {
    const { seconds, nanoseconds } = this.capture.columns;
    const [first, part] = [seconds[0]!, nanoseconds[0]!];
    return seconds.map((one, at) => one - first + (nanoseconds[at]! - part) / 1e9);
  }

  async frame(index: number): Promise<Uint8Array> {
    const [batch] = await this.first(1, index);
    return batch!;
  }

  /** Packets [from, to) in order, by the megabyte. The bytes may be views: copy what is to be kept. */
  async *frames(from = 0, to = this.count): AsyncGenerator<FrameBatch> {
    const { capture } = this;
    for await (const { from: first, data } of capture.packets(from, to)) {
      yield { from: first, frames: data.map((bytes, at) => ethernetFrame(capture.linkType(first + at), bytes, capture.name)) };
    }
  }

  /** All packets in order, with their times. The bytes may be views. */
  async *timed(): AsyncGenerator<Required<TimedPackets>> {
    for await (const { from, frames } of this.frames()) yield { packets: frames, times: frames.map((_, at) => this.timeNs(from + at)) };
  }

  /** Up to `most` packets from number `from` on, as copies. */
  async first(most: number, from = 0): Promise<Uint8Array[]> {
    const found: Uint8Array[] = [];
    for await (const { frames } of this.frames(from, Math.min(this.count, from + most))) {
      for (const frame of frames) found.push(frame.slice());
    }
    return found;
  }
}

function fits(linkType: number): boolean {
  try {
    ethernetFrame(linkType, new Uint8Array(0));
    return true;
  } catch {
    return false;
  }
}
