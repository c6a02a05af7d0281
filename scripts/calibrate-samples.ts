/**
 * Calibrates the shipped samples once, so that the page can compile them before ONNX Runtime has loaded:
 * `node --import tsx scripts/calibrate-samples.ts` writes `public/samples/NAME/calibration.json`; with `--check` it only compares.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Calibration } from '../src/compiler/api.ts';
import { checkAnyBinding } from '../src/hooks/features/fit.ts';
import { parseAnyBinding } from '../src/hooks/features/parse.ts';
import { importModel, inspectModel } from '../src/onnx/import.ts';
import { calibrate } from '../src/reference/calibrate.ts';
import type { Tensors } from '../src/reference/reference.ts';
import { npyTensor, tensorInputs } from '../src/replay/inputs.ts';
import { packetInputsOf } from '../src/replay/packet-inputs.ts';
import { PacketTrace } from '../src/replay/packet-trace.ts';
import { callInputs } from '../src/replay/syscalls.ts';
import { memorySource } from '../src/traces/capture/source.ts';
import { readNpy } from '../src/traces/npy.ts';
import { readCalls } from '../src/traces/syscalls/calls.ts';

const samples = resolve(dirname(fileURLToPath(import.meta.url)), '../public/samples');
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(path));
/** Ranges differ in the last bits between builds of ONNX Runtime. */
const TOLERANCE = 1e-4;

async function calibrateSample(folder: string, modelFile: string, trace: string): Promise<Calibration> {
  const bytes = read(join(folder, modelFile));
  const model = importModel(bytes, { fileName: modelFile, dims: inspectModel(bytes, modelFile).suggested });
  const bindingPath = join(folder, 'binding.json');
  const file = read(join(folder, trace));
  let inputs: readonly Tensors[];
  if (existsSync(bindingPath)) {
    const fit = checkAnyBinding(parseAnyBinding(readFileSync(bindingPath, 'utf8'), bindingPath), model)!;
    if (fit.input.kind === 'syscalls') inputs = callInputs(readCalls(new TextDecoder().decode(file), trace).calls, fit, model);
    else {
      const packets = await PacketTrace.open(memorySource(file, trace));
      const inputsOf = packetInputsOf(fit, model);
      const frames = await packets.first(packets.count);
      inputs = frames.map((frame, at) => inputsOf(frame, packets.timeNs(at))).filter((tensors) => tensors !== null);
    }
  } else inputs = tensorInputs(model, [{ tensor: npyTensor(readNpy(file, trace)), where: trace }]);
  return calibrate(bytes, inputs, { source: 'trace', fileName: modelFile });
}

function differs(a: Calibration, b: Calibration): boolean {
  const names = Object.keys(a.ranges);
  if (a.samples !== b.samples || names.join() !== Object.keys(b.ranges).join()) return true;
  return names.some((name) => {
    const [x, y] = [a.ranges[name], b.ranges[name]];
    const slack = TOLERANCE * Math.max(1, Math.abs(x.min), Math.abs(x.max));
    return Math.abs(x.min - y.min) > slack || Math.abs(x.max - y.max) > slack;
  });
}

let stale = false;
for (const [name, modelFile, trace] of [
  ['payload', 'payload-ids.onnx', 'calibration.pcap'],
  ['motion', 'model.onnx', 'calibration.npy'],
  ['flows', 'flows.onnx', 'calibration.pcap'],
  ['syscalls', 'syscalls.onnx', 'calibration.strace'],
] as const) {
  const folder = join(samples, name);
  const path = join(folder, 'calibration.json');
  const calibration = await calibrateSample(folder, modelFile, trace);
  if (process.argv.includes('--check')) {
    if (!existsSync(path) || differs(calibration, JSON.parse(readFileSync(path, 'utf8')) as Calibration)) {
      console.error(`${name}: calibration.json does not belong to the model; run scripts/calibrate-samples.ts`);
      stale = true;
    }
  } else writeFileSync(path, `${JSON.stringify(calibration)}\n`);
}
process.exit(stale ? 1 : 0);
