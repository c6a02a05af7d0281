import type { VerdictName } from '../binding.ts';
import type { Channel } from './catalogue.ts';

/** How a feature's integer becomes a number of the model's input: (value − mean) × scale, of the value cut to `clip`, of its logarithm where `log2` says so. */
export interface Scaling {
  /** log2(1 + value), in steps of 1/256. */
  readonly log2?: boolean;
  /** Limits of the value, or of its logarithm. */
  readonly clip?: readonly [number, number];
  readonly mean?: number;
  readonly scale?: number;
}
/** A feature by name; `oneHot`: a 1 for each of these values, a 0 for each other. */
export type FeatureSpec = string | ({ readonly name: string } & Scaling) | { readonly name: string; readonly oneHot: readonly number[] };
/** A number of each packet of a sequence. */
export type ChannelSpec = Channel | ({ readonly name: Channel } & Scaling);

export interface FieldsPart {
  readonly kind: 'fields';
  readonly features: readonly FeatureSpec[];
}
export interface FlowPart {
  readonly kind: 'flow';
  readonly features: readonly FeatureSpec[];
}
/** The last `length` packets of the flow, oldest first, zeros before the first: numbers in the order packet, channel. */
export interface SequencePart {
  readonly kind: 'sequence';
  readonly length: number;
  readonly of: readonly ChannelSpec[];
}
/** The last `length` packets as tokens: size >> shift, at most buckets − 1, plus `buckets` for packets back to the flow's first sender; 2 × buckets where there was none. */
export interface TokenSequence {
  readonly kind: 'sequence';
  readonly length: number;
  readonly tokens: { readonly shift: number; readonly buckets: number };
}

/** Where flows are kept and when they end. */
export interface FlowTable {
  /** Flows that there is room for; the least recently used goes first. */
  readonly entries?: number;
  /** A packet after this long without one begins the flow anew. */
  readonly idleSeconds?: number;
  /** So does one that comes this long after the flow's first. */
  readonly activeSeconds?: number;
}

interface Common {
  readonly tensor?: string;
  readonly otherwise?: VerdictName;
}
export type FeatureInput = Common &
  (
    | (FieldsPart & { readonly layer?: 'l3' | 'l4' })
    | (FlowPart & { readonly flows?: FlowTable })
    | (SequencePart & { readonly flows?: FlowTable })
    | (TokenSequence & { readonly flows?: FlowTable })
    | { readonly kind: 'concat'; readonly parts: readonly (FieldsPart | FlowPart | SequencePart)[]; readonly flows?: FlowTable }
  );

export const FEATURE_KINDS = ['fields', 'flow', 'sequence', 'concat'] as const;
export const DEFAULT_FLOWS = { entries: 65_536, idleSeconds: 60 } as const;

/** Whether an input is one of features of packets and flows. */
export const isFeatureInput = (input: { readonly kind: string }): input is FeatureInput =>
  (FEATURE_KINDS as readonly string[]).includes(input.kind);
