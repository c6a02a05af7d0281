import { InputError } from '../../base/errors.ts';
import { isFeatureInput } from '../../hooks/features/binding.ts';
import { FeatureExtractor } from '../../hooks/features/extract.ts';
import { parseAnyBinding } from '../../hooks/features/parse.ts';
import { columnsOf, planOf } from '../../hooks/features/plan.ts';
import { writeNpy } from '../../traces/npy.ts';
import { parse } from '../args.ts';
import { print, printJson, readText, writeOutput } from '../io.ts';
import type { ExitStatus, Verb } from '../main.ts';
import { readEvents } from '../model.ts';

/** `features BINDING.json CAPTURE -o X.npy [--events E.npy]`: what a model is trained on, number for number what the program will compute. */
export const featuresVerb: Verb = async (argv): Promise<ExitStatus> => {
  const args = parse(argv, { output: 'string', events: 'string', json: 'boolean' });
  const output = args.string('output');
  if (args.positionals.length !== 2) throw new InputError('takes a binding and a capture', 'arguments');
  if (!output) throw new InputError('say where the numbers go with -o X.npy', 'arguments');
  const [path, trace] = args.positionals as [string, string];
  const binding = parseAnyBinding(readText(path), path);
  if (!isFeatureInput(binding.input)) throw new InputError(`its input is of kind "${binding.input.kind}", not of features`, path);
  const plan = planOf(binding.input);
  const extractor = new FeatureExtractor(plan);
  const events = await readEvents(trace, { model: { inputs: [] }, binding });
  if (events.kind !== 'packets') throw new InputError('this is no capture', trace);
  const rows: Float32Array[] = [];
  const seen: number[] = [];
  let index = 0;
  for await (const { packets, times } of events.batches()) {
    for (const [at, packet] of packets.entries()) {
      const numbers = extractor.next(packet, times[at]!)?.numbers;
      if (numbers) {
        rows.push(numbers);
        seen.push(index);
      }
      index++;
    }
  }
  const data = new Float32Array(rows.length * plan.count);
  for (const [i, row] of rows.entries()) data.set(row, i * plan.count);
  writeOutput(output, writeNpy({ dtype: 'f4', shape: [rows.length, plan.count], data }));
  const indices = args.string('events');
  if (indices !== undefined) writeOutput(indices, writeNpy({ dtype: 'i4', shape: [seen.length], data: Int32Array.from(seen) }));
  const result = { events: events.count, rows: rows.length, columns: columnsOf(plan) };
  if (args.flag('json')) printJson(result);
  else print(`${output}: ${result.rows} of ${result.events} packets, ${result.columns.length} numbers each`);
  return 0;
};
