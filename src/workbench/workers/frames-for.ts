import { Cancelled } from '../../base/progress.ts';
import type { PacketTrace } from '../../replay/packet-trace.ts';
import type { CallContext } from '../rpc.ts';
import { rest } from './rest.ts';

/** Packets go by this long before messages are let in. */
const STRETCH = 4096;

/** Frames of the packets `events` (ascending) as they go by; `since` is the first of those before them that are wanted too, null for none. */
export async function* framesFor(
  packets: PacketTrace,
  events: readonly number[],
  since: number | null,
  context: CallContext,
): AsyncGenerator<{ readonly at: number; readonly frame: Uint8Array; readonly chosen: boolean }> {
  if (since === null) {
    for (const at of events) yield { at, frame: await packets.frame(at), chosen: true };
    return;
  }
  let next = 0;
  for await (const { from, frames } of packets.frames(since, events.at(-1)! + 1)) {
    for (const [i, frame] of frames.entries()) {
      const at = from + i;
      const chosen = events[next] === at;
      if (chosen) next++;
      yield { at, frame, chosen };
      if (at % STRETCH !== 0) continue;
      await rest();
      if (context.cancelled) throw new Cancelled();
    }
  }
}
