import { rawOf } from './catalogue.ts';
import { FlowTable } from './flows.ts';
import { type FeaturePlan, numberOf, scaledOf } from './plan.ts';
import { packetRecord } from './record.ts';
import { PACKET, SEQUENCE_WORD } from './words.ts';

/** What a packet's features are; `values` are the integers of the program's map `features`, `numbers` the model's input. */
export interface Extracted {
  readonly values: Float64Array;
  readonly numbers: Float32Array;
}

/** The reference's features of packets in order: flows are remembered between them. */
export class FeatureExtractor {
  readonly #plan: FeaturePlan;
  readonly #flows: FlowTable | null;

  constructor(plan: FeaturePlan) {
    this.#plan = plan;
    this.#flows = plan.flows && new FlowTable(plan.flows, plan.sequence);
  }

  /** Features of the next packet, which came at `nowNs` (any origin, not before the last); null for one without the layer. */
  next(frame: Uint8Array, nowNs: number): Extracted | null {
    const { layer, entries, count, sequence, tokens } = this.#plan;
    const record = packetRecord(frame, sequence);
    if (!record || (layer === 'l4' && record.level < 4)) return null;
    this.#flows?.update(record, nowNs);
    const values = new Float64Array(count);
    const numbers = new Float32Array(count);
    const { words } = record;
    for (const entry of entries) {
      if (entry.kind === 'value') {
        values[entry.at] = scaledOf(rawOf(entry.source, words), entry.transform);
        numbers[entry.at] = numberOf(values[entry.at]!, entry.transform);
      } else if (entry.kind === 'equals') {
        values[entry.at] = rawOf(entry.source, words) === entry.value ? 1 : 0;
        numbers[entry.at] = values[entry.at]!;
      } else {
        let at = entry.at;
        for (let i = sequence - entry.length; i < sequence; i++) {
          const packet = partsOf(words[SEQUENCE_WORD + i]!);
          for (const { channel, transform } of entry.channels) {
            values[at] = scaledOf(packet[channel], transform);
            numbers[at] = numberOf(values[at]!, transform);
            at++;
          }
        }
      }
    }
    if (tokens) {
      for (let i = 0; i < sequence; i++) {
        const { size, direction } = partsOf(words[SEQUENCE_WORD + i]!);
        const bucket = Math.min(size >> tokens.shift, tokens.buckets - 1);
        values[i] = direction === 0 ? 2 * tokens.buckets : bucket + (direction < 0 ? tokens.buckets : 0);
        numbers[i] = values[i]!;
      }
    }
    return { values, numbers };
  }
}

/** The numbers of a packet of a sequence; all 0 where there was none. */
function partsOf(word: number): Record<'size' | 'direction' | 'signed_size' | 'iat', number> {
  const bit = (at: number): number => Math.floor(word / 2 ** at) % 2;
  const size = word % 2 ** PACKET.sizeBits;
  const direction = bit(PACKET.present) * (1 - 2 * bit(PACKET.direction));
  return { size, direction, signed_size: size * direction + 0, iat: Math.floor(word / 2 ** PACKET.iat) };
}
