import type { ThresholdOutput } from '../binding.ts';
import type { FeatureInput } from '../features/binding.ts';
import { FIELDS, FLOW_FEATURES } from '../features/catalogue.ts';
import { planOf } from '../features/plan.ts';
import type { FittedBinding } from '../fit.ts';

const output: ThresholdOutput = { kind: 'threshold', class: 1, threshold: 0.5, above: 'DROP', below: 'PASS' };

/** One binding of each kind, and what they can be told. */
export const FEATURE_BINDINGS: Readonly<Record<string, FeatureInput>> = {
  'every field': { kind: 'fields', features: FIELDS.map(({ name }) => name) },
  'fields of IP': {
    kind: 'fields',
    layer: 'l3',
    features: ['ip.ttl', 'ip.proto', 'ip.fragment', { name: 'ip.version', oneHot: [4, 6] }, 'ip.options', 'l4.dstport'],
  },
  'scaled fields': {
    kind: 'fields',
    features: [
      { name: 'frame.len', log2: true, mean: 8, scale: 0.25 },
      { name: 'ip.ttl', clip: [32, 128], mean: 64, scale: 1 / 64 },
      { name: 'ip.proto', oneHot: [6, 17] },
      { name: 'payload.printable', scale: 1 / 64 },
      { name: 'tcp.window', log2: true, clip: [4.5, 16] },
    ],
  },
  'every statistic': { kind: 'flow', features: FLOW_FEATURES.map(({ name }) => name), flows: { entries: 4096, idleSeconds: 20 } },
  'scaled statistics': {
    kind: 'flow',
    features: FLOW_FEATURES.map(({ name }) => ({ name, log2: true, scale: 0.125, clip: [0, 40] as const })),
    flows: { entries: 4096, idleSeconds: 5, activeSeconds: 30 },
  },
  sequence: {
    kind: 'sequence',
    length: 10,
    of: ['size', 'direction', { name: 'signed_size', log2: true }, { name: 'iat', log2: true, mean: 16, scale: 0.1 }],
    flows: { entries: 4096 },
  },
  'sequence as tokens': { kind: 'sequence', length: 16, tokens: { shift: 6, buckets: 20 }, flows: { entries: 4096 } },
  'all together': {
    kind: 'concat',
    parts: [
      { kind: 'fields', features: ['tcp.flags', 'tcp.mss', { name: 'ip.proto', oneHot: [6, 17] }] },
      { kind: 'flow', features: ['flow.gap', 'flow.iat.mean.fwd', 'flow.packets.bwd'] },
      { kind: 'sequence', length: 5, of: ['signed_size', 'iat'] },
      { kind: 'sequence', length: 24, of: ['direction'] },
    ],
    flows: { entries: 4096 },
  },
};

/** The binding as if a model had been found for it, of two classes. */
export function fittedFeatures(input: FeatureInput): FittedBinding & { readonly count: number } {
  const binding = { hook: 'xdp' as const, input, output };
  return { binding, input, output, inputName: 'tokens', outputName: 'logits', classes: 2, meaning: 'logits', count: planOf(input).count };
}
