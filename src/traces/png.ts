import { unzlibSync } from 'fflate';
import { InputError } from '../base/errors.ts';
import { crc32 } from './crc32.ts';

// PNG (W3C recommendation, third edition): chunks behind a signature, one zlib stream of filtered rows.

/** A picture of 8 bits a sample. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** 1: grey; 3: red, green, blue. Transparency is dropped. */
  readonly channels: 1 | 3;
  /** Rows from the top, samples of a pixel side by side. */
  readonly data: Uint8Array;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Deflate makes at most so many bytes of one. */
const MOST_OF_A_BYTE = 1032;
/** Larger pictures go into no model. */
export const MAX_PIXELS = 1 << 26;
/** Samples of a pixel by colour type: grey, colour, palette, grey and alpha, colour and alpha. */
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const DEPTHS: Readonly<Record<number, readonly number[]>> = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] };

export const isPng = (bytes: Uint8Array): boolean => SIGNATURE.every((byte, i) => bytes[i] === byte);

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
  readonly interlaced: boolean;
}

/** Decodes a PNG file. Throws {@link InputError} with the chunk and its byte; interlaced files are refused. */
export function readPng(bytes: Uint8Array, where = ''): Picture {
  const fail = (what: string, advice = ''): never => {
    throw new InputError(what, where, advice);
  };
  if (!isPng(bytes)) fail('this is no PNG file');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: Header | null = null;
  let palette: Uint8Array | null = null;
  const parts: Uint8Array[] = [];
  let ended = false;
  for (let at = SIGNATURE.length; at < bytes.length && !ended; ) {
    if (at + 12 > bytes.length) fail(`the file ends within a chunk at byte ${at}`);
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (at + 12 + length > bytes.length)
      fail(`chunk ${JSON.stringify(type)} at byte ${at} claims ${length} bytes, and the file ends before`);
    if (view.getUint32(at + 8 + length) !== crc32(bytes.subarray(at + 4, at + 8 + length)))
      fail(`chunk ${JSON.stringify(type)} at byte ${at} is damaged: its checksum differs`);
    if (type === 'IHDR') header = headerOf(data, at, fail);
    else if (type === 'PLTE') palette = data;
    else if (type === 'IDAT') parts.push(data);
    else if (type === 'IEND') ended = true;
    else if (/^[A-Z]/.test(type)) fail(`chunk ${JSON.stringify(type)} at byte ${at} is unknown and must be understood`);
    at += 12 + length;
  }
  if (!header) return fail('it has no header chunk');
  if (!ended) fail('it has no end chunk: the file is cut off');
  if (header.interlaced) fail('it is interlaced', 'Save it without interlacing');
  if (header.colour === 3 && !palette) fail('it has colours of a palette, and no palette');
  const { width, height, depth, colour } = header;
  const bitsPerPixel = SAMPLES[colour]! * depth;
  const rowBytes = Math.ceil((width * bitsPerPixel) / 8);
  const size = (rowBytes + 1) * height;
  const packed = parts.reduce((sum, { length }) => sum + length, 0);
  if (size > packed * MOST_OF_A_BYTE) fail(`its ${packed} bytes of compressed rows cannot hold ${width} × ${height} pixels`);
  let rows: Uint8Array = new Uint8Array(0);
  try {
    rows = unzlibSync(joined(parts), { out: new Uint8Array(size) });
  } catch {
    fail('its compressed rows are damaged');
  }
  if (rows.length !== size) fail(`its rows have ${rows.length} bytes; ${width} × ${height} need ${size}`);
  unfilter(rows, rowBytes, height, Math.max(1, bitsPerPixel >> 3), fail);
  return pixels(rows, header, rowBytes, palette, fail);
}

function headerOf(data: Uint8Array, at: number, fail: (what: string, advice?: string) => never): Header {
  if (data.length !== 13) fail(`its header chunk at byte ${at} has ${data.length} bytes, not 13`);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const header = { width: view.getUint32(0), height: view.getUint32(4), depth: data[8]!, colour: data[9]!, interlaced: data[12] !== 0 };
  if (header.width === 0 || header.height === 0 || header.width * header.height > MAX_PIXELS)
    fail(`its size is ${header.width} × ${header.height}; 1 to ${MAX_PIXELS} pixels are read`);
  if (!DEPTHS[header.colour]?.includes(header.depth))
    fail(`its header says colour type ${header.colour} with ${header.depth} bits, which PNG does not have`);
  return header;
}

/** Undoes the filters of section 9 in place. */
function unfilter(rows: Uint8Array, rowBytes: number, height: number, step: number, fail: (what: string) => never): void {
  for (let y = 0; y < height; y++) {
    const at = y * (rowBytes + 1);
    const filter = rows[at]!;
    if (filter > 4) fail(`row ${y} has filter ${filter}, which PNG does not have`);
    for (let i = 0; i < rowBytes; i++) {
      const here = at + 1 + i;
      const left = i >= step ? rows[here - step]! : 0;
      const up = y > 0 ? rows[here - rowBytes - 1]! : 0;
      const corner = y > 0 && i >= step ? rows[here - rowBytes - 1 - step]! : 0;
      if (filter === 1) rows[here]! += left;
      else if (filter === 2) rows[here]! += up;
      else if (filter === 3) rows[here]! += (left + up) >> 1;
      else if (filter === 4) rows[here]! += paeth(left, up, corner);
    }
  }
}

function paeth(a: number, b: number, c: number): number {
  const p = a + b - c;
  const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
  if (pa <= pb && pa <= pc) return a;
  return pb <= pc ? b : c;
}

function pixels(
  rows: Uint8Array,
  { width, height, depth, colour }: Header,
  rowBytes: number,
  palette: Uint8Array | null,
  fail: (what: string) => never,
): Picture {
  const channels = colour === 0 || colour === 4 ? 1 : 3;
  const samples = SAMPLES[colour]!;
  const data = new Uint8Array(width * height * channels);
  const most = 2 ** Math.min(depth, 8) - 1;
  for (let y = 0; y < height; y++) {
    const at = y * (rowBytes + 1) + 1;
    for (let x = 0; x < width; x++) {
      const to = (y * width + x) * channels;
      for (let c = 0; c < channels; c++) {
        if (palette) {
          const entry = sample(rows, at, x, depth) * 3;
          if (entry + 3 > palette.length) fail(`pixel ${x}, ${y} has colour ${entry / 3}; the palette has ${palette.length / 3}`);
          data[to + c] = palette[entry + c]!;
        } else data[to + c] = Math.round((sample(rows, at, x * samples + c, depth) * 255) / most);
      }
    }
  }
  return { width, height, channels, data };
}

/** The sample at `index` of a row; of 16 bits the upper eight. */
function sample(rows: Uint8Array, at: number, index: number, depth: number): number {
  if (depth === 8) return rows[at + index]!;
  if (depth === 16) return rows[at + index * 2]!;
  const bit = index * depth;
  return (rows[at + (bit >> 3)]! >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
