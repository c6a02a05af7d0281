import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { compileC, type LinkInput } from '../clang/compile.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import type { Calibration, Compiled, HookCode } from '../compiler/api.ts';
import { compile } from '../compiler/compile.ts';
import { familiesFor } from '../compiler/families.ts';
import { programBtf } from '../object/program-btf.ts';
import { importModel } from '../onnx/import.ts';
import { verify } from '../verifier/verify.ts';
import { Vm } from '../vm/vm.ts';

import { checkBinding } from './fit.ts';
import { modelLibrary } from './linkable.ts';
import { parseBinding } from './parse.ts';
import { tensorHook } from './tensor.ts';
import { capturePackets } from './testing/packets.ts';
import { xdpHook } from './xdp.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const sample = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../public/samples/${name}`, import.meta.url)));
const text = (name: string): string => new TextDecoder().decode(sample(name));
const model = importModel(sample('payload/payload-ids.onnx'), { fileName: 'payload-ids.onnx', dims: { batch: 1 } });
const calibration = JSON.parse(text('payload/calibration.json')) as Calibration;

async function compiled(hook: HookCode): Promise<Compiled> {
  const families = await familiesFor(model);
  return compile({ model, modelFile: 'payload-ids.onnx', calibration, hook, kernel: '6.18', strategy: 'auto', quant: 'w8a16', families });
}

/** What a program is compiled with to call the model, as the command line and the page do. */
function library({ program, meta }: Compiled): { files: Record<string, string>; link: LinkInput[] } {
  const { header, forms } = modelLibrary(program, meta);
  return {
    files: { 'payload-ids.h': header },
    link: forms.map(({ form, symbols, object }) => ({ name: `payload-ids.o (form ${form})`, bytes: object, symbols })),
  };
}

async function linked(source: string, from: Compiled) {
  const made = await compileC(source, library(from));
  expect(made.diagnostics).toEqual([]);
  expect(made.programs).toHaveLength(1);
  const [program] = made.programs;
  expect(verify(program!, { kernel: '6.18', privilege: 'root', logLevel: 0 }).message).toBeNull();
  return program!;
}

describe.skipIf(!kernel)('a model called from C', () => {
  test('the sample gives the verdicts of the model with a binding, in the kernel and in our engine', async () => {
    const document = JSON.parse(text('payload/binding.json')) as { output: { threshold: number } };
    document.output.threshold = 0.9;
    const bound = await compiled(xdpHook(checkBinding(parseBinding(document, 'binding.json'), model)!));
    const program = await linked(text('c/model.c'), await compiled(tensorHook()));
    const [theirs, ours] = await Promise.all([bound.program, program].map((each) => kernel!.load(each, { btf: programBtf(each) })));
    expect([theirs!.message, ours!.message]).toEqual([null, null]);
    const vm = new Vm(program, { engine: 'wasm' });
    const verdicts = [0, 0, 0, 0, 0];
    const differing: string[] = [];
    for (const [at, packet] of capturePackets(sample('payload/heldout.pcap')).entries()) {
      const [a, b] = [(await theirs!.program!.testRun(packet)).returnValue, (await ours!.program!.testRun(packet)).returnValue];
      const c = vm.runXdp(packet).returnValue;
      verdicts[b] = (verdicts[b] ?? 0) + 1;
      if (a !== b || b !== c) differing.push(`packet ${at}: bound ${a}, linked ${b}, engine ${c}`);
    }
    expect(differing).toEqual([]);
    expect(verdicts[1]).toBeGreaterThan(100);
    expect(verdicts[2]).toBeGreaterThan(100);
  }, 120_000);

  test('the form struct takes tokens and gives results and their largest', async () => {
    const program = await linked(
      `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "payload-ids.h"
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, struct payload_ids_io); } io_map SEC(".maps");
SEC("xdp") int hand(struct xdp_md *ctx) {
  __u32 zero = 0;
  struct payload_ids_io *io = bpf_map_lookup_elem(&io_map, &zero);
  if (!io) return 0;
  for (int i = 0; i < 48; i++) io->tokens[i] = 60 + i % 7;
  return 10 + payload_ids_struct(io);
}
char _license[] SEC("license") = "Dual BSD/GPL";`,
      await compiled(tensorHook()),
    );
    const loaded = await kernel!.load(program, { btf: programBtf(program) });
    expect(loaded.message, loaded.log.slice(-2000)).toBeNull();
    const vm = new Vm(program, { engine: 'interp' });
    const { returnValue } = await loaded.program!.testRun(new Uint8Array(64));
    expect(vm.runXdp(new Uint8Array(64)).returnValue).toBe(returnValue);
    const value = await loaded.program!.map('io_map').lookupIndex(0);
    expect(vm.maps.get('io_map').lookup(new Uint8Array(4))).toEqual(value);
    const scores = new Int32Array(value.slice(96, 104).buffer);
    expect(scores.some((score) => score !== 0)).toBe(true);
    expect(returnValue).toBe(10 + scores.indexOf(Math.max(...scores)));
  }, 60_000);

  test('the form ctx is the model with its binding', async () => {
    const bound = await compiled(xdpHook(checkBinding(parseBinding(JSON.parse(text('payload/binding.json')), 'binding.json'), model)!));
    const program = await linked(
      `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "payload-ids.h"
__u64 seen;
SEC("xdp") int hand(struct xdp_md *ctx) {
  __sync_fetch_and_add(&seen, 1);
  return payload_ids_ctx(ctx);
}
char _license[] SEC("license") = "GPL";`,
      bound,
    );
    const [theirs, ours] = await Promise.all([bound.program, program].map((each) => kernel!.load(each, { btf: programBtf(each) })));
    expect([theirs!.message, ours!.message]).toEqual([null, null]);
    for (const packet of capturePackets(sample('payload/heldout.pcap')).slice(0, 100))
      expect((await ours!.program!.testRun(packet)).returnValue).toBe((await theirs!.program!.testRun(packet)).returnValue);
  }, 60_000);
});
