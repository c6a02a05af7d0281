import { crc32, deflateSync } from 'node:zlib';

// Pictures that tests make: every sample is known, and headers can say what is not so.

interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits of a sample. */
  readonly depth: number;
  readonly colour: number;
}

/** A chunk with its checksum. */
export function pngChunk(type: string, data: Uint8Array): Uint8Array {
  const body = Buffer.concat([Buffer.from(type), data]);
  const [head, tail] = [Buffer.alloc(4), Buffer.alloc(4)];
  head.writeUInt32BE(data.length);
  tail.writeUInt32BE(crc32(body));
  return Buffer.concat([head, body, tail]);
}

/** A file with this header around compressed rows; `more` are chunks between them. */
export function pngFile({ width, height, depth, colour }: PngHeader, packed: Uint8Array, more: Uint8Array = new Uint8Array(0)): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colour], 8);
  const chunks = [pngChunk('IHDR', header), more, pngChunk('IDAT', packed), pngChunk('IEND', new Uint8Array(0))];
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), ...chunks]);
}

/** Red, green and blue of each pixel, rows from the top. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

export function pngOf({ width, height, rgb }: Pixels): Uint8Array {
  const rows = Array.from({ length: height }, (_, y) => [0, ...rgb.subarray(y * width * 3, (y + 1) * width * 3)]);
  return pngFile({ width, height, depth: 8, colour: 2 }, deflateSync(Uint8Array.from(rows.flat())));
}

const BMP_START = 54;

/** 24 bits a pixel, rows from the bottom, each padded to 4 bytes. */
export function bmpOf({ width, height, rgb }: Pixels): Uint8Array {
  const rowBytes = Math.ceil((width * 3) / 4) * 4;
  const file = Buffer.alloc(BMP_START + rowBytes * height);
  file.write('BM');
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(BMP_START, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(width, 18);
  file.writeInt32LE(height, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(24, 28);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [red, green, blue] = rgb.subarray((y * width + x) * 3);
      file.set([blue!, green!, red!], BMP_START + (height - 1 - y) * rowBytes + x * 3);
    }
  return file;
}

/** At most 128 pixels, each with a colour of its own; codes of 8 bits, cleared before they would grow. */
export function gifOf({ width, height, rgb }: Pixels): Uint8Array {
  const count = width * height;
  if (count > 128) throw new Error('a colour for each pixel needs a larger table');
  const table = new Uint8Array(128 * 3);
  table.set(rgb);
  const [clear, end] = [128, 129];
  // A table of 128 colours begins with codes of 8 bits, which last for 126 of them.
  const codes = Array.from({ length: count }, (_, at) => (at % 100 === 0 ? [clear, at] : [at])).flat();
  const data = [...codes, end];
  const u16 = (value: number): number[] => [value & 255, value >> 8];
  return Uint8Array.from([
    ...Buffer.from('GIF89a'),
    ...u16(width),
    ...u16(height),
    0x80 | 6,
    0,
    0,
    ...table,
    0x2c,
    ...[0, 0, width, height].flatMap(u16),
    0,
    7,
    data.length,
    ...data,
    0,
    0x3b,
  ]);
}
