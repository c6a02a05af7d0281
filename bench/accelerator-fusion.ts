/**
 * Fused and unfused runs of models on the simulated accelerator: are the outputs equal bit by bit, how far are they from ONNX Runtime's, and what does fusing save in commands,
 * traffic and modelled time? `npm run long accelerator-fusion -- [FOLDER…] [--inputs N]`: the samples of the repository and every model below the folders, by default
 * `.cache/architectures/random` (samples/zoo/architectures.py --random) and `.cache/zoo-untrained` (samples/zoo/export.py --untrained).
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Device } from '../src/hooks/accelerator/device.ts';
import { applyFusions, type FusionKind, proposeFusions } from '../src/hooks/accelerator/fusion.ts';
import { ModelOnDevice, type PassValues } from '../src/hooks/accelerator/stream.ts';
import { bytesOf, elementBytes, tensorFrom } from '../src/hooks/accelerator/tensor-bytes.ts';
import { importModel, inspectModel } from '../src/onnx/import.ts';
import type { Model } from '../src/onnx/model.ts';
import { generateInputs } from '../src/reference/generate.ts';
import { createReference } from '../src/reference/reference.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const SAMPLES = [
  ...['payload/payload-ids', 'motion/model', 'stories/stories', 'flows/flows', 'syscalls/syscalls'].map(
    (name) => `public/samples/${name}.onnx`,
  ),
  ...['bert-small', 'encoder-post-relu-cls', 'gpt-small', 'vit-window-small'].map((name) => `samples/zoo/fixtures/${name}/model.onnx`),
];
const FOLDERS = ['.cache/architectures/random', '.cache/zoo-untrained'];

interface Row {
  readonly model: string;
  failure?: string;
  commands?: number;
  /** Commands whose outputs come from the reference, and their operators. */
  recorded?: number;
  recordedOps?: readonly string[];
  /** Largest difference of an output from ONNX Runtime, relative to the output's largest magnitude. */
  maxError?: number;
  fusions?: Partial<Record<FusionKind, number>>;
  fusedCommands?: number;
  /** Elements compared, of all values that both runs put into memory, and how many differ in any bit. */
  compared?: number;
  differing?: number;
  bytes?: number;
  fusedBytes?: number;
  /** Modelled time of one pass without programs, ns. */
  ns?: number;
  fusedNs?: number;
}

function modelsBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? modelsBelow(path) : name.endsWith('.onnx') ? [path] : [];
    });
}

function load(path: string, bytes: Uint8Array): Model {
  const name = basename(path);
  const { suggested } = inspectModel(bytes, name);
  const meta = join(dirname(path), 'meta.json');
  const dims = existsSync(meta)
    ? ((JSON.parse(readFileSync(meta, 'utf8')) as { dims?: Record<string, number> }).dims ?? suggested)
    : suggested;
  try {
    return importModel(bytes, { fileName: name, dims });
  } catch {
    // A table of positions may be shorter than what suits most models.
    return importModel(bytes, {
      fileName: name,
      dims: Object.fromEntries(Object.entries(dims).map(([symbol, size]) => [symbol, Math.min(size, 16)])),
    });
  }
}

/** One pass alone on a device: the bytes of what it wrote, by name, and its modelled time. */
function run(of: ModelOnDevice, device: Device, values: PassValues, request: number, firstSeq: number) {
  const began = device.nowNs;
  const { commands, writes } = of.pass(values, { request, firstSeq });
  for (const { addr, data } of writes) device.memory.write(addr, data);
  device.submit(commands);
  device.run();
  if (device.unfinished > 0) throw new Error('commands were left');
  return {
    ns: device.nowNs - began,
    next: firstSeq + commands.length,
    written: new Map(
      commands.flatMap(({ tensors }) =>
        tensors.filter(({ role }) => role === 'output').map(({ name, addr, bytes }) => [name, device.memory.read(addr, bytes)] as const),
      ),
    ),
  };
}

const moved = (on: ModelOnDevice): number => on.plan.steps.reduce((sum, { bytes }) => sum + bytes, 0);

async function judge(path: string, inputs: number): Promise<Row> {
  const name = path.endsWith('model.onnx') ? basename(dirname(path)) : basename(path, '.onnx');
  const row: Row = { model: name };
  try {
    const bytes = new Uint8Array(readFileSync(path));
    const model = load(path, bytes);
    const reference = await createReference(bytes, { outputs: 'all', fileName: basename(path) });
    const samples: PassValues[] = [];
    for (const sample of generateInputs(model, 1, inputs)) samples.push({ ...sample, ...(await reference.run(sample)) });
    await reference.release();
    const [plainDevice, fusedDevice] = [new Device(), new Device()];
    const plain = ModelOnDevice.load(model, plainDevice.memory, samples[0]!);
    const again = ModelOnDevice.load(model, fusedDevice.memory, samples[0]!);
    const fusions = proposeFusions(again, fusedDevice.parameters);
    const fused = applyFusions(again, fusions);
    const recorded = plain.plan.steps.filter((step) => !plain.isComputed(step));
    let [compared, differing, maxError, seq, fusedSeq] = [0, 0, 0, 0, 0];
    for (const [request, values] of samples.entries()) {
      const one = run(plain, plainDevice, values, request, seq);
      const two = run(fused, fusedDevice, values, request, fusedSeq);
      [seq, fusedSeq] = [one.next, two.next];
      row.ns = one.ns;
      row.fusedNs = two.ns;
      for (const [name, made] of two.written) {
        const { dtype } = model.values.get(name)!;
        const element = elementBytes(dtype, name);
        const apart = one.written.get(name)!;
        for (let i = 0; i < made.length; i += element) {
          compared++;
          if (made.subarray(i, i + element).some((byte, k) => byte !== apart[i + k])) differing++;
        }
      }
      for (const { name: output, dtype, dims } of model.outputs) {
        const made = one.written.get(output);
        // An output that only says differently what another value holds.
        if (!made) continue;
        const ours = Array.from(tensorFrom(dtype, dims, made).data as ArrayLike<number | bigint>, Number);
        const theirs = Array.from(tensorFrom(dtype, dims, bytesOf(values[output]!)).data as ArrayLike<number | bigint>, Number);
        const scale = Math.max(...theirs.map((x) => (Number.isFinite(x) ? Math.abs(x) : 0)), 1e-30);
        ours.forEach((x, i) => {
          const error = x === theirs[i] || (Number.isNaN(x) && Number.isNaN(theirs[i]!)) ? 0 : Math.abs(x - theirs[i]!) / scale;
          if (!(error <= maxError)) maxError = error;
        });
      }
    }
    const kinds: Partial<Record<FusionKind, number>> = {};
    for (const { kind } of fusions) kinds[kind] = (kinds[kind] ?? 0) + 1;
    return {
      ...row,
      commands: plain.plan.steps.length,
      recorded: recorded.length,
      recordedOps: [...new Set(recorded.map(({ nodes: [node] }) => node!.op))],
      maxError,
      fusions: kinds,
      fusedCommands: fused.plan.steps.length,
      compared,
      differing,
      bytes: moved(plain),
      fusedBytes: moved(fused),
    };
  } catch (error) {
    return { ...row, failure: error instanceof Error ? error.message : String(error) };
  }
}

const sum = (
  rows: readonly Row[],
  field: 'commands' | 'fusedCommands' | 'bytes' | 'fusedBytes' | 'ns' | 'fusedNs' | 'compared' | 'differing' | 'recorded',
) => rows.reduce((total, row) => total + (row[field] ?? 0), 0);

export default async function measure(args: string[]): Promise<unknown> {
  const at = args.indexOf('--inputs');
  const inputs = at < 0 ? 2 : Number(args[at + 1]);
  const given = args.filter((arg, i) => !arg.startsWith('--') && (at < 0 || i !== at + 1));
  const folders = given.length > 0 ? given : FOLDERS.map((folder) => join(root, folder));
  const paths = [...SAMPLES.map((path) => join(root, path)), ...folders.flatMap(modelsBelow)];
  const rows: Row[] = [];
  for (const path of paths) {
    const row = await judge(path, inputs);
    console.error(
      `${row.model}: ${row.failure ?? `${row.commands} → ${row.fusedCommands} commands, ${row.differing} of ${row.compared} differ, error ${row.maxError?.toExponential(1)}`}`,
    );
    rows.push(row);
  }
  const done = rows.filter(({ failure }) => failure === undefined);
  const ratio = (after: number, before: number): number => Number((after / before).toFixed(3));
  return {
    models: rows.length,
    ran: done.length,
    failures: rows.filter(({ failure }) => failure !== undefined),
    withAllComputed: done.filter(({ recorded }) => recorded === 0).length,
    elementsCompared: sum(done, 'compared'),
    elementsDiffering: sum(done, 'differing'),
    worstError: Math.max(...done.map(({ maxError }) => maxError!)),
    commands: ratio(sum(done, 'fusedCommands'), sum(done, 'commands')),
    traffic: ratio(sum(done, 'fusedBytes'), sum(done, 'bytes')),
    modelledTime: ratio(sum(done, 'fusedNs'), sum(done, 'ns')),
    rows: done,
  };
}
