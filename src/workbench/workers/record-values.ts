import { InputError } from '../../base/errors.ts';
import { Cancelled } from '../../base/progress.ts';
import type { Binding } from '../../hooks/binding.ts';
import { createReference, type Tensors } from '../../reference/reference.ts';
import { tensorInputs } from '../../replay/inputs.ts';
import type { Recording, RecordingFormat } from '../../replay/recorded.ts';
import { readRecording, recordValues, writeRecording } from '../../replay/recording.ts';
import type { ModelSpec, TraceSpec } from '../clients.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import { bytesOf } from './blobs.ts';
import { fitted } from './bound.ts';
import { eventInputs } from './events.ts';
import { modelOf } from './models.ts';
import { rest } from './rest.ts';
import { heldTrace } from './traces.ts';

interface RecordArgs {
  readonly model: ModelSpec;
  readonly trace: TraceSpec['trace'];
  readonly binding: Binding;
  /** How many events from number `from` on at which the model runs. */
  readonly from: number;
  readonly most: number;
  readonly format: RecordingFormat;
}

/** Records what ONNX Runtime computes between the operators at some events of the trace, as a file. */
export async function recordReference(
  { model: spec, trace, binding, from, most, format }: RecordArgs,
  context: CallContext,
): Promise<Transferred<{ bytes: Uint8Array; events: number }>> {
  const model = await modelOf(spec.model, spec.dims);
  const held = await heldTrace(trace, context);
  const events: { index: number; inputs: Tensors }[] = [];
  if (held.kind === 'tensors') {
    for (const [at, inputs] of tensorInputs(model, held.arrays)
      .slice(from, from + most)
      .entries())
      events.push({ index: from + at, inputs });
  } else {
    const fit = await fitted(binding, model);
    if (!fit) throw new InputError('a tensor binding takes no packets', 'binding');
    let index = from;
    for await (const some of (await eventInputs(held, fit, model)).from(from)) {
      for (const inputs of some) {
        if (inputs) events.push({ index, inputs });
        index++;
        if (events.length === most) break;
      }
      if (events.length === most) break;
    }
  }
  if (events.length === 0) throw new InputError('no event from here on is one that the model sees', trace.name);
  context.progress('loading ONNX Runtime', 0, 0);
  const reference = await createReference(bytesOf(spec.model), { outputs: 'all', fileName: spec.model.name });
  try {
    const recording = await recordValues(reference, events, async (done) => {
      context.progress('recording', done, events.length);
      await rest();
      if (context.cancelled) throw new Cancelled();
    });
    const bytes = writeRecording(recording, format);
    return new Transferred({ bytes, events: events.length }, [bytes.buffer as ArrayBuffer]);
  } finally {
    await reference.release();
  }
}

/** A recording from its file. */
export const openRecording = ({ bytes, name }: { bytes: Uint8Array; name: string }): Recording => readRecording(bytes, name);
