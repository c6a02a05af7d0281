import { execFileSync } from 'node:child_process';
import { crc32, deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { writeNpy } from './npy.ts';
import { readNpz } from './npz.ts';

/** A zip archive as numpy.savez lays it out; with method 8 as savez_compressed does. */
function archive(files: Readonly<Record<string, Uint8Array>>, method = 0): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const [name, plain] of Object.entries(files)) {
    const data = method === 8 ? new Uint8Array(deflateRawSync(plain)) : plain;
    const label = new TextEncoder().encode(name);
    const local = new DataView(new ArrayBuffer(30));
    local.setUint32(0, 0x04034b50, true);
    local.setUint16(26, label.length, true);
    const entry = new DataView(new ArrayBuffer(46));
    entry.setUint32(0, 0x02014b50, true);
    entry.setUint16(10, method, true);
    entry.setUint32(16, crc32(plain), true);
    entry.setUint32(20, data.length, true);
    entry.setUint32(24, plain.length, true);
    entry.setUint16(28, label.length, true);
    entry.setUint32(42, at, true);
    parts.push(new Uint8Array(local.buffer), label, data);
    directory.push(new Uint8Array(entry.buffer), label);
    at += 30 + label.length + data.length;
  }
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(10, Object.keys(files).length, true);
  end.setUint32(16, at, true);
  return new Uint8Array(Buffer.concat([...parts, ...directory, new Uint8Array(end.buffer)]));
}

const array = (shape: number[], ...data: number[]): Uint8Array => writeNpy({ dtype: 'f4', shape, data: Float32Array.from(data) });

describe('npz archives', () => {
  test.each([0, 8])('give their arrays by name (method %i)', (method) => {
    const arrays = readNpz(archive({ 'a.npy': array([2], 1, 2), 'b.npy': array([1, 1], 3) }, method));
    expect([...arrays.keys()]).toEqual(['a', 'b']);
    expect(arrays.get('b')).toMatchObject({ dtype: 'f4', shape: [1, 1], data: Float32Array.of(3) });
  });
  test('that are cut off, damaged or packed otherwise are refused', () => {
    const whole = archive({ 'a.npy': array([2], 1, 2) });
    expect(() => readNpz(whole.slice(0, -30), 'x.npz')).toThrow(/x\.npz.*no directory/);
    expect(() => readNpz(new Uint8Array([0x50, 0x4b]), 'x.npz')).toThrow(/no directory/);
    const damaged = whole.slice();
    damaged[damaged.length - 22 - 40] = 0;
    damaged.fill(0, damaged.length - 22 - 51, damaged.length - 22 - 40);
    expect(() => readNpz(damaged, 'x.npz')).toThrow(/x\.npz/);
    expect(() => readNpz(archive({ 'a.npy': array([2], 1, 2) }, 12), 'x.npz')).toThrow(/x\.npz.*`a\.npy` is packed in a way \(12\)/);
    for (const method of [0, 8]) {
      const good = archive({ 'a.npy': array([2], 1, 2) }, method);
      // Any byte of the array that is another one; the last bits of a deflated stream mean nothing.
      for (let byteOff = 35; byteOff < good.length - 22 - 51 - (method && 1); byteOff++) {
        const wrong = good.slice();
        wrong[byteOff]! ^= 0x10;
        expect(() => readNpz(wrong, 'x.npz')).toThrow(/x\.npz.*`a\.npy`/);
      }
    }
  });
  test('that claim more than their bytes can hold take no memory for it', () => {
    const bomb = archive({ 'a.npy': array([2], 1, 2) }, 8);
    new DataView(bomb.buffer).setUint32(bomb.length - 22 - 51 + 24, 0xfffffff0, true);
    expect(() => readNpz(bomb, 'x.npz')).toThrow(/x\.npz.*`a\.npy`.*damaged/);
  });
  test('of numpy itself are read', (context) => {
    const script = 'import numpy,sys;numpy.savez(sys.stdout.buffer,ids=numpy.arange(6).reshape(2,3),mask=numpy.array([True,False]))';
    let bytes: Uint8Array;
    try {
      bytes = execFileSync('/usr/bin/python3', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
    } catch {
      context.skip();
      return;
    }
    const arrays = readNpz(bytes);
    expect(arrays.get('ids')).toMatchObject({ shape: [2, 3], data: BigInt64Array.from([0n, 1n, 2n, 3n, 4n, 5n]) });
    expect(arrays.get('mask')).toMatchObject({ dtype: 'b1', data: Uint8Array.of(1, 0) });
  });
});
