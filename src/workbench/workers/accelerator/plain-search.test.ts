import { describe, expect, it } from 'vitest';
import { CommandRecorder, readCommandTrace, writeCommandTrace } from '../../../hooks/accelerator/command-trace.ts';
import { Device } from '../../../hooks/accelerator/device.ts';
import { commandOf } from '../../../hooks/accelerator/testing/device.ts';
import { findPlain, windowsOf } from './plain-search.ts';

describe('plaintext in what the host can record of commands', () => {
  const plain = Uint8Array.from({ length: 32 }, (_, at) => (at * 37 + 11) & 0xff);

  /** The trace of one command that reads these bytes, as its file brings it back. */
  function recorded(lies: Uint8Array) {
    const device = new Device();
    const recorder = new CommandRecorder(device);
    device.memory.write(256, lies);
    device.submit([commandOf({ seq: 0, request: 1, reads: [256], writes: [512] })]);
    device.run();
    return readCommandTrace(writeCommandTrace(recorder.commands));
  }

  it('is searched at every byte, and nothing else is found than what lay there', () => {
    expect(findPlain(recorded(plain), windowsOf([plain]))).toEqual([expect.objectContaining({ seq: 0, tensor: 't256' })]);
    // Moved by three bytes, one whole piece of the plain text is still there.
    const moved = new Uint8Array(32);
    moved.set(plain.subarray(0, 29), 3);
    expect(findPlain(recorded(moved), windowsOf([plain]))).toHaveLength(1);
    const changed = plain.slice();
    for (let at = 0; at < changed.length; at += 8) changed[at]! ^= 0x80;
    expect(findPlain(recorded(changed), windowsOf([plain]))).toEqual([]);
    // Zeros tell nothing.
    expect(windowsOf([new Uint8Array(64)])).toEqual([]);
  });
});
