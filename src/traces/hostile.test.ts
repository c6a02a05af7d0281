import { zlibSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { readPng } from './png.ts';
import { readSafetensors } from './safetensors.ts';
import { readCalls } from './syscalls/calls.ts';
import { pngFile } from './testing/picture-files.ts';

const safetensors = (header: string): Uint8Array => {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length);
  bytes[0] = text.length;
  bytes.set(text, 8);
  return bytes;
};

const png = (width: number, height: number, packed: Uint8Array): Uint8Array => pngFile({ width, height, depth: 8, colour: 2 }, packed);

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
