import { MAP_TYPE_DEVMAP, MAP_TYPE_DEVMAP_HASH } from '../../bpf/maps.ts';
import { EFAULT, EINVAL, type Helper, type HelperTable, type Machine, mapArgument, pointer, s32, u32, unsigned } from '../machine.ts';
import type { XdpPacket } from '../xdp.ts';

const XDP_ABORTED = 0;
const XDP_REDIRECT = 4;
const TC_ACT_SHOT = 2;
const TC_ACT_REDIRECT = 7;
const F_INGRESS = 1;
/** Flags that maps of devices take beside the verdict. */
const F_BROADCAST = 8;
const F_EXCLUDE_INGRESS = 16;
const DEVICE_MAPS = new Set([MAP_TYPE_DEVMAP, MAP_TYPE_DEVMAP_HASH]);

function withPacket(run: (m: Machine, packet: XdpPacket) => number): Helper {
  return (m) => {
    if (!m.xdp) throw m.fault('this helper is for XDP programs');
    return run(m, m.xdp);
  };
}

function bytes(m: Machine, packet: XdpPacket, store: boolean): number {
  const offset = u32(m, 2);
  const length = u32(m, 4);
  const buffer = pointer(m, 3, length, !store);
  if (offset > 0xffff || length > 0xffff) return -EFAULT;
  const at = packet.address(offset, length);
  if (at === null) return -EINVAL;
  if (store) m.space.bytes.copyWithin(at, buffer, buffer + length);
  else m.space.bytes.copyWithin(buffer, at, at + length);
  return 0;
}

/** Whether and where to a packet goes: devices, processors and sockets by key. */
function redirectMap(m: Machine): number {
  const map = mapArgument(m, 1);
  const key = u32(m, 2);
  const flags = unsigned(m, 3);
  // The two low bits are the verdict for a missing key.
  const known = DEVICE_MAPS.has(map.def.type) ? F_BROADCAST | F_EXCLUDE_INGRESS | 3 : 3;
  if (flags > known || flags & ~known) return XDP_ABORTED;
  if (flags & F_BROADCAST) m.redirect = { map: map.name, all: flags & F_EXCLUDE_INGRESS ? 'without ingress' : 'with ingress' };
  else {
    if (!map.lookup(new Uint8Array(Uint32Array.of(key).buffer))) {
      m.redirect = null;
      return flags & 3;
    }
    m.redirect = { map: map.name, key };
  }
  return XDP_REDIRECT;
}

/** bpf_redirect; XDP knows no flags, tc knows the direction. */
function redirect(m: Machine): number {
  const flags = unsigned(m, 2);
  if (flags > (m.skb ? F_INGRESS : 0)) return m.skb ? TC_ACT_SHOT : XDP_ABORTED;
  m.redirect = { ifindex: u32(m, 1) };
  return m.skb ? TC_ACT_REDIRECT : XDP_REDIRECT;
}

export const XDP_HELPERS: HelperTable = {
  23: redirect,
  44: withPacket((m, packet) => packet.adjustHead(s32(m, 2))),
  51: redirectMap,
  54: withPacket((m, packet) => packet.adjustMeta(s32(m, 2))),
  65: withPacket((m, packet) => packet.adjustTail(s32(m, 2))),
  188: withPacket((_, packet) => packet.length),
  189: withPacket((m, packet) => bytes(m, packet, false)),
  190: withPacket((m, packet) => bytes(m, packet, true)),
};
