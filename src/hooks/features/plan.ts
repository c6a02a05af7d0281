import {
  type ChannelSpec,
  DEFAULT_FLOWS,
  type FeatureInput,
  type FeatureSpec,
  type FieldsPart,
  type FlowPart,
  type Scaling,
} from './binding.ts';
import { type Channel, type Feature, type FeatureSource, FIELD_NAMES, FLOW_NAMES } from './catalogue.ts';
import { MAX_IAT, MAX_SIZE } from './words.ts';

/** Steps of a logarithm in 1. */
export const LOG2_UNIT = 256;

/** From a feature's integer to the value that the program keeps, and on to the model's number: (value / unit − mean) × scale. */
export interface Transform {
  readonly log2: boolean;
  /** Values in 1. */
  readonly unit: number;
  /** Limits of the value. */
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly scale: number;
}

/** Elements of the input, from `at` on. */
export type Entry =
  | { readonly kind: 'value'; readonly at: number; readonly name: string; readonly source: FeatureSource; readonly transform: Transform }
  | { readonly kind: 'equals'; readonly at: number; readonly name: string; readonly source: FeatureSource; readonly value: number }
  | {
      readonly kind: 'channels';
      readonly at: number;
      readonly length: number;
      readonly channels: readonly { readonly channel: Channel; readonly transform: Transform }[];
    };

export interface FlowLimits {
  readonly entries: number;
  readonly idleNs: number;
  /** Null: a flow may last. */
  readonly activeNs: number | null;
}

/** What program and reference do for a binding of features. */
export interface FeaturePlan {
  readonly layer: 'l3' | 'l4';
  readonly entries: readonly Entry[];
  /** Numbers of the input. */
  readonly count: number;
  /** Null: nothing is kept between packets. */
  readonly flows: FlowLimits | null;
  /** Packets that a flow keeps. */
  readonly sequence: number;
  /** The input is tokens instead of numbers: the entries are empty. */
  readonly tokens: { readonly shift: number; readonly buckets: number } | null;
  readonly needs: { readonly options: boolean; readonly counts: boolean };
}

const NS = 1e9;

export function planOf(input: FeatureInput): FeaturePlan {
  const parts = input.kind === 'concat' ? input.parts : [input];
  const entries: Entry[] = [];
  let count = 0;
  let sequence = 0;
  let tokens: FeaturePlan['tokens'] = null;
  const needs = { options: false, counts: false };
  for (const part of parts) {
    if (part.kind === 'sequence') {
      sequence = Math.max(sequence, part.length);
      if ('tokens' in part) {
        tokens = part.tokens;
        count += part.length;
        continue;
      }
      const channels = part.of.map(channelOf);
      entries.push({ kind: 'channels', at: count, length: part.length, channels });
      count += part.length * channels.length;
      continue;
    }
    for (const { feature, elements } of featuresOf(part)) {
      if (feature.needs) needs[feature.needs] = true;
      for (const element of elements) entries.push({ ...element, at: count++ });
    }
  }
  const keeps = parts.some(({ kind }) => kind !== 'fields');
  const table = 'flows' in input ? input.flows : undefined;
  const flows: FlowLimits = {
    entries: table?.entries ?? DEFAULT_FLOWS.entries,
    idleNs: Math.round((table?.idleSeconds ?? DEFAULT_FLOWS.idleSeconds) * NS),
    activeNs: table?.activeSeconds === undefined ? null : Math.round(table.activeSeconds * NS),
  };
  const layer = 'layer' in input ? (input.layer ?? 'l4') : 'l4';
  return { layer, entries, count, flows: keeps ? flows : null, sequence, tokens, needs };
}

type Placed =
  | { kind: 'value'; name: string; source: FeatureSource; transform: Transform }
  | { kind: 'equals'; name: string; source: FeatureSource; value: number };

function featuresOf(part: FieldsPart | FlowPart): { feature: Feature; elements: Placed[] }[] {
  const names = part.kind === 'fields' ? FIELD_NAMES : FLOW_NAMES;
  return part.features.map((spec: FeatureSpec) => {
    const name = typeof spec === 'string' ? spec : spec.name;
    const feature = names.get(name)!;
    const { word, bit, per, max } = feature;
    const source: FeatureSource = { word, bit, per };
    if (typeof spec !== 'string' && 'oneHot' in spec)
      return { feature, elements: spec.oneHot.map((value) => ({ kind: 'equals' as const, name: `${name}=${value}`, source, value })) };
    const transform = transformOf(typeof spec === 'string' ? {} : spec, 0, max);
    return { feature, elements: [{ kind: 'value' as const, name, source, transform }] };
  });
}

const CHANNEL_MAX: Readonly<Record<Channel, number>> = { size: MAX_SIZE, direction: 1, signed_size: MAX_SIZE, iat: MAX_IAT };

function channelOf(spec: ChannelSpec): { channel: Channel; transform: Transform } {
  const channel = typeof spec === 'string' ? spec : spec.name;
  const max = CHANNEL_MAX[channel];
  const signed = channel === 'direction' || channel === 'signed_size';
  return { channel, transform: transformOf(typeof spec === 'string' ? {} : spec, signed ? -max : 0, max) };
}

function transformOf({ log2 = false, clip, mean = 0, scale = 1 }: Scaling, min: number, max: number): Transform {
  const unit = log2 ? LOG2_UNIT : 1;
  const [least, most] = log2 ? [min < 0 ? -log2Of(-min) : 0, log2Of(max)] : [min, max];
  const cut = (value: number) => Math.min(most, Math.max(least, Math.round(value * unit)));
  return { log2, unit, min: clip ? cut(clip[0]) : least, max: clip ? cut(clip[1]) : most, mean, scale };
}

/** 256 × log2(1 + value), rounded down between powers of two on straight lines: exact in integers. */
export function log2Of(value: number): number {
  const u = value + 1;
  let exponent = 0;
  for (let step = 32; step >= 1; step /= 2) if (u >= 2 ** (exponent + step)) exponent += step;
  return exponent * LOG2_UNIT + (Math.floor((u * LOG2_UNIT) / 2 ** exponent) % LOG2_UNIT);
}

/** The value that the program keeps, of a feature's integer. */
export function scaledOf(raw: number, { log2, min, max }: Transform): number {
  const value = log2 ? Math.sign(raw) * log2Of(Math.abs(raw)) : raw;
  return Math.min(max, Math.max(min, value)) + 0;
}

/** The model's number, of a value. */
export const numberOf = (value: number, { unit, mean, scale }: Transform): number => Math.fround((value / unit - mean) * scale);

/** How a value becomes the input's integer: ((value >> shiftIn) × factor + add) >> shiftOut. */
export interface Quantiser {
  readonly shiftIn: number;
  readonly factor: number;
  readonly add: bigint;
  readonly shiftOut: number;
}

const FACTOR_BITS = 29;
const MAX_SHIFT = 47;

/** Integers for a slot whose integers stand for `slotScale` each. The largest factor that stays within 64 bits keeps its error below that of the rounding. */
export function quantiserOf({ unit, min, max, mean, scale }: Transform, slotScale: number): Quantiser {
  const largest = Math.max(Math.abs(min), Math.abs(max), 1);
  const shiftIn = Math.max(0, Math.floor(Math.log2(largest)) - 30);
  const ratio = (scale / (unit * slotScale)) * 2 ** shiftIn;
  const exponent = ratio === 0 ? 0 : Math.floor(Math.log2(Math.abs(ratio)));
  const shiftOut = Math.min(MAX_SHIFT, Math.max(1, FACTOR_BITS - exponent));
  const limit = 2 ** (FACTOR_BITS + 1);
  const factor = Math.max(-limit, Math.min(limit, Math.round(ratio * 2 ** shiftOut)));
  const offset = Math.max(-(2 ** 61), Math.min(2 ** 61, Math.round(((-mean * scale) / slotScale) * 2 ** shiftOut)));
  return { shiftIn, factor, add: BigInt(offset) + (1n << BigInt(shiftOut - 1)), shiftOut };
}

/** What each number of the input is. */
export function columnsOf({ entries, tokens, count }: FeaturePlan): string[] {
  if (tokens) return Array.from({ length: count }, (_, i) => `token ${i - count}`);
  return entries.flatMap((entry) =>
    entry.kind === 'channels'
      ? Array.from({ length: entry.length }, (_, i) => entry.channels.map(({ channel }) => `${channel} ${i - entry.length}`)).flat()
      : [entry.name],
  );
}
