import { describe, expect, it } from 'vitest';
import { DeviceMemory } from '../../../hooks/accelerator/memory.ts';
import { commandOf } from '../../../hooks/accelerator/testing/device.ts';
import { HostTrace, windowsOf } from './host-trace.ts';

describe('what the host can record of commands', () => {
  const plain = Uint8Array.from({ length: 32 }, (_, at) => (at * 37 + 11) & 0xff);

  function recorded(lies: Uint8Array): HostTrace {
    const memory = new DeviceMemory(1 << 20);
    const trace = new HostTrace();
    const command = commandOf({ seq: 3, request: 1, reads: [256], writes: [512] });
    memory.write(256, lies);
    trace.record(command, -13, memory);
    return trace;
  }

  it('is searched at every byte, and holds nothing else than what lay there', () => {
    expect(recorded(plain).find(windowsOf([plain]))).toEqual([expect.objectContaining({ seq: 3, tensor: 't256' })]);
    // Moved by three bytes, one whole piece of the plain text is still there.
    const moved = new Uint8Array(32);
    moved.set(plain.subarray(0, 29), 3);
    expect(recorded(moved).find(windowsOf([plain]))).toHaveLength(1);
    const changed = plain.slice();
    for (let at = 0; at < changed.length; at += 8) changed[at]! ^= 0x80;
    expect(recorded(changed).find(windowsOf([plain]))).toEqual([]);
    // Zeros tell nothing.
    expect(windowsOf([new Uint8Array(64)])).toEqual([]);
  });

  it('is written as a line for each command, with the bytes', () => {
    const [line] = new TextDecoder().decode(recorded(plain).export()).trim().split('\n');
    const { seq, status, tensors } = JSON.parse(line!) as { seq: number; status: number; tensors: { name: string; data: string }[] };
    expect([seq, status, tensors.map(({ name }) => name)]).toEqual([3, -13, ['t256', 't512']]);
    expect(tensors[0]!.data).toBe(Array.from(plain, (byte) => byte.toString(16).padStart(2, '0')).join(''));
    expect(tensors[1]!.data).toBe('00'.repeat(32));
  });
});
