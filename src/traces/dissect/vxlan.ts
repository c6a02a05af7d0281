import { fieldId } from './fields.ts';
import type { Walk } from './walk.ts';

const VXLAN = fieldId('vxlan');
const FLAGS = fieldId('vxlan.flags');
const GBP = fieldId('vxlan.gbp');
const VNI = fieldId('vxlan.vni');
/** Frames in frames in frames: deeper ones are bytes. */
const MAX_NESTING = 8;

/** RFC 7348, with the group policy bits that Linux writes; behind the header stands a whole Ethernet frame. */
export function vxlan(walk: Walk, at: number): void {
  const { out } = walk;
  const item = walk.open(VXLAN, at, 8);
  walk.add16(FLAGS, at);
  walk.add16(GBP, at + 2);
  walk.add24(VNI, at + 4);
  walk.u8(at + 7);
  out.close(item, at + 8);
  if (walk.nesting >= MAX_NESTING) {
    walk.data(at + 8);
    return;
  }
  const { source, destination, addressLength } = walk;
  walk.nesting++;
  walk.next.ethernet(walk, at + 8);
  walk.nesting--;
  walk.source = source;
  walk.destination = destination;
  walk.addressLength = addressLength;
}
