import type { Host } from './host.ts';

/** By so much of its own time the device runs at once, ns: the driver has few passes ahead, and a longer step would find none. */
const STEP_NS = 20_000;

/**
 * Runs to a time of the device in small steps, or until `isOver`; true when nothing was left to do. What the device does is the same however quick this
 * computer is: one that is too slow for the speed that was asked for is late, and leaves nothing out.
 */
export function runTo(
  host: Pick<Host, 'advance'> & { readonly device: Pick<Host['device'], 'nowNs'> },
  goalNs: number,
  isOver: () => boolean,
): boolean {
  for (;;) {
    if (host.advance(Math.min(goalNs, host.device.nowNs + STEP_NS))) return true;
    if (host.device.nowNs >= goalNs || isOver()) return false;
  }
}
