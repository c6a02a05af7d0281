/**
 * Computes what the first sample shows before the page has computed it: `node --import tsx scripts/ship-samples.ts` writes
 * `public/samples/payload/shipped.json` with the handlers of the page's own workers; with `--check` it only compares.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Calibration } from '../src/compiler/api.ts';
import type { Binding } from '../src/hooks/binding.ts';
import { VERDICT_ORDER } from '../src/hooks/decide.ts';
import { checkBinding } from '../src/hooks/fit.ts';
import { importModel } from '../src/onnx/import.ts';
import { cutOf } from '../src/reference/compare.ts';
import { ReferenceRunner } from '../src/replay/reference-runner.ts';
import { framesOf } from '../src/replay/testing/frames-of.ts';
import type { ProgramSpec } from '../src/workbench/clients.ts';
import { type BlobRef, EMPTY_PROJECT, type ProjectDoc } from '../src/workbench/document.ts';
import { stageKeys } from '../src/workbench/keys.ts';
import type { CallContext } from '../src/workbench/rpc.ts';
import { decodeShipped, encodeShipped, type Shipped } from '../src/workbench/shipped.ts';
import type { ScoreBatch, ScoreColumns } from '../src/workbench/views.ts';
import { Batches, firstOutput } from '../src/workbench/workers/batches.ts';
import { hold } from '../src/workbench/workers/blobs.ts';
import { modelView } from '../src/workbench/workers/models.ts';
import { programView } from '../src/workbench/workers/programs.ts';
import { replay } from '../src/workbench/workers/replays.ts';
import { verifyProgram } from '../src/workbench/workers/verify.ts';

const folder = resolve(dirname(fileURLToPath(import.meta.url)), '../public/samples/payload');
const path = join(folder, 'shipped.json');
/** Scores of the reference differ in the last bits between builds of ONNX Runtime. */
const TOLERANCE = 1e-4;

function blob(name: string): BlobRef {
  const bytes = new Uint8Array(readFileSync(join(folder, name)));
  const hash = createHash('sha256').update(bytes).digest('hex');
  hold({ hash, bytes });
  return { hash, name: basename(name), size: bytes.length };
}

/** Collects batches into columns. */
function collector(total: number): { columns: ScoreColumns; context: CallContext } {
  const columns: ScoreColumns = {
    total,
    done: total,
    score: new Float64Array(total).fill(Number.NaN),
    verdict: new Uint8Array(total),
    outputs: new Float32Array(0),
    outputWidth: 0,
    cut: 0,
  };
  const context: CallContext = {
    progress: () => {},
    cancelled: false,
    emit: (event) => {
      const { start, score, verdict, outputs, outputWidth, cut, engine } = event as ScoreBatch;
      columns.score.set(score, start);
      columns.verdict.set(verdict, start);
      const kept = columns.outputs.length > 0 ? columns.outputs : new Float32Array(total * outputWidth).fill(Number.NaN);
      kept.set(outputs, start * outputWidth);
      Object.assign(columns, { outputs: kept, outputWidth, cut, ...(engine ? { engine } : {}) });
    },
  };
  return { columns, context };
}

async function compute(): Promise<Shipped> {
  const [model, calibration, trace, labels] = ['payload-ids.onnx', 'calibration.json', 'heldout.pcap', 'heldout-labels.json'].map(blob) as [
    BlobRef,
    BlobRef,
    BlobRef,
    BlobRef,
  ];
  const binding = JSON.parse(readFileSync(join(folder, 'binding.json'), 'utf8')) as Binding;
  const doc: ProjectDoc = {
    ...EMPTY_PROJECT,
    source: { kind: 'model', blob: model },
    binding,
    calibration: { kind: 'precomputed', blob: calibration },
    trace,
    labels,
    options: { ...EMPTY_PROJECT.options, dims: { batch: 1 } },
  };
  const keys = stageKeys(doc);
  const modelSpec = { key: keys.model, model, dims: doc.options.dims };
  const read = JSON.parse(readFileSync(join(folder, 'calibration.json'), 'utf8')) as Calibration;
  const program: ProgramSpec = {
    key: keys.program,
    from: { kind: 'model', model: modelSpec, calibration: read, binding },
    options: doc.options,
    fork: null,
  };
  const packets = await framesOf(new Uint8Array(readFileSync(join(folder, 'heldout.pcap'))));
  const ours = collector(packets.length);
  await replay({ program, trace, from: 0, to: packets.length }, ours.context);
  const theirs = collector(packets.length);
  const imported = importModel(new Uint8Array(readFileSync(join(folder, model.name))), { fileName: model.name, dims: doc.options.dims });
  const bytes = new Uint8Array(readFileSync(join(folder, model.name)));
  const runner = await ReferenceRunner.open(bytes, { fileName: model.name }, imported, checkBinding(binding, imported));
  const batches = new Batches(0, theirs.context, cutOf(imported.nodes), packets.length);
  for (const packet of packets) {
    const { score, verdict, outputs } = await runner.runPacket(packet);
    batches.add(score, VERDICT_ORDER.indexOf(verdict === 'TAG' ? 'PASS' : verdict), firstOutput(outputs));
  }
  batches.send();
  const { context } = ours;
  return {
    model: await modelView(modelSpec),
    program: (await programView({ program }, context)).value,
    verified: (await verifyProgram({ program, kernel: doc.options.kernel }, context)).value,
    replay: ours.columns,
    reference: theirs.columns,
  };
}

/** Whether everything is the same but the last bits of the reference and the log, which says how long verification took. */
function same(a: Shipped, b: Shipped): boolean {
  const close = a.reference.score.every((score, at) => !(Math.abs(score - b.reference.score[at]!) > TOLERANCE));
  const { log, logLines } = b.verified;
  return close && encodeShipped({ ...a, verified: { ...a.verified, log, logLines }, reference: b.reference }) === encodeShipped(b);
}

const computed = await compute();
const fresh = existsSync(path) && same(computed, decodeShipped(readFileSync(path, 'utf8')));
if (!process.argv.includes('--check')) writeFileSync(path, encodeShipped(computed));
else if (!fresh) console.error('payload: shipped.json is not what this tree computes; run scripts/ship-samples.ts');
// ONNX Runtime and the channel that lets work rest keep the process alive.
process.exit(process.argv.includes('--check') && !fresh ? 1 : 0);
