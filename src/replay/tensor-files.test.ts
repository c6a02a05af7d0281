import { zlibSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { InputError } from '../base/errors.ts';
import { randomOf } from '../base/random.ts';
import type { ValueInfo } from '../onnx/model.ts';
import { readCsv } from '../traces/csv.ts';
import { readPng } from '../traces/png.ts';
import { readSafetensors } from '../traces/safetensors.ts';
import { pngChunk, pngFile } from '../traces/testing/picture-files.ts';
import { tensorInputs } from './inputs.ts';
import { readTensors } from './tensor-files.ts';

const text = (string: string) => new TextEncoder().encode(string);
const input = (name: string, dims: number[], dtype: ValueInfo['dtype'] = 'float32'): ValueInfo => ({ name, dims, dtype });
const inputsOf = (bytes: Uint8Array, where: string, inputs: ValueInfo[], scaling?: { mean: number[]; std: number[] }) =>
  tensorInputs({ inputs }, readTensors(bytes, where, { inputs }, scaling)).map((set) =>
    Object.fromEntries(Object.entries(set).map(([name, { data }]) => [name, Array.from(data as ArrayLike<number | bigint>, Number)])),
  );
const message = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).message;
  }
  throw new Error('nothing was refused');
};

function safetensors(header: object, data: number[]): Uint8Array {
  const json = text(JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}
const floats = (...values: number[]) => [...new Uint8Array(Float32Array.from(values).buffer)];

/** A picture with a filter for each row, from rows of packed samples. */
function png(width: number, rows: number[][], depth: number, colour: number, filters: number[], more?: Uint8Array): Uint8Array {
  const step = Math.max(1, ([1, 0, 3, 1, 2, 0, 4][colour === 0 ? 0 : colour]! * depth) >> 3);
  const filtered = rows.flatMap((row, y) => {
    const up = rows[y - 1] ?? row.map(() => 0);
    const filter = filters[y % filters.length]!;
    return [
      filter,
      ...row.map((value, i) => {
        const [a, b, c] = [row[i - step] ?? 0, up[i]!, (y > 0 ? up[i - step] : 0) ?? 0];
        const p = a + b - c;
        const nearest =
          Math.abs(p - a) <= Math.abs(p - b) && Math.abs(p - a) <= Math.abs(p - c) ? a : Math.abs(p - b) <= Math.abs(p - c) ? b : c;
        return (value - [0, a, b, (a + b) >> 1, nearest][filter]!) & 255;
      }),
    ];
  });
  return pngFile({ width, height: rows.length, depth, colour }, zlibSync(Uint8Array.from(filtered)), more);
}

describe('safetensors', () => {
  const file = safetensors(
    {
      __metadata__: { a: 'b' },
      x: { dtype: 'F32', shape: [2, 2], data_offsets: [0, 16] },
      h: { dtype: 'BF16', shape: [2], data_offsets: [16, 20] },
    },
    [...floats(1, 2, 3, 4), 0x80, 0x3f, 0x00, 0xc0],
  );
  it('are read by name and type', () => {
    const tensors = readSafetensors(file, 'm.safetensors');
    expect([...tensors.keys()]).toEqual(['x', 'h']);
    expect(Array.from(tensors.get('x')!.data as Float32Array)).toEqual([1, 2, 3, 4]);
    expect(Array.from(tensors.get('h')!.data as Float32Array)).toEqual([1, -2]);
  });
  it.each<[string, Uint8Array, RegExp]>([
    ['a cut header', file.subarray(0, 40), /header claims \d+ bytes at byte 8, and 32 are left/],
    ['cut data', file.subarray(0, file.length - 1), /tensor `h` claims the bytes \[16,20\] of 19/],
    ['no JSON', safetensors([], []).map((byte, i) => (i === 8 ? 0x7b : byte)), /is not JSON/],
    ['an unknown type', safetensors({ x: { dtype: 'F8', shape: [1], data_offsets: [0, 1] } }, [0]), /element type "F8"/],
    [
      'too few bytes',
      safetensors({ x: { dtype: 'F32', shape: [2], data_offsets: [0, 4] } }, [0, 0, 0, 0]),
      /has 4 bytes of data, but its shape \[2\] needs 8/,
    ],
  ])('%s is refused with the place', (_, bytes, what) => {
    expect(message(() => readSafetensors(bytes, 'm.safetensors'))).toMatch(what);
  });
});

describe('tables', () => {
  it('are read with and without a header, with any separator, quotes and comments', () => {
    expect(inputsOf(text('\uFEFFa;b\r\n# note\r\n1;2.5\r\n\r\n-3e2;true\r\n'), 't.csv', [input('x', [1, 2])])).toEqual([
      { x: [1, 2.5] },
      { x: [-300, 1] },
    ]);
    expect(inputsOf(text('1\t2\n3\t4'), 't.csv', [input('x', [1, 2])])).toEqual([{ x: [1, 2] }, { x: [3, 4] }]);
    expect(readCsv('"a,1","say ""x"""\n1,2').columns).toEqual(['a,1', 'say "x"']);
  });
  it('go to several inputs by the names of their columns', () => {
    expect(inputsOf(text('a.0,b[0],a.1\n1,2,3\n'), 't.csv', [input('a', [1, 2]), input('b', [1, 1], 'int64')])).toEqual([
      { a: [1, 3], b: [2] },
    ]);
  });
  it.each([
    ['a,b\n1,2\n1,x\n', /t.csv, line 3: column 2 \(b\): "x" is no number/],
    ['a,b\n1,2,3\n', /t.csv, line 2: has 3 cells, but the header has 2/],
    ['-1.5,b\n1,2\n', /t.csv, line 1: mixes numbers and words: column 2, "b", is no number/],
    ['a,b\n', /t.csv, line 1: is a header, and no line of numbers follows/],
    ['a,a\n1,2', /t.csv, line 1: names the column "a" twice/],
    ['a,b\n1,"2\n', /t.csv, line 2: a quoted cell does not end/],
    ['a,b\n1,9007199254740993\n', /line 2: column 2 \(b\): 9007199254740993 is more than 2\^53/],
    ['\n', /the table is empty/],
    ['a,b,c\n1,2,3', /3 columns go to input `x`, which takes 2 numbers/],
  ])('%j is refused with its line', (csv, what) => {
    expect(message(() => inputsOf(text(csv), 't.csv', [input('x', [1, 2])]))).toMatch(what);
  });
});

describe('a tensor of ONNX', () => {
  it('is one input or a batch', () => {
    const proto = Uint8Array.from([0x08, 2, 0x08, 2, 0x10, 1, 0x4a, 16, ...floats(1, 2, 3, 4)]);
    expect(inputsOf(proto, 'x.pb', [input('x', [2, 2])])).toEqual([{ x: [1, 2, 3, 4] }]);
    expect(inputsOf(proto, 'x.pb', [input('x', [1, 2])])).toEqual([{ x: [1, 2] }, { x: [3, 4] }]);
    expect(message(() => inputsOf(proto.subarray(0, 12), 'x.pb', [input('x', [2, 2])]))).toMatch(/x\.pb/);
  });
});

describe('pictures', () => {
  const random = randomOf(4);
  const bytes = (n: number) => Array.from({ length: n }, () => Math.floor(random() * 256));
  it.each([0, 1, 2, 3, 4])('of filter %i decode to what was stored', (filter) => {
    const rows = Array.from({ length: 6 }, () => bytes(5 * 3));
    const picture = readPng(png(5, rows, 8, 2, [filter, 0]));
    expect([...picture.data]).toEqual(rows.flat());
  });
  it('of every colour type', () => {
    const grey16 = readPng(png(2, [[1, 2, 200, 3]], 16, 0, [1]));
    expect([grey16.channels, ...grey16.data]).toEqual([1, 1, 200]);
    const bits = readPng(png(3, [[0b10100000]], 1, 0, [0]));
    expect([...bits.data]).toEqual([255, 0, 255]);
    const palette = readPng(png(2, [[0b0001_0000]], 4, 3, [0], pngChunk('PLTE', Uint8Array.of(1, 2, 3, 4, 5, 6))));
    expect([...palette.data]).toEqual([4, 5, 6, 1, 2, 3]);
    const alpha = readPng(png(1, [[9, 8, 7, 0]], 8, 6, [4]));
    expect([...alpha.data]).toEqual([9, 8, 7]);
  });
  it('become numbers in the layout of the model', () => {
    const picture = png(2, [[0, 51, 255, 102, 153, 204]], 8, 2, [0]);
    expect(inputsOf(picture, 'p.png', [input('x', [1, 3, 1, 2])])[0]!.x!.map((v) => Math.round(v * 5))).toEqual([0, 2, 1, 3, 5, 4]);
    const scaled = inputsOf(picture, 'p.png', [input('x', [1, 1, 2, 3])], { mean: [0, 0.2, 1], std: [0.5, 1, 0.2] })[0]!.x!;
    expect(scaled.map((v) => Math.round(v * 100) / 100)).toEqual([0, 0, 0, 0.8, 0.4, -1]);
    expect(message(() => inputsOf(picture, 'p.png', [input('x', [1, 3, 4, 4])]))).toMatch(
      /the picture is 2 × 1, but input `x` is \[1, 3, 4, 4\]/,
    );
  });
  it('that are damaged are refused with the byte', () => {
    const good = png(
      4,
      Array.from({ length: 4 }, () => bytes(12)),
      8,
      2,
      [4],
    );
    for (let cut = 0; cut < good.length; cut++) expect(message(() => readPng(good.subarray(0, cut), 'p.png'))).toMatch(/p\.png/);
    for (let at = 0; at < good.length; at++) {
      const changed = good.map((byte, i) => (i === at ? byte ^ 0x41 : byte));
      expect(message(() => readPng(changed, 'p.png'))).toMatch(/p\.png/);
    }
  });
});
