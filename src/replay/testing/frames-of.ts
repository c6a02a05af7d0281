import { memorySource } from '../../traces/capture/source.ts';
import { PacketTrace } from '../packet-trace.ts';

/** All packets of a small capture as a program gets them. */
export async function framesOf(bytes: Uint8Array, name = ''): Promise<Uint8Array[]> {
  const trace = await PacketTrace.open(memorySource(bytes, name));
  return trace.first(trace.count);
}
