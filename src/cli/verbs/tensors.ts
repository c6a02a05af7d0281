import { InputError } from '../../base/errors.ts';
import { createReference, type Reference, type Tensors } from '../../reference/reference.ts';
import { compareRecorded, eventsOfRecording, type Recording } from '../../replay/recorded.ts';
import { readRecording, recordValues, writeRecording } from '../../replay/recording.ts';
import { MODEL_OPTIONS, parse, pictureScaling } from '../args.ts';
import { print, printJson, readInput, writeOutput } from '../io.ts';
import type { ExitStatus, Verb } from '../main.ts';
import { loadModel, readEvents, samplesOf } from '../model.ts';

const EVENTS = 16;
/** Differences below this share of a value's range are those of another build of ONNX Runtime. */
const SAME = 1e-3;

interface Worst {
  readonly name: string;
  maxAbs: number;
  range: number;
  elements: number;
}

/** `tensors MODEL TRACE -o FILE` records what ONNX Runtime computes between the operators; `--against FILE` says how far it is from what was recorded. */
export const tensorsVerb: Verb = async (argv): Promise<ExitStatus> => {
  const args = parse(argv, { ...MODEL_OPTIONS, output: 'string', against: 'string', events: 'string' });
  const [path, trace] = args.positionals;
  if (args.positionals.length !== 2 || !path || !trace) throw new InputError('takes a model and a trace', 'arguments');
  const [output, against] = [args.string('output'), args.string('against')];
  if ((output === undefined) === (against === undefined)) throw new InputError('give either -o FILE or --against FILE', 'arguments');
  const format = output?.endsWith('.safetensors') ? 'safetensors' : 'npz';
  if (output !== undefined && !/\.(npz|safetensors)$/.test(output))
    throw new InputError('recordings are written as .npz or .safetensors', output);
  const loaded = loadModel(path, args);
  const inputs = await samplesOf(await readEvents(trace, loaded, { scaling: pictureScaling(args) }), loaded);
  const { bytes, file, externalData } = loaded;
  const reference = await createReference(bytes, { outputs: 'all', fileName: file, externalData });
  try {
    if (output !== undefined) {
      const events = inputs.slice(0, args.count('events', EVENTS, 1)).map((tensors, index) => ({ index, inputs: tensors }));
      if (events.length === 0) throw new InputError('holds no event that the model sees', trace);
      const recording = await recordValues(reference, events);
      writeOutput(output, writeRecording(recording, format));
      const result = { events: events.length, tensors: [...recording].map(([name, { shape }]) => ({ name, shape })) };
      if (args.flag('json')) printJson(result);
      else print(`${output}: ${result.tensors.length} tensors of ${result.events} events`);
      return 0;
    }
    return await compare(reference, readRecording(readInput(against!), against!), inputs, args.flag('json'));
  } finally {
    await reference.release();
  }
};

async function compare(reference: Reference, recording: Recording, inputs: readonly Tensors[], json: boolean): Promise<ExitStatus> {
  const worst = new Map<string, Worst>();
  const events = eventsOfRecording(recording);
  for (const [at, index] of events.entries()) {
    const tensors = inputs[index];
    if (!tensors)
      throw new InputError(`the recording holds event ${index + 1}, the trace ${inputs.length} events that the model sees`, 'arguments');
    const values = new Map(
      Object.entries({ ...tensors, ...(await reference.run(tensors)) }).flatMap(([name, { data }]) =>
        typeof data[0] === 'string' ? [] : [[name, Float32Array.from(data as ArrayLike<number | bigint>, Number)] as const],
      ),
    );
    for (const { name, maxAbs, range, elements } of compareRecorded(recording, at, values)) {
      const row = worst.get(name) ?? { name, maxAbs: 0, range: 0, elements: 0 };
      worst.set(name, row);
      if (!(maxAbs <= row.maxAbs)) row.maxAbs = maxAbs;
      row.range = Math.max(row.range, range);
      row.elements += elements;
    }
  }
  if (worst.size === 0) throw new InputError('no tensor of the recording has a name and a size that the model has', 'arguments');
  const rows = [...worst.values()];
  const differ = rows.filter(({ maxAbs, range }) => !(maxAbs <= SAME * Math.max(range, 1e-6)));
  if (json) printJson({ events: events.length, differ: differ.length, tensors: rows });
  else {
    print(
      `${rows.length} tensors of ${events.length} events compared, ${differ.length} differ by more than ${SAME * 100} % of their range`,
    );
    for (const { name, maxAbs, range } of differ.slice(0, 20))
      print(`  ${name}: max |Δ| ${maxAbs.toPrecision(3)}, range ${range.toPrecision(3)}`);
  }
  return differ.length === 0 ? 0 : 1;
}
