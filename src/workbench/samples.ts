import type { Binding } from '../hooks/binding.ts';
import type { Sample } from './actions.ts';
import { getBlob } from './blobs.ts';
import { type BlobRef, EMPTY_PROJECT, type ProjectDoc } from './document.ts';

export const SAMPLES: readonly Sample[] = [
  {
    id: 'payload-ids',
    title: 'payload-ids',
    shipped: 'payload/shipped.json',
    about: 'A Transformer in XDP scores TCP and UDP payloads for injection attempts; 2,000 labelled packets',
    desk: 'explore',
    load: async (fetchBlob) => {
      const [model, calibration, binding, trace, labels] = await Promise.all([
        fetchBlob('payload/payload-ids.onnx'),
        fetchBlob('payload/calibration.json'),
        fetchBlob('payload/binding.json'),
        fetchBlob('payload/heldout.pcap'),
        fetchBlob('payload/heldout-labels.json'),
      ]);
      return {
        ...EMPTY_PROJECT,
        name: 'payload-ids',
        source: { kind: 'model', blob: model },
        binding: JSON.parse(new TextDecoder().decode(getBlob(binding))) as Binding,
        calibration: { kind: 'precomputed', blob: calibration },
        trace,
        labels,
        options: { ...EMPTY_PROJECT.options, dims: { batch: 1 } },
      };
    },
  },
  {
    id: 'motion',
    title: 'motion',
    about: 'A Transformer on windows of an accelerometer and a gyroscope; 512 tensors, no packets',
    desk: 'replay',
    load: async (fetchBlob) => {
      const [model, calibration, trace, labels] = await Promise.all([
        fetchBlob('motion/model.onnx'),
        fetchBlob('motion/calibration.npy'),
        fetchBlob('motion/trace.npy'),
        fetchBlob('motion/labels.npy'),
      ]);
      return {
        ...EMPTY_PROJECT,
        name: 'motion',
        source: { kind: 'model', blob: model },
        binding: { hook: 'xdp', input: { kind: 'tensor' }, output: { kind: 'tensor' } },
        calibration: { kind: 'trace', blob: calibration },
        trace,
        labels,
        options: { ...EMPTY_PROJECT.options, dims: { batch: 1 } },
      };
    },
  },
  {
    id: 'flows',
    title: 'flows',
    about:
      'A network over 35 numbers of a packet and its flow, kept in a hash map, finds scans, floods and beacons; 1,314 labelled packets',
    desk: 'replay',
    load: (fetchBlob) => bound(fetchBlob, 'flows', ['flows.onnx', 'heldout.pcap'], {}),
  },
  {
    id: 'syscalls',
    title: 'syscalls',
    about: 'A Transformer at a tracepoint reads the last 32 system calls of each process; a labelled strace of eight kinds of work',
    desk: 'replay',
    load: (fetchBlob) => bound(fetchBlob, 'syscalls', ['syscalls.onnx', 'heldout.strace'], { batch: 1 }),
  },
  {
    id: 'unchecked',
    title: 'unchecked',
    about: 'An XDP firewall for DNS that the verifier refuses: a packet byte at an offset that nothing checks; with edits that mend it',
    desk: 'debug',
    load: async (fetchBlob) => ({
      ...EMPTY_PROJECT,
      name: 'unchecked',
      source: { kind: 'assembly', blob: await fetchBlob('rejected/unchecked.s') },
    }),
  },
  {
    id: 'classifier-c',
    title: 'classifier.c',
    about: 'C, compiled in this tab: an XDP classifier that drops packets with a score above 0.9, in fixed point',
    desk: 'debug',
    load: async (fetchBlob) => ({ ...EMPTY_PROJECT, name: 'classifier', source: { kind: 'c', blob: await fetchBlob('c/classifier.c') } }),
  },
  {
    id: 'model-c',
    title: 'model.c',
    about: 'C that calls a model: the Transformer of payload-ids scores payloads, and C drops those above 0.9; 2,000 packets',
    desk: 'debug',
    load: async (fetchBlob) => {
      const [blob, model, calibration, trace, labels] = await Promise.all([
        fetchBlob('c/model.c'),
        fetchBlob('payload/payload-ids.onnx'),
        fetchBlob('payload/calibration.json'),
        fetchBlob('payload/heldout.pcap'),
        fetchBlob('payload/heldout-labels.json'),
      ]);
      const options = { ...EMPTY_PROJECT.options, dims: { batch: 1 } };
      return {
        ...EMPTY_PROJECT,
        name: 'model.c',
        source: {
          kind: 'c',
          blob,
          links: [{ kind: 'model', blob: model, calibration: { kind: 'precomputed', blob: calibration }, options }],
        },
        trace,
        labels,
      };
    },
  },
  {
    id: 'count-flows',
    title: 'count-flows',
    about: "A kernel's log alone, as bpftool printed it: a program of C that reads beyond a map value",
    desk: 'debug',
    load: async (fetchBlob) => ({
      ...EMPTY_PROJECT,
      name: 'count-flows',
      source: { kind: 'log', blob: await fetchBlob('rejected/count-flows.log') },
    }),
  },
];

/** A model with its binding, its calibration and a labelled trace. */
async function bound(
  fetchBlob: (path: string) => Promise<BlobRef>,
  folder: string,
  [model, trace]: readonly [string, string],
  dims: Readonly<Record<string, number>>,
): Promise<ProjectDoc> {
  const [blob, binding, calibration, events, labels] = await Promise.all(
    [model, 'binding.json', 'calibration.json', trace, 'heldout-labels.json'].map((file) => fetchBlob(`${folder}/${file}`)),
  );
  return {
    ...EMPTY_PROJECT,
    name: folder,
    source: { kind: 'model', blob: blob! },
    binding: JSON.parse(new TextDecoder().decode(getBlob(binding!))) as Binding,
    calibration: { kind: 'precomputed', blob: calibration! },
    trace: events!,
    labels: labels!,
    options: { ...EMPTY_PROJECT.options, dims },
  };
}
