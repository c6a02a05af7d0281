import { describe, expect, it } from 'vitest';
import { InputError } from '../base/errors.ts';
import { pictureFormat, pictureHead } from './picture-head.ts';
import { bmpOf, gifOf, pngOf } from './testing/picture-files.ts';

const SMALL = { width: 5, height: 3, rgb: Uint8Array.from({ length: 45 }, (_, i) => i * 5) };

/** Segments, a scan whose data holds an escaped FF, and an end. */
const jpeg = (width: number, height: number): Uint8Array =>
  Uint8Array.of(
    ...[0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc4, 0, 3, 0],
    ...[0xff, 0xff, 0xc2, 0, 11, 8, height >> 8, height & 255, width >> 8, width & 255, 1, 1, 0x11, 0],
    ...[0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 7, 0xff, 0, 9, 0xff, 0xd9],
  );

function webp(chunk: string, body: number[]): Uint8Array {
  const file = Buffer.alloc(20 + body.length);
  file.write('RIFF');
  file.writeUInt32LE(file.length - 8, 4);
  file.write(`WEBP${chunk}`, 8);
  file.writeUInt32LE(body.length, 16);
  file.set(body, 20);
  return file;
}
const lossless = (width: number, height: number): Uint8Array => {
  const packed = ((width - 1) | ((height - 1) << 14)) >>> 0;
  return webp('VP8L', [0x2f, packed & 255, (packed >> 8) & 255, (packed >> 16) & 255, packed >>> 24]);
};

const FILES: readonly [string, Uint8Array, string][] = [
  ['a JPEG', jpeg(40, 300), 'JPEG 40 × 300'],
  ['a GIF', gifOf(SMALL), 'GIF 5 × 3'],
  ['a BMP', bmpOf(SMALL), 'BMP 5 × 3'],
  ['a lossy WebP', webp('VP8 ', [0, 0, 0, 0x9d, 1, 0x2a, 40, 0xc0, 44, 1]), 'WebP 40 × 300'],
  ['a lossless WebP', lossless(700, 9000), 'WebP 700 × 9000'],
  ['an extended WebP', webp('VP8X', [0, 0, 0, 0, 39, 0, 0, 43, 1, 0]), 'WebP 40 × 300'],
];

describe('heads of pictures', () => {
  it.each(FILES)('%s says its size, and is told to be cut wherever it is', (_, bytes, said) => {
    const head = pictureHead(bytes, 'p');
    expect(`${head!.format} ${head!.width} × ${head!.height}`).toBe(said);
    for (let length = 12; length < bytes.length; length++) {
      const cut = bytes.slice(0, length);
      if (pictureFormat(cut) === null) continue;
      expect(() => pictureHead(cut, 'cut')).toThrow(InputError);
      expect(() => pictureHead(cut, 'cut')).toThrow(/^cut: (the file (is cut off|ends after \d+ bytes)|its header says)/);
    }
  });

  it('rows of a BMP may come from the top', () => {
    const file = Buffer.from(bmpOf(SMALL));
    file.writeInt32LE(-3, 22);
    expect(pictureHead(file)).toEqual({ format: 'BMP', width: 5, height: 3 });
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['a JPEG', jpeg(65_500, 65_500), /65500 × 65500; pictures of 1 to 67108864 pixels/],
    ['a JPEG of no rows', jpeg(4, 0), /4 × 0/],
    ['a WebP', lossless(16_384, 16_384), /16384 × 16384/],
    ['an extended WebP', webp('VP8X', [0, 0, 0, 0, 255, 255, 255, 255, 255, 255]), /16777216 × 16777216/],
    ['a GIF', Uint8Array.from(gifOf(SMALL), (byte, i) => (i >= 6 && i < 10 ? 255 : byte)), /65535 × 65535/],
    ['a BMP', Uint8Array.from(bmpOf(SMALL), (byte, i) => (i === 21 || i === 25 ? 0x7f : byte)), /2130706437 × 2130706435/],
    ['a JPEG without a frame', Uint8Array.of(0xff, 0xd8, 0xff, 0xda, 0, 2, 0xff, 0xd9), /byte 6 without a frame header/],
    ['a JPEG with other bytes', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 2, 7, 7), /byte 6 should begin a segment/],
    ['a GIF without a picture', Uint8Array.of(...Buffer.from('GIF89a'), 5, 0, 3, 0, 0, 0, 0, 0x3b), /holds no picture/],
    ['a WebP of sound', webp('ANIM', [0, 0]), /chunk "ANIM" at byte 12/],
  ])('%s that is none, or of a hostile size, is refused', (_, bytes, what) => {
    expect(() => pictureHead(bytes, 'p')).toThrow(InputError);
    expect(() => pictureHead(bytes, 'p')).toThrow(what);
  });

  it('anything else has none', () => {
    for (const bytes of [pngOf(SMALL), Buffer.from('BMI,weight\n1,2\n3,4\n'), Buffer.from('RIFFxxxxWAVE'), new Uint8Array(0)])
      expect(pictureHead(bytes)).toBe(null);
  });
});
