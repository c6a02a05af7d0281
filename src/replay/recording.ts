import { InputError } from '../base/errors.ts';
import type { Reference, Tensors } from '../reference/reference.ts';
import { isNpz, readNpz } from '../traces/npz.ts';
import { isSafetensors, readSafetensors } from '../traces/safetensors.ts';
import { writeNpz, writeSafetensors } from '../traces/tensor-write.ts';
import { EVENTS, type Recording, type RecordingFormat } from './recorded.ts';

const MOST_BYTES = 512 * 2 ** 20;
/** Every number of the model at each event, as `reference` (opened with all values among its outputs) computes them; texts are left out. */
export async function recordValues(
  reference: Reference,
  events: readonly { readonly index: number; readonly inputs: Tensors }[],
  each: (done: number) => Promise<void> = async () => {},
): Promise<Recording> {
  const made = new Map<string, { shape: number[]; data: Float32Array }>();
  const indices = Float32Array.from(events, ({ index }) => index);
  for (const [at, { inputs }] of events.entries()) {
    const values = { ...inputs, ...(await reference.run(inputs)) };
    for (const [name, { dims, data }] of Object.entries(values)) {
      if (typeof data[0] === 'string') continue;
      if (at === 0) {
        made.set(name, { shape: [events.length, ...dims], data: new Float32Array(events.length * data.length).fill(Number.NaN) });
        const bytes = [...made.values()].reduce((sum, one) => sum + one.data.byteLength, 0);
        if (bytes > MOST_BYTES)
          throw new InputError(
            `the values of ${events.length} events take more than ${MOST_BYTES / 2 ** 20} MiB`,
            '',
            'Record fewer events',
          );
      }
      const into = made.get(name);
      // Values of another shape at each event have no place in one array.
      if (!into || data.length * events.length !== into.data.length) made.delete(name);
      else into.data.set(Float32Array.from(data as ArrayLike<number | bigint>, Number), at * data.length);
    }
    await each(at + 1);
  }
  return new Map([[EVENTS, { shape: [events.length], data: indices }], ...made]);
}

export function writeRecording(recording: Recording, format: RecordingFormat): Uint8Array {
  if (format === 'safetensors') return writeSafetensors(recording);
  return writeNpz(new Map([...recording].map(([name, { shape, data }]) => [name, { dtype: 'f4', shape: [...shape], data }])));
}

/** A recording from its file. Throws {@link InputError} for a file that is none. */
export function readRecording(bytes: Uint8Array, where: string): Recording {
  const floats = (data: ArrayLike<number | bigint>): Float32Array =>
    data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number>, Number);
  let tensors: Recording;
  if (isNpz(bytes)) tensors = new Map([...readNpz(bytes, where)].map(([name, { shape, data }]) => [name, { shape, data: floats(data) }]));
  else if (isSafetensors(bytes))
    tensors = new Map([...readSafetensors(bytes, where)].map(([name, { dims, data }]) => [name, { shape: dims, data: floats(data) }]));
  else throw new InputError('this is no .npz and no .safetensors file', where, 'Give a file that a recording wrote');
  const count = [...tensors.values()][0]?.shape[0];
  const other = [...tensors].find(([, { shape }]) => shape[0] !== count);
  if (count === undefined || other)
    throw new InputError(`tensor \`${other?.[0] ?? ''}\` does not have the ${count ?? 0} events of the others along its first axis`, where);
  return tensors;
}
