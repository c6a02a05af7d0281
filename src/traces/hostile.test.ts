import { zlibSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { readPng } from './png.ts';
import { readSafetensors } from './safetensors.ts';
import { readCalls } from './syscalls/calls.ts';

const safetensors = (header: string): Uint8Array => {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length);
  bytes[0] = text.length;
  bytes.set(text, 8);
  return bytes;
};

/** A chunk with its checksum left 0: what is wrong with it is found before. */
function png(width: number, height: number, packed: Uint8Array): Uint8Array {
  const parts = [Buffer.from('89504e470d0a1a0a', 'hex')];
  const chunk = (name: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(data.length);
    const tail = Buffer.alloc(4);
    tail.writeUInt32BE(crc(body));
    parts.push(head, body, tail);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  header[9] = 2;
  chunk('IHDR', header);
  chunk('IDAT', packed);
  chunk('IEND', new Uint8Array(0));
  return Buffer.concat(parts);
}

function crc(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  }
  return ~value >>> 0;
}

// Found by `npm run long mutate`.
describe('files that are made to be read wrong', () => {
  it('safetensors: types by the names of what every object has, members that are missing', () => {
    const read = (entry: string) => () => readSafetensors(safetensors(`{"x":${entry}}`), 'x.safetensors');
    expect(read('{"dtype":"constructor","shape":[1],"data_offsets":[0,4]}')).toThrow(/element type "constructor", which is not supported/);
    expect(read('{"shape":[1]}')).toThrow(/element type missing/);
    expect(read('null')).toThrow(/element type missing/);
    expect(read('{"dtype":"F32"}')).toThrow(/has the shape missing/);
    expect(read('{"dtype":"F32","shape":[1]}')).toThrow(/claims the bytes missing of 0/);
  });

  it('png: a few bytes that claim a large picture take no room for it', () => {
    expect(() => readPng(png(8000, 8000, zlibSync(new Uint8Array(10))), 'x.png')).toThrow(
      /bytes of compressed rows cannot hold 8000 × 8000 pixels/,
    );
    expect(() => readPng(png(2, 2, Uint8Array.of(0x78, 0x9c, 1, 2, 3, 4, 5)), 'x.png')).toThrow('x.png: its compressed rows are damaged');
  });

  it('calls: values of any depth are not followed', () => {
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
    expect(() => readCalls(`[{"pid":${deep},"nr":1}]`, 't')).toThrow(/t, call 1: its pid is a list of 1/);
    expect(() => readCalls('[{"pid":1,"name":{}}]', 't')).toThrow(/no system call an object/);
    expect(() => readCalls('[{"nr":1}]', 't')).toThrow(/its pid is missing/);
  });

  it('calls: long lines of spaces are read once, not from each of their characters', () => {
    const spaces = ' '.repeat(30_000);
    for (const line of [`a${spaces}x`, `${spaces}x`, `1.5 (${spaces}`, `1.5 ( 1 ms): a${spaces}/x`])
      expect(() => readCalls(`${line}\n`, 't')).toThrow(/this is no trace of system calls/);
  });
});
