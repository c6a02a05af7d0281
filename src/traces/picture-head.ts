import { InputError } from '../base/errors.ts';
import { MAX_PIXELS } from './png.ts';

// Pictures that browsers decode: only what their headers say, so that a hostile size is refused before memory is taken for it, and a cut file is
// told from a whole one (browsers show what they have of it). JPEG: ITU-T T.81 annex B; GIF: its version 89a; BMP: BITMAPFILEHEADER and
// BITMAPINFOHEADER of Windows; WebP: RFC 9649.

export type PictureFormat = 'JPEG' | 'GIF' | 'BMP' | 'WebP';

export interface PictureHead {
  readonly format: PictureFormat;
  readonly width: number;
  readonly height: number;
}

type Fail = (what: string) => never;

const text = (bytes: Uint8Array, from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to));
/** Lengths of BMP's second header, by version. */
const BMP_HEADERS = new Set([12, 40, 52, 56, 64, 108, 124]);

/** What a picture's first bytes say it is; null for anything else, PNG too. */
export function pictureFormat(bytes: Uint8Array): PictureFormat | null {
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return 'JPEG';
  if (/^GIF8[79]a$/.test(text(bytes, 0, 6))) return 'GIF';
  if (text(bytes, 0, 4) === 'RIFF' && text(bytes, 8, 12) === 'WEBP') return 'WebP';
  const isBmp = text(bytes, 0, 2) === 'BM' && bytes.length >= 18 && BMP_HEADERS.has(viewOf(bytes).getUint32(14, true));
  return isBmp ? 'BMP' : null;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * Format and size in pixels of a picture; null for other files. Throws {@link InputError} with the byte for a file that is cut, that says no size, or
 * whose size no model takes.
 */
export function pictureHead(bytes: Uint8Array, where = ''): PictureHead | null {
  const format = pictureFormat(bytes);
  if (!format) return null;
  const fail: Fail = (what) => {
    throw new InputError(what, where);
  };
  let size: readonly [number, number] = [0, 0];
  try {
    size = READERS[format](bytes, viewOf(bytes), fail);
  } catch (error) {
    // The view was asked for a byte behind the file's end.
    if (error instanceof RangeError) fail(`the file ends after ${bytes.length} bytes, within its ${format} header`);
    throw error;
  }
  const [width, height] = size;
  if (!(width * height >= 1 && width * height <= MAX_PIXELS))
    fail(`its header says ${width} × ${height}; pictures of 1 to ${MAX_PIXELS} pixels are read`);
  return { format, width, height };
}

const READERS: Readonly<Record<PictureFormat, (bytes: Uint8Array, view: DataView, fail: Fail) => readonly [number, number]>> = {
  JPEG: readJpeg,
  GIF: readGif,
  BMP: readBmp,
  WebP: readWebp,
};

/** Segments up to the first scan; the size stands in the frame header among them. */
function readJpeg(bytes: Uint8Array, view: DataView, fail: Fail): readonly [number, number] {
  let size: readonly [number, number] | null = null;
  let at = 2;
  for (;;) {
    if (view.getUint8(at) !== 0xff) fail(`byte ${at} should begin a segment of JPEG`);
    const marker = view.getUint8(at + 1);
    // Fill bytes may stand before a marker.
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === 0xd9) fail(`its end stands at byte ${at}, before any picture`);
    const length = view.getUint16(at + 2);
    if (length < 2) fail(`the segment at byte ${at} claims ${length} bytes`);
    // Frame headers are C0 to CF but for tables (C4, CC) and an extension (C8).
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc)
      size ??= [view.getUint16(at + 7), view.getUint16(at + 5)];
    at += 2 + length;
    if (marker === 0xda) break;
  }
  if (!size) return fail(`its picture begins at byte ${at} without a frame header`);
  // Within a scan FF is followed by 00 or a marker, so the end is where FF D9 stands.
  for (let end = bytes.length - 2; end >= at; end--) if (bytes[end] === 0xff && bytes[end + 1] === 0xd9) return size;
  return fail(`the file is cut off: its picture, which begins at byte ${at}, has no end by byte ${bytes.length}`);
}

/** All blocks up to the trailer. */
function readGif(_bytes: Uint8Array, view: DataView, fail: Fail): readonly [number, number] {
  const tableBytes = (flags: number): number => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  const size = [view.getUint16(6, true), view.getUint16(8, true)] as const;
  let at = 13 + tableBytes(view.getUint8(10));
  let pictures = 0;
  const block = (from: number): number => {
    if (from >= view.byteLength) fail(`the file is cut off: block ${from} should begin at its end, byte ${view.byteLength}`);
    return view.getUint8(from);
  };
  for (;;) {
    const kind = block(at);
    if (kind === 0x3b) break;
    if (kind !== 0x21 && kind !== 0x2c) fail(`byte ${at} begins a block of kind ${kind}, which GIF does not have`);
    if (kind === 0x2c) {
      pictures++;
      // Place, size and flags, a table of colours, the width of the first code.
      at += 10 + tableBytes(block(at + 9)) + 1;
    } else at += 2;
    for (let length = block(at); length > 0; length = block(at)) at += 1 + length;
    at++;
  }
  if (pictures === 0) fail('it holds no picture');
  return size;
}

function readBmp(bytes: Uint8Array, view: DataView, fail: Fail): readonly [number, number] {
  const start = view.getUint32(10, true);
  const old = view.getUint32(14, true) === 12;
  const width = old ? view.getUint16(18, true) : view.getInt32(18, true);
  // Rows from the top have a negative height.
  const height = Math.abs(old ? view.getUint16(20, true) : view.getInt32(22, true));
  const bits = view.getUint16(old ? 24 : 28, true);
  const compression = old ? 0 : view.getUint32(30, true);
  const plain = compression === 0 || compression === 3;
  const length = plain ? Math.ceil((width * bits) / 32) * 4 * height : view.getUint32(34, true);
  // What is too large is said to be that, though the file is too short for it as well.
  if (width > 0 && width * height <= MAX_PIXELS && start + length > bytes.length)
    fail(`the file is cut off: ${width} × ${height} pixels lie from byte ${start} to ${start + length}, and it has ${bytes.length} bytes`);
  return [width, height];
}

function readWebp(bytes: Uint8Array, view: DataView, fail: Fail): readonly [number, number] {
  const end = view.getUint32(4, true) + 8;
  if (end > bytes.length) fail(`the file is cut off: its header claims ${end} bytes, and it has ${bytes.length}`);
  const chunk = text(bytes, 12, 16);
  const u24 = (at: number): number => view.getUint16(at, true) + view.getUint8(at + 2) * 2 ** 16;
  if (chunk === 'VP8 ') return [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
  if (chunk === 'VP8X') return [u24(24) + 1, u24(27) + 1];
  if (chunk !== 'VP8L') return fail(`its chunk ${JSON.stringify(chunk)} at byte 12 is no picture`);
  const packed = view.getUint32(21, true);
  return [(packed & 0x3fff) + 1, ((packed >> 14) & 0x3fff) + 1];
}
