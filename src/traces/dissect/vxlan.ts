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
  carried(walk, at + 8, ETHERNET);
}

const IPV4 = 1;
const IPV6 = 2;
const ETHERNET = 3;

/** The generic protocol extension (draft-ietf-nvo3-vxlan-gpe), which says what stands behind its header. */
export function vxlanGeneric(walk: Walk, at: number): void {
  const { out } = walk;
  const item = walk.open(VXLAN, at, 8);
  walk.add8(FLAGS, at);
  const protocol = walk.u8(at + 3);
  walk.add24(VNI, at + 4);
  walk.u8(at + 7);
  out.close(item, at + 8);
  carried(walk, at + 8, protocol);
}

function carried(walk: Walk, at: number, protocol: number): void {
  if (walk.nesting >= MAX_NESTING) {
    walk.data(at);
    return;
  }
  const { source, destination, addressLength } = walk;
  walk.nesting++;
  if (protocol === ETHERNET) walk.next.ethernet(walk, at);
  else if (protocol === IPV4 || protocol === IPV6) walk.next.etherType(walk, protocol === IPV4 ? 0x0800 : 0x86dd, at);
  else walk.data(at);
  walk.nesting--;
  walk.source = source;
  walk.destination = destination;
  walk.addressLength = addressLength;
}
