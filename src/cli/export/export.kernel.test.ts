import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { randomOf } from '../../base/random.ts';
import type { Program } from '../../bpf/program.ts';
import { runningKernel } from '../../companion/kernel-target.ts';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import type { Compiled } from '../../compiler/api.ts';
import { compile } from '../../compiler/compile.ts';
import { randomTrees } from '../../compiler/families/ml/testing/random-trees.ts';
import { familiesFor } from '../../compiler/families.ts';
import { recognise } from '../../compiler/graph/recognise.ts';
import { floatCalibration } from '../../compiler/testing/float-calibration.ts';
import { randomEncoder } from '../../compiler/testing/random-model.ts';
import { type Form, linkable, linkableObject } from '../../hooks/linkable.ts';
import { tensorHook } from '../../hooks/tensor.ts';
import { programBtf } from '../../object/program-btf.ts';
import { readObject } from '../../object/reader.ts';
import { writeObject } from '../../object/writer.ts';
import { importModel } from '../../onnx/import.ts';
import type { Model } from '../../onnx/model.ts';
import { bpftoolScript } from './bpftool.ts';
import { loaderSource } from './libbpf.ts';
import { cSource } from './source.ts';

const kernel = await kernelForTests();
const has = (tool: string): boolean => {
  try {
    execFileSync(tool, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
const CLANG = ['clang-19', 'clang-16', 'clang'].find(has);
const folder = mkdtempSync(join(tmpdir(), 'bpformer-export-'));
afterAll(() => {
  kernel?.close();
  rmSync(folder, { recursive: true, force: true });
});
const KEY = new Uint8Array(4);
const PACKET = new Uint8Array(64);
const EVENTS = 1000;

const options = { hook: tensorHook(), kernel: '6.18', strategy: 'auto', quant: 'w8a16' } as const;

async function compiled(model: Model, samples: readonly ReadonlyMap<string, ArrayLike<number>>[]): Promise<Compiled> {
  const families = await familiesFor(model);
  const calibration = floatCalibration(recognise(model, families), samples);
  return compile({ ...options, model, modelFile: 'model.onnx', calibration, families });
}

async function trees(): Promise<Compiled> {
  const { bytes, inputs } = randomTrees({
    seed: 7,
    trees: 9,
    depth: 5,
    features: 6,
    classes: 4,
    leaves: 'all',
    kind: 'classifier',
    transform: 'SOFTMAX',
    aggregate: 'SUM',
    base: true,
    positive: false,
    modes: 'all',
    scaler: false,
  });
  return compiled(
    importModel(bytes, { fileName: 'trees' }),
    inputs.map((x) => new Map([['X', x]])),
  );
}

async function encoder(vocabulary: number): Promise<Compiled> {
  const model = randomEncoder({
    sequence: 12,
    width: 8,
    heads: 2,
    hidden: 16,
    classes: 3,
    vocabulary,
    activation: 'Gelu',
    mask: 'none',
    pool: 'mean',
    fused: false,
    seed: 3,
  });
  const random = randomOf(5);
  const samples = Array.from(
    { length: 6 },
    () => new Map([['tokens', Array.from({ length: 12 }, () => Math.floor(random() * vocabulary))]]),
  );
  return compiled(model, samples);
}

/** What map input holds in one event. */
function fill({ program, meta }: Compiled, random: () => number): Uint8Array {
  const [slot] = meta.inputs;
  const value = new Uint8Array(program.maps.find(({ name }) => name === 'input')!.valueSize);
  const view = new DataView(value.buffer);
  const count = slot!.dims.reduce((a, b) => a * b, 1);
  for (let i = 0; i < count; i++) {
    if (slot!.elem === 'f32') view.setFloat32(slot!.byteOff + 4 * i, Math.fround((random() * 2 - 1) * 10 ** (random() * 5 - 2)), true);
    else view.setUint16(slot!.byteOff + 2 * i, Math.floor(random() * slot!.vocabulary!), true);
  }
  return value;
}

const built = (source: string, name: string): string => {
  const [from, to] = [join(folder, `${name}.c`), join(folder, `${name}.o`)];
  writeFileSync(from, source);
  const flags = ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-fno-unroll-loops', '-I/usr/include/x86_64-linux-gnu', `-I${folder}`];
  execFileSync(CLANG!, [...flags, '-c', from, '-o', to], { stdio: 'pipe' });
  return to;
};
const programOf = (path: string): Program => readObject(new Uint8Array(readFileSync(path)), path, runningKernel()).programs[0]!;
async function load(program: Program) {
  const loaded = await kernel!.load(program, { btf: programBtf(program) });
  expect(loaded.message, loaded.log.slice(-1500)).toBeNull();
  return loaded.program!;
}

describe.skipIf(!kernel || !CLANG)('a program as C', () => {
  test.each([
    ['trees', trees],
    ['encoder', () => encoder(256)],
  ] as const)(
    '%s: clang compiles it to a program with the same results',
    async (name, make) => {
      const model = await make();
      const [ours, theirs] = [await load(model.program), await load(programOf(built(cSource(model.program, model.meta), name)))];
      const random = randomOf(11);
      for (let i = 0; i < EVENTS; i++) {
        const input = fill(model, random);
        const results: Uint8Array[] = [];
        for (const program of [ours, theirs]) {
          await program.map('input').update(KEY, input);
          expect((await program.testRun(PACKET)).returnValue).toBe(2);
          results.push(await program.map('output').lookupIndex(0));
        }
        expect(results[1]).toEqual(results[0]);
      }
      await Promise.all([ours.close(), theirs.close()]);
    },
    240_000,
  );
});

const HEAD = `#include <linux/bpf.h>
#define SEC(n) __attribute__((section(n), used))
#define __uint(name, val) int (*name)[val]
char _license[] SEC("license") = "GPL";
`;
const CALLERS: Readonly<Record<Form, string>> = {
  ctx: `${HEAD}#include "ctx_lib.h"
SEC("xdp") int hand(struct xdp_md *ctx) { return 10 + model_ctx(ctx); }
`,
  struct: `${HEAD}#include "struct_lib.h"
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(key_size, 4); __uint(value_size, sizeof(struct model_io)); __uint(max_entries, 1); } features SEC(".maps");
static void *(*lookup)(void *, const void *) = (void *)1;
SEC("xdp") int hand(struct xdp_md *ctx) {
  __u32 key = 0;
  struct model_io *io = lookup(&features, &key);
  return io ? 10 + model_struct(io) : 0;
}
`,
  data: `${HEAD}#include "data_lib.h"
SEC("xdp") int hand(struct xdp_md *ctx) {
  void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  return data + 14 > end ? 0 : 10 + model_data(data + 14, end);
}
`,
};

describe.skipIf(!kernel || !CLANG || !has('bpftool'))('a model as a function of a program in C', () => {
  const linked = async (form: Form, model: Compiled) => {
    const made = linkable(model.program, model.meta, form);
    writeFileSync(join(folder, `${form}_lib.o`), linkableObject(made, model.meta));
    writeFileSync(join(folder, `${form}_lib.h`), made.header);
    const out = join(folder, `${form}.linked.o`);
    execFileSync('bpftool', ['gen', 'object', out, built(CALLERS[form], `${form}_hand`), join(folder, `${form}_lib.o`)], { stdio: 'pipe' });
    return load(programOf(out));
  };
  /** Map output of the processor that the program ran on: the others' hold zeros. */
  const outputOf = async (program: Awaited<ReturnType<typeof load>>, bytes: number) => {
    const values = await program.map('output').lookupIndex(0);
    for (let at = 0; at < values.length; at += bytes)
      if (values.subarray(at, at + bytes).some(Boolean)) return values.slice(at, at + bytes);
    return null;
  };
  const expected = async (model: Compiled, input: Uint8Array) => {
    const program = await load(model.program);
    await program.map('input').update(KEY, input);
    await program.testRun(PACKET);
    const output = await program.map('output').lookupIndex(0);
    await program.close();
    return output;
  };

  test('takes the context', async () => {
    const model = await trees();
    const program = await linked('ctx', model);
    const input = fill(model, randomOf(1));
    await program.map('input').update(KEY, input);
    expect((await program.testRun(PACKET)).returnValue).toBe(12);
    expect(await program.map('output').lookupIndex(0)).toEqual(await expected(model, input));
    await program.close();
  });

  test('takes a structure of features and leaves results in it', async () => {
    const model = await trees();
    const program = await linked('struct', model);
    const random = randomOf(2);
    for (let i = 0; i < 20; i++) {
      const input = fill(model, random);
      const output = await expected(model, input);
      const io = new Uint8Array(program.map('features').def.valueSize);
      io.set(input);
      await program.map('features').update(KEY, io);
      const { returnValue } = await program.testRun(PACKET);
      expect((await program.map('features').lookupIndex(0)).subarray(input.length, input.length + output.length)).toEqual(output);
      expect(returnValue).toBe(10 + new DataView(output.buffer, output.byteOffset).getInt32(0, true));
    }
    await program.close();
  });

  test('takes bytes between data and data_end, zeros behind them', async () => {
    const model = await encoder(256);
    const program = await linked('data', model);
    for (const length of [0, 1, 7, 12, 40]) {
      const packet = Uint8Array.from({ length: 14 + length }, (_, i) => (i * 37) % 256);
      const tokens = Uint16Array.from({ length: 12 }, (_, i) => packet[14 + i] ?? 0);
      const input = new Uint8Array(model.program.maps.find(({ name }) => name === 'input')!.valueSize);
      input.set(new Uint8Array(tokens.buffer));
      const output = await expected(model, input);
      // The run before may have been on another processor: what it left there must not be taken for this one's.
      const results = program.map('output');
      await results.update(KEY, new Uint8Array((await results.lookupIndex(0)).length));
      const { returnValue } = await program.testRun(packet);
      expect(await outputOf(program, output.length)).toEqual(output);
      const view = new DataView(output.buffer, output.byteOffset);
      const scores = [0, 1, 2].map((i) => view.getInt32(4 * i, true));
      expect(returnValue).toBe(10 + scores.indexOf(Math.max(...scores)));
    }
    await program.close();
  });

  test('is refused in a form that it does not have', async () => {
    const model = await trees();
    expect(() => linkable(model.program, model.meta, 'data')).toThrow(/byte tokens/);
  });
});

describe.skipIf(!kernel || !has('cc'))('loaders', () => {
  test('in C: built with libbpf, it prints what the program computes', async () => {
    const model = await trees();
    const source = join(folder, 'loader.c');
    writeFileSync(source, loaderSource(model.program, model.meta, writeObject(model.program, { meta: model.meta })));
    execFileSync('cc', ['-O2', '-Wall', '-Werror', '-o', join(folder, 'loader'), source, '-lbpf', '-lm'], { stdio: 'pipe' });
    const input = fill(model, randomOf(4));
    const view = new DataView(input.buffer);
    const numbers = Array.from({ length: 6 }, (_, i) => view.getFloat32(4 * i, true));
    const printed = execFileSync(join(folder, 'loader'), { input: numbers.join(' '), encoding: 'utf8' });
    const program = await load(model.program);
    await program.map('input').update(KEY, input);
    await program.testRun(PACKET);
    const output = await program.map('output').lookupIndex(0);
    await program.close();
    const integers = new DataView(output.buffer, output.byteOffset);
    const scores = model.meta.outputs[1]!;
    const want = [0, 1, 2, 3].map((i) => integers.getInt32(scores.byteOff + 4 * i, true) * scores.scale);
    const got = /scores:(.*)/.exec(printed)![1]!.trim().split(' ').map(Number);
    for (const [i, x] of want.entries()) expect(got[i]).toBeCloseTo(x, 8);
  });

  test('for bpftool: sh takes it, and an unknown verb is refused with what there is', async () => {
    const model = await trees();
    const script = join(folder, 'load.sh');
    writeFileSync(script, bpftoolScript(model.program, model.meta, 'model.o'));
    expect(() => execFileSync('sh', [script], { stdio: 'pipe' })).toThrow(/load \| attach IFACE/);
  });
});
