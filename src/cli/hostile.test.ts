import { mkdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { writeNpy } from '../traces/npy.ts';
import { call, inRepo, scratchFolder } from './testing/call.ts';
import { linearWeights, oneOp } from './testing/models.ts';

const scratch = scratchFolder();
afterAll(scratch.remove);

const MODEL = inRepo('samples/zoo/fixtures/bert-small/model.onnx');
const ENCODER = inRepo('samples/zoo/fixtures/encoder-post-relu-cls/model.onnx');
const modelBytes = new Uint8Array(readFileSync(MODEL));
const SAMPLE = inRepo('public/samples/payload');
const sample = (name: string): Uint8Array => new Uint8Array(readFileSync(`${SAMPLE}/${name}`));
const out = scratch.path('out.o');
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** Unusable input: status 2, nothing on standard output, one line that says what and where. */
async function refused(args: string[], message: RegExp): Promise<void> {
  const { status, out: printed, err } = await call(args[0]!, ...args.slice(1));
  expect([status, printed]).toEqual([2, '']);
  expect(err).toMatch(message);
  expect(err.trim()).not.toMatch(/\n|TypeError|RangeError| at .*\.ts:\d/);
}

describe('models', () => {
  it.each<[string, Uint8Array, RegExp]>([
    ['empty.onnx', new Uint8Array(), /empty\.onnx: the file is empty/],
    ['cut.onnx', modelBytes.slice(0, modelBytes.length >> 1), /cut\.onnx: truncated ONNX file/],
    ['less.onnx', modelBytes.slice(0, -1), /less\.onnx: truncated ONNX file/],
    ['picture.onnx', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10), /picture\.onnx: not an ONNX file.*PNG/],
    ['prose.onnx', text('weights, they said\n'.repeat(20)), /prose\.onnx: not an ONNX file.*text/],
    ['zeros.onnx', new Uint8Array(4000), /zeros\.onnx: damaged ONNX file/],
    ['ones.onnx', new Uint8Array(4000).fill(255), /ones\.onnx: damaged ONNX file/],
    ['rnn.onnx', oneOp('RNN', linearWeights()), /`\/rnn` \(RNN\): input 2/],
    ['loop.onnx', oneOp('Loop'), /`\/loop` \(Loop\): loops inside a graph are not supported\. Export the model with the loop unrolled/],
    ['nonzero.onnx', oneOp('NonZero'), /`\/nonzero` \(NonZero\): the shape of its output depends on the data.*Replace it/],
    ['other.onnx', oneOp('Sinkhorn'), /`\/sinkhorn` \(Sinkhorn\): operator `Sinkhorn` is not supported/],
  ])('%s is refused with its reason', async (name, bytes, message) => {
    await refused(['compile', scratch.write(name, bytes), '-o', out], message);
  });

  it('folders and missing files are named', async () => {
    mkdirSync(scratch.path('folder.onnx'));
    await refused(['compile', scratch.path('folder.onnx'), '-o', out], /folder\.onnx: this is a folder/);
    await refused(['compile', scratch.path('missing.onnx'), '-o', out], /missing\.onnx: there is no such file/);
  });

  it.each([
    [[], /the size of dimension `batch` is not fixed\. Pass --dim batch=1/],
    [['--dim', 'batch=1', '--dim', 'rows=2'], /no dimension `rows`: it has `batch`/],
    [['--dim', 'batch=0'], /--dim takes NAME=N, not batch=0/],
    [['--dim', 'batch=many'], /--dim takes NAME=N, not batch=many/],
    [['--dim', 'batch=1', '--dim', 'batch=2'], /--dim gives batch twice/],
    [['--dim', 'batch=1000000000'], /at most 262144 elements.*smaller batch/],
    [['--dim', 'batch=99999999999999999999'], /dimension `batch` cannot be/],
  ])('sizes are checked before anything is made of them (%#)', async (options, message) => {
    const model = scratch.write('dynamic.onnx', oneOp('MatMul', linearWeights(), 'batch'));
    await refused(['compile', model, '-o', out, ...options], message);
  });

  it('spoiled bytes are refused or compile, and never anything else', async () => {
    const linear = oneOp('MatMul', linearWeights());
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(linear.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }), async (changes) => {
        const bytes = linear.slice();
        for (const [at, value] of changes) bytes[at] = value;
        expect([0, 2]).toContain((await call('compile', scratch.write('spoiled.onnx', bytes), '-o', out)).status);
      }),
      { seed: 1, numRuns: 60 },
    );
  });
});

describe('arrays', () => {
  const model = scratch.write('linear.onnx', oneOp('MatMul', linearWeights()));
  const good = writeNpy({ dtype: 'f4', shape: [3, 8], data: new Float32Array(24) });
  const header = (shape: string): Uint8Array => {
    const bytes = good.slice();
    bytes.set(text(`{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117)), 10);
    return bytes;
  };
  const nan = new Float32Array(8).fill(Number.NaN);

  it.each<[string, Uint8Array, RegExp]>([
    ['empty.npy', new Uint8Array(), /empty\.npy: this is no \.npy file/],
    ['cut.npy', good.slice(0, -5), /cut\.npy: shape \(3, 8\) of f4 needs 96 bytes, 91 follow the header/],
    ['header.npy', good.slice(0, 40), /header\.npy: the file ends after 40 bytes, within its header/],
    ['huge.npy', header('(9999999999999, 8)'), /huge\.npy: shape \(9999999999999, 8\).*needs/],
    [
      'wide.npy',
      writeNpy({ dtype: 'f4', shape: [3, 9], data: new Float32Array(27) }),
      /wide\.npy: the array has shape \[3, 9\].*takes \[1, 8\]/,
    ],
    ['flat.npy', writeNpy({ dtype: 'f4', shape: [8], data: new Float32Array(8) }), /flat\.npy: the array has shape \[8\]/],
    ['none.npy', writeNpy({ dtype: 'f4', shape: [0, 8], data: new Float32Array() }), /none\.npy: holds no input/],
    ['nan.npy', writeNpy({ dtype: 'f4', shape: [1, 8], data: nan }), /element 0 is NaN/],
  ])('%s is refused with its reason', async (name, bytes, message) => {
    await refused(['run', model, '--input', scratch.write(name, bytes)], message);
  });

  it('tokens outside the vocabulary are refused', async () => {
    const tokens = (value: bigint): string =>
      scratch.write('tokens.npy', writeNpy({ dtype: 'i8', shape: [1, 16], data: new BigInt64Array(16).fill(value) }));
    await refused(['run', ENCODER, '--input', tokens(60_000n)], /element 0 is 60000; tokens go from 0 to \d+/);
    await refused(['run', ENCODER, '--input', tokens(-1n)], /element 0 is -1; tokens go from 0 to \d+/);
  });
});

describe('captures and bindings', () => {
  const ids = ['replay', `${SAMPLE}/payload-ids.onnx`];
  const options = (binding: string): string[] => ['--dim', 'batch=1', '--binding', binding, '--calibrate'];
  const capture = sample('calibration.pcap');
  const binding = JSON.parse(new TextDecoder().decode(sample('binding.json'))) as { input: object; output: object };

  it.each<[string, Uint8Array, RegExp]>([
    ['cut.pcap', capture.slice(0, -3), /cut\.pcap: packet \d+ is cut/],
    ['head.pcap', capture.slice(0, 20), /head\.pcap: the file ends at byte 20/],
    ['none.pcap', capture.slice(0, 24), /none\.pcap: the capture holds no packet/],
    ['prose.pcap', text('once upon a time there was a packet'), /prose\.pcap: it stops being a capture at byte 0/],
    ['array.pcap', writeNpy({ dtype: 'f4', shape: [1], data: new Float32Array(1) }), /an array of tensors, but the binding takes packets/],
  ])('%s is refused with its reason', async (name, bytes, message) => {
    const path = scratch.write(name, bytes);
    await refused([...ids, path, ...options(`${SAMPLE}/binding.json`), path], message);
  });

  it.each<[string, string, RegExp]>([
    ['cut.json', '{"hook": "xdp", ', /cut\.json: it is not JSON/],
    ['list.json', '[1, 2]', /list\.json: the binding should be an object/],
    ['hook.json', JSON.stringify({ ...binding, hook: 'tc' }), /hook\.json: \/hook should be "xdp"/],
    ['extra.json', JSON.stringify({ ...binding, extra: 1 }), /\/extra is unknown/],
    ['length.json', JSON.stringify({ ...binding, input: { ...binding.input, length: 17 } }), /\/input\/length is 17, but model input/],
    ['tensor.json', JSON.stringify({ ...binding, input: { ...binding.input, tensor: 'nope' } }), /\/input\/tensor is "nope"/],
    ['class.json', JSON.stringify({ ...binding, output: { ...binding.output, class: 9 } }), /\/output\/class is 9/],
    ['pad.json', JSON.stringify({ ...binding, input: { ...binding.input, pad: 5000 } }), /\/input\/pad is 5000/],
  ])('%s is refused with its reason', async (name, document, message) => {
    await refused([...ids, `${SAMPLE}/heldout.pcap`, ...options(scratch.write(name, document)), `${SAMPLE}/calibration.pcap`], message);
  });
});

describe('objects and assembly', () => {
  it.each<[string, Uint8Array, RegExp]>([
    ['empty.o', new Uint8Array(), /empty\.o, byte 0x0: this is no ELF file/],
    ['prose.o', text('an object, you say'.repeat(10)), /prose\.o, byte 0x0: this is no ELF file/],
    ['native.o', new Uint8Array(readFileSync(process.execPath).subarray(0, 4096)), /native\.o, byte/],
    ['empty.s', new Uint8Array(), /empty\.s:1:1: there is no instruction/],
    ['prose.s', text('this is\nno program\n'), /prose\.s:1:1: .*more mistake/],
  ])('%s is refused by every verb that reads it', async (name, bytes, message) => {
    const path = scratch.write(name, bytes);
    await refused(['verify', path, '--json'], message);
    await refused(['disasm', path], message);
    await refused(['run', path, '--packet', scratch.write('packet.bin', new Uint8Array(64))], message);
  });

  it('spoiled objects of ours are refused, rejected or run, and never anything else', async () => {
    const linear = scratch.write('linear.onnx', oneOp('MatMul', linearWeights()));
    expect((await call('compile', linear, '-o', out)).status).toBe(0);
    const object = new Uint8Array(readFileSync(out));
    const packet = scratch.write('packet.bin', new Uint8Array(64));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(object.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }), async (changes) => {
        const bytes = object.slice();
        for (const [at, value] of changes) bytes[at] = value;
        const path = scratch.write('spoiled.o', bytes);
        expect([0, 1, 2]).toContain((await call('verify', path, '--json')).status);
        expect([0, 2]).toContain((await call('run', path, '--packet', packet, '--engine', 'interp')).status);
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('programs of other types run on what their type takes', async () => {
    const tc = scratch.write('tc.s', '.section tc\nr0 = *(u32 *)(r1 +0)\nexit\n');
    expect(await call('run', tc, '--packet', scratch.write('p.bin', new Uint8Array(64)), '--json')).toMatchObject({
      status: 0,
      out: expect.stringContaining(`"returnValue":64`),
    });
    const args = scratch.write('args.s', '.section raw_tp/x\nr0 = *(u64 *)(r1 +8)\nexit\n');
    const context = scratch.write('ctx.bin', Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0));
    expect(await call('run', args, '--packet', context, '--json')).toMatchObject({
      status: 0,
      out: expect.stringContaining(`"returnValue":7,`),
    });
  });
});
