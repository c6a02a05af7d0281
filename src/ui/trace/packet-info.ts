import type { Binding } from '../../hooks/binding.ts';
import type { PacketEdit } from '../../workbench/document.ts';
import { editedPacket } from '../../workbench/pipeline.ts';
import type { PacketTraceView } from '../../workbench/views.ts';

export interface PacketInfo {
  readonly source: string;
  readonly destination: string;
  readonly info: string;
}

export function packetBytes(trace: PacketTraceView, packet: number, edits: readonly PacketEdit[]): Uint8Array {
  return editedPacket(trace.bytes.subarray(trace.start[packet]!, trace.start[packet + 1]!), edits, packet);
}

export function packetInfo(_trace: PacketTraceView, _packet: number): PacketInfo {
  return { source: '', destination: '', info: '' };
}

export interface Field {
  readonly from: number;
  readonly to: number;
  readonly layer: string;
  readonly text: string;
}

export function packetFields(_bytes: Uint8Array): readonly Field[] {
  return [];
}

/** Bytes of the packet that become tokens, and how many tokens the model takes; null where the packet lacks the layer. */
export function tokenRange(_bytes: Uint8Array, _binding: Binding | null): { from: number; to: number; length: number } | null {
  return null;
}
