import { InputError } from '../../base/errors.ts';
import type { Tensor } from '../../onnx/model.ts';
import { npyTensor } from '../../replay/inputs.ts';
import { ethernetFrame } from '../../traces/frames.ts';
import { readLabels } from '../../traces/labels.ts';
import { readNpy } from '../../traces/npy.ts';
import { readPcap } from '../../traces/pcap.ts';
import type { TraceSpec } from '../clients.ts';
import type { BlobRef } from '../document.ts';
import type { UserError } from '../errors.ts';
import { Transferred } from '../rpc.ts';
import type { TraceView } from '../views.ts';
import { bytesOf, Recent } from './blobs.ts';

/** A trace as workers hold it: frames as an XDP program gets them, or one array of inputs. */
export type HeldTrace =
  | {
      readonly kind: 'packets';
      readonly frames: readonly Uint8Array[];
      readonly time: Float64Array;
      readonly warning: UserError | null;
    }
  | { readonly kind: 'tensors'; readonly tensor: Tensor; readonly where: string };

const traces = new Recent<HeldTrace>(3);

export const isNpy = (bytes: Uint8Array): boolean => bytes[0] === 0x93 && bytes[1] === 0x4e;

export function heldTrace(ref: BlobRef): HeldTrace {
  return traces.get(ref.hash) ?? traces.set(ref.hash, read(ref));
}

function read(ref: BlobRef): HeldTrace {
  const bytes = bytesOf(ref);
  if (isNpy(bytes)) return { kind: 'tensors', tensor: npyTensor(readNpy(bytes, ref.name)), where: ref.name };
  const { header, packets, damage } = readPcap(bytes, ref.name);
  if (packets.length === 0) throw damage ?? new InputError('the capture holds no packet', ref.name);
  const first = packets[0]!;
  return {
    kind: 'packets',
    frames: packets.map((packet) => ethernetFrame(header.linkType, packet.data)),
    time: Float64Array.from(packets, (packet) => packet.seconds - first.seconds + (packet.nanoseconds - first.nanoseconds) / 1e9),
    warning: damage
      ? {
          what: damage.what,
          where: damage.where,
          advice: [damage.advice, `The ${packets.length} whole packets before it are used`].filter(Boolean).join('. '),
        }
      : null,
  };
}

export function traceView({ key, trace, labels: labelRef }: TraceSpec): Transferred<TraceView> {
  const held = heldTrace(trace);
  const count = countOf(held);
  const labels = labelRef ? readLabels(bytesOf(labelRef), labelRef.name, count) : null;
  if (held.kind === 'tensors') {
    const data = Float32Array.from(held.tensor.data as ArrayLike<number | bigint>, Number);
    const { dtype, dims } = held.tensor;
    return new Transferred({ kind: 'tensors', key, file: trace.name, count, dims: dims.slice(1), dtype, data, warning: null, labels }, [
      data.buffer,
    ]);
  }
  const start = new Uint32Array(count + 1);
  held.frames.forEach((frame, at) => {
    start[at + 1] = start[at]! + frame.length;
  });
  const bytes = new Uint8Array(start[count]!);
  for (const [at, frame] of held.frames.entries()) bytes.set(frame, start[at]);
  return new Transferred({ kind: 'packets', key, file: trace.name, count, bytes, start, time: held.time, warning: held.warning, labels }, [
    bytes.buffer,
    start.buffer,
  ]);
}

/** Throws what is wrong with the labels of a trace. */
export function checkLabels({ trace, labels }: { trace: BlobRef; labels: BlobRef }): void {
  readLabels(bytesOf(labels), labels.name, countOf(heldTrace(trace)));
}

const countOf = (held: HeldTrace): number => (held.kind === 'packets' ? held.frames.length : (held.tensor.dims[0] ?? 0));
