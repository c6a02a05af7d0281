import type { Binding } from '../../hooks/binding.ts';
import { payloadRange } from '../../hooks/tokens.ts';
import { type PacketSummary, summarizePacket } from '../../traces/packet.ts';
import { frameOf } from '../../workbench/frames.ts';
import type { PacketTraceView } from '../../workbench/views.ts';

export interface PacketInfo {
  readonly source: string;
  readonly destination: string;
  readonly info: string;
}

const known = new WeakMap<PacketTraceView, Map<number, PacketInfo>>();
/** So many rows are remembered: a screen shows a few dozen. */
const MOST_KNOWN = 20_000;

/** Who sent a packet to whom, and what it is about; remembered, since lists ask for the same rows again and again. Null until it has come. */
export function packetInfo(trace: PacketTraceView, packet: number): PacketInfo | null {
  let infos = known.get(trace);
  if (!infos) {
    infos = new Map();
    known.set(trace, infos);
  }
  let info = infos.get(packet);
  if (!info) {
    const frame = frameOf(trace, packet);
    if (!frame) return null;
    const summary = summarizePacket(frame);
    if (infos.size >= MOST_KNOWN) infos.clear();
    info = { source: summary.source, destination: summary.destination, info: summary.info };
    infos.set(packet, info);
  }
  return info;
}

/** A layer of a packet, for the line below its bytes. */
export interface Field {
  readonly from: number;
  readonly to: number;
  readonly layer: string;
  readonly text: string;
}

export function packetFields(bytes: Uint8Array): readonly Field[] {
  const summary: PacketSummary = summarizePacket(bytes);
  const fields: Field[] = [];
  const add = (layer: string, from: number, to: number, text: string) => {
    if (to > from) fields.push({ from, to, layer, text });
  };
  const { l3, l4, payload } = summary;
  const vlans = summary.vlanIds.length > 0 ? `, VLAN ${summary.vlanIds.join(', ')}` : '';
  add('Ethernet', 0, l3?.start ?? bytes.length, `${l3?.start ?? bytes.length} B${vlans}`);
  if (l3) add('IP', l3.start, l4?.start ?? l3.end, `${summary.source} → ${summary.destination}`);
  if (l4) add(summary.protocol, l4.start, payload?.start ?? l4.end, `${summary.sourcePort ?? ''} → ${summary.destinationPort ?? ''}`);
  if (payload) add('payload', payload.start, payload.end, `${payload.end - payload.start} B`);
  return fields;
}

/** Bytes of the packet that become tokens, and how many tokens the model takes; null where the packet lacks the layer. */
export function tokenRange(bytes: Uint8Array, binding: Binding | null): { from: number; to: number; length: number } | null {
  if (binding?.input.kind !== 'payload') return null;
  const range = payloadRange(bytes, binding.input);
  return range ? { from: range.start, to: Math.min(range.end, range.start + binding.input.length), length: binding.input.length } : null;
}
