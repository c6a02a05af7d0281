import { readFileSync } from 'node:fs';
import { unzipSync } from 'fflate';
import { type NpyDtype, writeNpy } from '../../src/traces/npy.ts';
import { readNpz } from '../../src/traces/npz.ts';
import { writeNpz, writeSafetensors } from '../../src/traces/tensor-write.ts';
import { bmpOf, gifOf, type Pixels, pngFile, pngOf } from '../../src/traces/testing/picture-files.ts';
import { real } from '../../src/ui/tensors/format.ts';
import { singleNodeModel, tensorProto } from '../models.ts';
import { choose, expect, open, replayed, test } from '../page.ts';

test.use({ start: 'small program' });

/** What the model takes of a picture: 3 channels, 8 rows of 16 pixels. */
const [CHANNELS, HEIGHT, WIDTH] = [3, 8, 16];
const SIZE = CHANNELS * HEIGHT * WIDTH;
const FLOAT = 1;
const STRING = 8;
const COMPLEX = 14;

const file = (name: string, bytes: Uint8Array) => ({ name, mimeType: '', buffer: Buffer.from(bytes) });

/** A picture without two equal pixels; or one of two grey squares, which JPEG keeps as they are. */
const colours = picture((at) => [at, (at * 37 + 11) & 255, 255 - at]);
const greys = picture((at) => (at % WIDTH < WIDTH / 2 ? [40, 40, 40] : [200, 200, 200]));
function picture(colour: (at: number) => readonly number[], width = WIDTH, height = HEIGHT): Pixels {
  return { width, height, rgb: Uint8Array.from(Array.from({ length: width * height }, (_, at) => colour(at)).flat()) };
}
/** Channels first, as the model takes them. */
const planes = ({ rgb }: Pixels): number[] =>
  Array.from({ length: SIZE }, (_, at) => rgb[(at % (WIDTH * HEIGHT)) * CHANNELS + Math.floor(at / (WIDTH * HEIGHT))]!);

/** Two inputs of numbers that every format keeps. */
const rows = Float32Array.from({ length: 2 * SIZE }, (_, at) => ((at * 29) % 512) / 8 - 20);
const shape = [2, CHANNELS, HEIGHT, WIDTH];
const raw = new Uint8Array(rows.buffer);
const array = (dtype: NpyDtype, dims: readonly number[], data: Float32Array) => ({ dtype, shape: dims, data });
const npz = writeNpz(new Map([['x', array('f4', shape, rows)]]));
const safetensors = writeSafetensors(new Map([['x', { shape, data: rows }]]));
const csvLine = (at: number): string => [...rows.subarray(at * SIZE, (at + 1) * SIZE)].join(',');
const csv = Buffer.from(`${csvLine(0)}\n${csvLine(1)}\n`);
const proto = tensorProto(FLOAT, shape, raw);

const but = (bytes: Uint8Array, change: (copy: Buffer) => void): Buffer => {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
};
/** Text in place of other text of the same length. */
const reworded = (bytes: Uint8Array, from: string, to: string): Buffer =>
  but(bytes, (copy) => {
    copy.write(to, copy.indexOf(from), 'latin1');
  });
const half = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, bytes.length / 2);
const other = picture(() => [1, 2, 3], 5, 4);

/** Files that are wrong, and what is said of each: what it is and where. */
const wrong = (jpeg: Buffer, webp: Buffer): readonly (readonly [name: string, bytes: Uint8Array, says: RegExp])[] => {
  const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
  return [
    ['cut.png', half(pngOf(colours)), /cut\.png.*at byte \d+ claims \d+ bytes, and the file ends before/],
    ['none.png', Buffer.from('no picture at all'), /none\.png.*no picture: it begins otherwise/],
    ['other.png', pngOf(other), /other\.png.*5 × 4, but input `x` is \[1, 3, 8, 16\]/],
    ['huge.png', pngFile({ width: 60_000, height: 60_000, depth: 8, colour: 2 }, new Uint8Array(9)), /huge\.png.*60000 × 60000/],
    ['cut.jpg', half(jpeg), /cut\.jpg.*(cut off|ends after \d+ bytes)/],
    ['huge.jpg', but(jpeg, (copy) => copy.fill(0xff, frame + 5, frame + 9)), /huge\.jpg.*65535 × 65535/],
    ['cut.webp', half(webp), /cut\.webp.*cut off: its header claims \d+ bytes, and it has \d+/],
    ['huge.webp', but(webp, (copy) => copy.fill(0xff, 21, 30)), /huge\.webp.*its header says \d+ × \d+; pictures of 1 to/],
    ['cut.gif', half(gifOf(colours)), /cut\.gif.*cut off/],
    ['other.gif', gifOf(other), /other\.gif.*5 × 4, but input `x` is \[1, 3, 8, 16\]/],
    ['huge.gif', but(gifOf(colours), (copy) => copy.fill(0xff, 6, 10)), /huge\.gif.*65535 × 65535/],
    ['cut.bmp', half(bmpOf(colours)), /cut\.bmp.*16 × 8 pixels lie from byte 54 to 438, and it has 219 bytes/],
    ['huge.bmp', but(bmpOf(colours), (copy) => copy.writeInt32LE(0x7fffffff, 18)), /huge\.bmp.*2147483647 × 8/],

    ['cut.csv', csv.subarray(0, csv.length - 9), /cut\.csv, line 2: .*(has 38\d cells, but line 1 has 384|is no number)/],
    ['words.csv', reworded(csv, '-16.375', 'sixteen'), /words\.csv, line 1: mixes numbers and words: column 2, "sixteen", is no number/],
    ['narrow.csv', Buffer.from('1,2,3\n4,5,6\n'), /narrow\.csv.*3 columns go to input `x`, which takes 384 numbers/],
    ['huge.csv', Buffer.from('0,'.repeat(70_000)), /huge\.csv, line 1: has 70001 columns; at most 65536/],

    ['cut.pb', proto.subarray(0, proto.length - 5), /cut\.pb.*byte \d+/],
    ['complex.pb', tensorProto(COMPLEX, shape, raw), /complex\.pb.*complex64/],
    ['text.pb', tensorProto(STRING, shape, raw), /text\.pb.*texts/],
    ['shape.pb', tensorProto(FLOAT, [2, 3, 8, 17], raw), /shape\.pb.*3072 bytes of data, but its shape \[2, 3, 8, 17\] needs 3264/],
    ['turned.pb', tensorProto(FLOAT, [2, 3, 16, 8], raw), /turned\.pb.*\[2, 3, 16, 8\], the model's input `x` takes \[1, 3, 8, 16\]/],
    ['huge.pb', tensorProto(FLOAT, [0x7fffffff, 0x7fffffff], raw), /huge\.pb.*impossible tensor shape/],

    ['cut.safetensors', half(safetensors), /cut\.safetensors.*tensor `x` claims the bytes \[0,3072\] of \d+/],
    ['type.safetensors', reworded(safetensors, '"F32"', '"F8_"'), /type\.safetensors.*element type "F8_"/],
    ['shape.safetensors', reworded(safetensors, '[2,3,8,16]', '[2,3,8,17]'), /shape\.safetensors.*`x`.*needs 3264/],
    [
      'turned.safetensors',
      reworded(safetensors, '[2,3,8,16]', '[2,3,16,8]'),
      /turned\.safetensors.*\[2, 3, 16, 8\], the model's input `x` takes \[1, 3, 8, 16\]/,
    ],
    ['huge.safetensors', but(safetensors, (copy) => copy.writeUInt32LE(90_000_000)), /huge\.safetensors.*claims 90000000 bytes at byte 8/],

    ['cut.npz', half(npz), /cut\.npz.*no directory: it is cut off/],
    ['damaged.npz', but(npz, (copy) => copy.fill(0, 900, 904)), /damaged\.npz.*`x\.npy`.*its checksum differs/],
    ['other.npz', writeNpz(new Map([['z', array('f4', shape, rows)]])), /other\.npz|input `x`/],
    ['turned.npz', writeNpz(new Map([['x', array('f4', [2, 3, 16, 8], rows)]])), /turned\.npz.*\[2, 3, 16, 8\]/],
    ['complex.npy', reworded(writeNpy(array('f4', shape, rows)), '<f4', '<c8'), /complex\.npy.*"<c8" cannot be read/],
    [
      'huge.npy',
      reworded(writeNpy(array('f4', shape, rows)), '(2, 3, 8, 16), }', '(2, 3, 8, 9999)}'),
      /huge\.npy.*needs 1919808 bytes, 3072/,
    ],
  ];
};

test('every format of tensors and pictures arrives with the numbers that its file holds, and wrong ones are told with what and where', async ({
  site,
}) => {
  await open(site, file('relu.onnx', singleNodeModel('Relu', 'relu', [1, CHANNELS, HEIGHT, WIDTH])));
  await expect(site.getByRole('button', { name: 'Project relu' })).toBeVisible();
  await site.getByRole('radio', { name: 'Replay' }).click();
  const trace = site.locator('[data-panel=trace]');
  const element = trace.getByTestId('heat').getByRole('option');

  /** The trace of the project, as its exported file holds it: shape and numbers. */
  const arrived = async () => {
    const saving = site.waitForEvent('download');
    await choose(site, /^Export as a file/);
    const parts = unzipSync(readFileSync(await (await saving).path()));
    const { doc } = JSON.parse(Buffer.from(parts['project.json']!).toString()) as { doc: { trace: { name: string; hash: string } } };
    const { name, hash } = doc.trace;
    const [x] = [...readNpz(parts[`blobs/${hash}`]!).values()];
    return { name, shape: x!.shape, data: Array.from(x!.data, Number) };
  };
  const holds = async (name: string, count: number, numbers: ArrayLike<number>) => {
    await expect(site.getByTestId('replayed').locator('..')).toContainText(name);
    await replayed(site, count);
    expect(await arrived()).toEqual({
      name: expect.stringContaining(name),
      shape: [count, CHANNELS, HEIGHT, WIDTH],
      data: Array.from(numbers),
    });
    // What is shown of it.
    await trace.getByTestId('heat').focus();
    await site.keyboard.press('Home');
    await site.keyboard.press('ArrowRight');
    await expect(element).toHaveText(`element 0, 0, 1: ${real(numbers[1]!)}`);
  };

  for (const [name, bytes] of [
    ['two.npz', npz],
    ['two.safetensors', safetensors],
    ['two.csv', csv],
    ['two.pb', proto],
  ] as const)
    await test.step(name, async () => {
      await open(site, file(name, bytes));
      await holds(name, 2, rows);
    });

  // Pictures of two formats that the browser writes; quality 1 of WebP loses nothing.
  const written = async (type: string, { rgb }: Pixels): Promise<Buffer> =>
    Buffer.from(
      await site.evaluate(
        async ([mime, samples, width, height]) => {
          const canvas = new OffscreenCanvas(width, height);
          const pixels = new ImageData(width, height);
          for (let at = 0; at < width * height; at++) pixels.data.set([...samples.slice(at * 3, at * 3 + 3), 255], at * 4);
          canvas.getContext('2d')!.putImageData(pixels, 0, 0);
          return [...new Uint8Array(await (await canvas.convertToBlob({ type: mime, quality: 1 })).arrayBuffer())];
        },
        [type, [...rgb], WIDTH, HEIGHT] as const,
      ),
    );
  const jpeg = await written('image/jpeg', greys);
  const webp = await written('image/webp', colours);

  // Samples as they are, and no stretching: a picture of another size is wrong.
  await open(site, file('first.png', pngOf(colours)));
  await site.getByRole('tab', { name: 'Tensor files' }).click();
  const files = site.locator('[data-panel=tensor-files]');
  await files.getByLabel('deviation').fill(String(1 / 255));
  await files.getByLabel('stretch').uncheck();
  await files.getByRole('button', { name: 'Apply' }).click();
  await expect(files.getByTestId('pictures-made')).toContainText('numbers from 0 to 255');
  for (const [name, bytes, pixels] of [
    ['one.png', pngOf(colours), colours],
    ['one.jpg', jpeg, greys],
    ['one.webp', webp, colours],
    ['one.gif', gifOf(colours), colours],
    ['one.bmp', bmpOf(colours), colours],
  ] as const)
    await test.step(name, async () => {
      await open(site, file(name, bytes));
      await holds(name, 1, planes(pixels));
    });

  const notices = site.getByTestId('notices');
  for (const [name, bytes, says] of wrong(jpeg, webp))
    await test.step(name, async () => {
      await open(site, file(name, bytes));
      await expect(notices.getByTestId('error-note')).toHaveCount(1);
      await expect(notices).toContainText(says);
      await expect(notices).not.toContainText(/unexpectedly|TypeError|RangeError|undefined|NaN/);
      await notices.getByRole('button', { name: 'Dismiss this message' }).click();
      await expect(notices).toHaveCount(0);
    });
  // Nothing is lost by them.
  await holds('one.bmp', 1, planes(colours));
});
