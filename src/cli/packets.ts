import { InputError } from '../base/errors.ts';
import { Analysis } from '../traces/analysis.ts';
import { beginsAsCapture, packingOf } from '../traces/capture/begins.ts';
import { openCapture } from '../traces/capture/capture.ts';
import { Dissection } from '../traces/dissect/dissection.ts';
import { compileFilter, type Filter } from '../traces/filter/compile.ts';
import { FilterError } from '../traces/filter/error.ts';
import { ethernetFrame } from '../traces/frames.ts';
import { openFile } from './file-source.ts';

/** Whether a file begins as a capture does; anything packed counts as one. */
export async function isCapture(path: string): Promise<boolean> {
  const file = await openFile(path);
  try {
    const head = await file.read(0, 4);
    return beginsAsCapture(head) || packingOf(head) !== null;
  } finally {
    await file.close();
  }
}

export interface Packets {
  /** As an XDP program gets them. */
  readonly packets: Uint8Array[];
  /** When each came, in ns since some time before the first. */
  readonly times: number[];
}

/**
 * Packets of a capture of any format, those that `filter` lets pass. Throws {@link InputError} for a capture that ends early: figures over a
 * part would mislead.
 */
export async function readPackets(path: string, filter?: string): Promise<Packets> {
  const passes = filter === undefined ? null : parse(filter);
  const file = await openFile(path);
  try {
    const capture = await openCapture(file);
    const { count, columns, damage } = capture;
    if (damage) throw new InputError(`${damage.what}: the capture ends at byte ${damage.offset}, after ${count} whole packets`, path);
    if (count === 0) throw new InputError('the capture holds no packet', path);
    const chosen = passes ? await passing(new Analysis(capture), passes) : null;
    const { seconds, nanoseconds } = columns;
    // Nanoseconds since 1970 are more than a number holds.
    const origin = seconds.reduce((least, one) => (Number.isNaN(one) ? least : Math.min(least, one)), Number.POSITIVE_INFINITY) - 1;
    const packets: Uint8Array[] = [];
    const times: number[] = [];
    for await (const batch of capture.packets()) {
      for (const [at, data] of batch.data.entries()) {
        const index = batch.from + at;
        if (chosen && !chosen.has(index)) continue;
        packets.push(ethernetFrame(capture.linkType(index), data.slice(), path));
        times.push(Number.isNaN(seconds[index]!) ? 0 : (seconds[index]! - origin) * 1e9 + nanoseconds[index]!);
      }
    }
    if (packets.length === 0) throw new InputError(`no packet passes the filter ${filter}`, path);
    return { packets, times };
  } finally {
    await file.close();
  }
}

async function passing(analysis: Analysis, filter: Filter): Promise<Set<number>> {
  const out = new Dissection();
  const chosen = new Set<number>();
  await analysis.follow(out, {}, filter.wanted, (index) => {
    if (filter.test(out)) chosen.add(index);
  });
  return chosen;
}

function parse(text: string): Filter {
  try {
    return compileFilter(text);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    throw new InputError(`${error.what}, at "${text.slice(error.from, error.to)}" (character ${error.from + 1})`, '--filter');
  }
}
