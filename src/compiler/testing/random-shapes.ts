import fc from 'fast-check';
import type { KernelVersion } from '../../verifier/api.ts';
import type { FixedStrategy, Precision } from '../api.ts';
import type { CnnShape, Layer } from './random-cnn.ts';
import type { DecoderShape } from './random-decoder.ts';
import type { GraphShape } from './random-graph.ts';
import type { EncoderShape } from './random-model.ts';

/** What a model is compiled for. */
export interface RandomTarget {
  readonly kernel: KernelVersion;
  readonly strategy: FixedStrategy;
  readonly quant: Precision;
  readonly specialise: boolean;
  /** Blocks of weights that are zero: their share, and elements of a side. */
  readonly zeros: { readonly share: number; readonly block: number } | null;
}

export const targets: fc.Arbitrary<RandomTarget> = fc.record({
  kernel: fc.constantFrom('6.18' as const, '6.1' as const),
  // Loops that are walked at every call may come to more than a million instructions.
  strategy: fc.constantFrom('global' as const, 'may_goto' as const, 'bpf_loop' as const, 'unrolled' as const),
  quant: fc.constantFrom<Precision>('w8a16', 'w8a16', 'w16a16', 'w8a8', 'w4a16', 'w2a16', 'w2a8', 'w1a16', 'w1a8'),
  specialise: fc.constantFrom(false, false, true),
  zeros: fc.option(fc.record({ share: fc.constant(0.3), block: fc.constantFrom(1, 2, 4) }), { freq: 1 }),
});

/** Positions: a few, and now and then so many that sums over them are loops. */
const positions = (few: number): fc.Arbitrary<number> =>
  fc.oneof({ weight: 11, arbitrary: fc.integer({ min: 2, max: few }) }, { weight: 1, arbitrary: fc.integer({ min: 120, max: 260 }) });

interface EncoderLimits {
  readonly sequence: fc.Arbitrary<number>;
  /** The largest of each. */
  readonly perHead: number;
  readonly hidden: number;
  readonly classes: number;
  readonly vocabulary: number;
}

const upTo = (max: number, min = 1): fc.Arbitrary<number> => fc.integer({ min, max });

/** Encoders up to a size. */
export const encodersUpTo = (most: EncoderLimits): fc.Arbitrary<EncoderShape> =>
  fc
    .record({
      sequence: most.sequence,
      heads: fc.integer({ min: 1, max: 4 }),
      perHead: upTo(most.perHead),
      hidden: upTo(most.hidden),
      classes: upTo(most.classes, 2),
      vocabulary: upTo(most.vocabulary, 2),
      activation: fc.constantFrom('Relu' as const, 'Gelu' as const, 'Tanh' as const),
      mask: fc.constantFrom('none' as const, 'causal' as const, 'tokens' as const),
      pool: fc.constantFrom('mean' as const, 'max' as const, 'first' as const),
      fused: fc.boolean(),
      seed: fc.integer({ min: 1, max: 1e6 }),
    })
    .map((s) => ({ ...s, width: Math.max(2, s.heads * s.perHead), heads: s.heads * s.perHead < 2 ? 1 : s.heads }));

export const encoders = encodersUpTo({ sequence: positions(21), perHead: 9, hidden: 70, classes: 6, vocabulary: 40 });

interface DecoderLimits extends Omit<EncoderLimits, 'perHead'> {
  readonly sharers: number;
  readonly half: number;
}

/** Decoders up to a size. */
export const decodersUpTo = (most: DecoderLimits): fc.Arbitrary<DecoderShape> =>
  fc
    .record({
      sequence: most.sequence,
      kvHeads: fc.integer({ min: 1, max: 3 }),
      sharers: upTo(most.sharers),
      half: upTo(most.half),
      hidden: upTo(most.hidden),
      classes: upTo(most.classes, 2),
      vocabulary: upTo(most.vocabulary, 2),
      norm: fc.constantFrom('rms' as const, 'layer' as const, 'none' as const),
      positions: fc.constantFrom('halves' as const, 'pairs' as const, 'alibi' as const, 'learned' as const, 'counted' as const),
      gate: fc.constantFrom('Sigmoid' as const, 'Gelu' as const, 'none' as const),
      mask: fc.constantFrom('causal' as const, 'tokens' as const, 'both' as const, 'none' as const),
      source: fc.constantFrom(0, 0, 3, 8),
      head: fc.constantFrom('last' as const, 'all' as const, 'mean over tokens' as const),
      seed: fc.integer({ min: 1, max: 1e6 }),
    })
    .map(({ sharers, half, ...s }) => ({ ...s, heads: s.kvHeads * sharers, size: 2 * half }));

export const decoders = decodersUpTo({ sequence: positions(17), sharers: 3, half: 4, hidden: 50, classes: 9, vocabulary: 40 });

const layer: fc.Arbitrary<Layer> = fc.record({
  kind: fc.constantFrom('conv' as const, 'depthwise' as const, 'grouped' as const, 'max' as const, 'average' as const, 'residual' as const),
  kernel: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
  stride: fc.integer({ min: 1, max: 2 }),
  dilation: fc.integer({ min: 1, max: 2 }),
  padded: fc.boolean(),
  channels: fc.integer({ min: 1, max: 9 }),
  norm: fc.boolean(),
  after: fc.constantFrom('Relu' as const, 'Clip' as const, 'Tanh' as const, 'none' as const),
});
export const cnns: fc.Arbitrary<CnnShape> = fc.record({
  size: fc.tuple(fc.integer({ min: 1, max: 11 }), fc.integer({ min: 2, max: 11 })),
  channels: fc.integer({ min: 1, max: 6 }),
  layers: fc.array(layer, { minLength: 1, maxLength: 5 }),
  head: fc.constantFrom('flatten' as const, 'pool' as const),
  seed: fc.integer({ min: 1, max: 1e6 }),
});

/** Operators in any order. */
export const graphs: fc.Arbitrary<GraphShape> = fc.record({
  dims: fc.oneof(
    fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
    fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 20 })),
  ),
  length: fc.integer({ min: 1, max: 14 }),
  seed: fc.integer({ min: 1, max: 1e9 }),
});
