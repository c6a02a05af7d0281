/**
 * Language models on older kernels: `npm run long decoder-kernels [6.1,6.12] [FOLDER]`. The sample *stories* and the models of FOLDER (samples/zoo/decoders.py) are compiled for
 * each kernel in every strategy that it takes, as programs of type syscall and XDP; the real one, booted under QEMU, must accept them and write the tokens that our engine writes.
 * Kernels are Debian packages in `.cache/kernels` (bench/kernels.ts fetches them).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MODEL_OPTIONS, parse } from '../src/cli/args.ts';
import { importDecoder } from '../src/cli/decoder.ts';
import type { Kernel } from '../src/companion/kernel.ts';
import { KernelText } from '../src/companion/kernel-text.ts';
import type { Compiled, Quant, Strategy } from '../src/compiler/api.ts';
import { buildDecoder } from '../src/compiler/lm/build.ts';
import { STRATEGIES, whyNot } from '../src/compiler/strategy.ts';
import { parseTextBinding } from '../src/hooks/text/binding.ts';
import { textHook } from '../src/hooks/text/xdp.ts';
import { programBtf } from '../src/object/program-btf.ts';
import type { Model } from '../src/onnx/model.ts';
import { decodeResult, encodeRequest, type GenerateRequest, type TextMachine, VmText } from '../src/replay/generate.ts';
import { PacketText } from '../src/replay/packet-text.ts';
import type { KernelVersion } from '../src/verifier/api.ts';
import { bootOlder } from './older-kernel.ts';

const root = resolve(fileURLToPath(import.meta.url), '../..');
const BINDING = parseTextBinding(
  { hook: 'xdp', input: { kind: 'prompt', port: 7070, length: 8 }, output: { kind: 'tokens', length: 8, reply: 'TX' } },
  'bench',
);
const QUANTS: readonly Quant[] = ['w8a16', 'w8a8', 'w4a16'];

interface Case {
  readonly name: string;
  readonly model: Model;
}

function cases(folder: string | undefined): Case[] {
  const model = (path: string, ...options: string[]): Model => importDecoder(path, parse([path, ...options], MODEL_OPTIONS));
  const made = [{ name: 'stories', model: model(join(root, 'public/samples/stories/stories.onnx'), '--dim', 'sequence=256') }];
  for (const name of folder ? readdirSync(folder).sort() : []) {
    const path = join(folder!, name, 'model.onnx');
    if (!existsSync(path)) continue;
    const { open, length } = JSON.parse(readFileSync(join(folder!, name, 'meta.json'), 'utf8')) as { open: boolean; length: number };
    try {
      made.push({ name, model: model(path, ...(open ? ['--dim', `sequence=${length}`] : [])) });
    } catch (error) {
      console.error(name, (error as Error).message);
    }
  }
  return made;
}

const REQUESTS: readonly GenerateRequest[] = [
  { reset: true, prompt: [1, 2, 3], count: 12, candidates: 1, temperature: 0, seed: 1, stop: null },
  { reset: true, prompt: [5], count: 8, candidates: 5, temperature: 0.9, seed: 3, stop: null },
];

/** What the kernel says of one program, and how many requests it answers with other tokens than our engine. */
async function tried(kernel: Kernel, { program, meta }: Compiled): Promise<object> {
  const loaded = await kernel.load(program, { btf: programBtf(program) });
  if (!loaded.program) return { insns: program.insns.length, message: loaded.message };
  const decoder = meta.decoder!;
  const text = new KernelText(kernel, loaded.program, program);
  const packets = meta.binding !== null;
  const theirs: TextMachine = packets ? await text.inPackets(BINDING, decoder) : text;
  const ours: TextMachine = packets ? PacketText.inVm(program, 'wasm', BINDING, decoder) : new VmText(program, 'wasm');
  let differ = 0;
  for (const request of REQUESTS) {
    const input = encodeRequest(request, decoder);
    const [a, b] = [decodeResult((await theirs.run(input)).output, decoder), decodeResult((await ours.run(input)).output, decoder)];
    if (JSON.stringify(a) !== JSON.stringify(b) || a.tokens.length !== request.count) differ++;
  }
  await loaded.program.closeAll();
  return { insns: program.insns.length, processed: loaded.processed, differ };
}

export default async function measure([versions = '6.1,6.12', folder]: string[]): Promise<unknown> {
  const all = cases(folder);
  const figures: Record<string, object> = {};
  for (const version of versions.split(',') as KernelVersion[]) {
    const { kernel, release, end } = await bootOlder(version);
    const rows: Record<string, object> = {};
    let [accepted, refused, differ] = [0, 0, 0];
    const one = async (name: string, compiled: Compiled): Promise<void> => {
      const row = (await tried(kernel, compiled)) as { message?: string; differ?: number };
      if (row.message === undefined) accepted++;
      else refused++;
      differ += row.differ ?? 0;
      rows[name] = row;
      console.error(version, name, JSON.stringify(row));
    };
    for (const { name, model } of all) {
      const build = (strategy: Strategy, quant: Quant, xdp: boolean): Promise<Compiled> =>
        buildDecoder({
          model,
          modelFile: `${name}.onnx`,
          kernel: version,
          strategy,
          quant,
          texts: null,
          ...(xdp ? { hook: textHook(BINDING) } : {}),
        });
      try {
        for (const { name: strategy } of STRATEGIES) {
          // Walked at every call, loops come to more than a million instructions; the other strategies are there for that.
          if (whyNot(strategy, version) || strategy === 'bounded') continue;
          await one(`${name} w8a16 ${strategy}`, await build(strategy, 'w8a16', false));
        }
        for (const quant of QUANTS) await one(`${name} ${quant} auto xdp`, await build('auto', quant, true));
      } catch (error) {
        console.error(version, name, (error as Error).message);
      }
    }
    figures[release] = { accepted, refused, requestsThatDiffer: differ, rows };
    await end();
  }
  return figures;
}
