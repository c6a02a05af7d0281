import { MAP_TYPE_ARRAY, MAP_TYPE_LRU_HASH, MAP_TYPE_PERCPU_ARRAY } from '../../bpf/maps.ts';
import type { MapDef } from '../../bpf/program.ts';
import { CLOCK_MAP } from '../clock.ts';
import type { FeaturePlan } from './plan.ts';
import { RING_WORD, recordWords } from './words.ts';

/** Per CPU: the record of the packet that is looked at, and zeros behind it. */
export const RECORD_MAP = 'record';
/** Per CPU: the last packet's features, an s64 each. */
export const FEATURES_MAP = 'features';
/** Flows by their ends. */
export const FLOWS_MAP = 'flows';
/** Per CPU, u64 counters: new flows, updates without the lock, packets for which no room was found. */
export const FLOW_STATS_MAP = 'flow_stats';
export const FLOW_STATS = { created: 0, unlocked: 1, full: 2 } as const;

/** Both ends (16 bytes each), their ports (u16), protocol, version, padding. */
export const FLOW_KEY_BYTES = 40;

/** Packets that the ring of a flow holds: a power of two, so that a mask keeps an index in it. */
export const ringLength = (sequence: number): number => (sequence === 0 ? 0 : 2 ** Math.ceil(Math.log2(sequence)));
export const flowWords = (sequence: number): number => RING_WORD + ringLength(sequence);

export function featureMaps({ count, flows, sequence }: FeaturePlan): MapDef[] {
  const map = (name: string, type: number, keySize: number, valueSize: number, maxEntries: number): MapDef => ({
    name,
    type,
    keySize,
    valueSize,
    maxEntries,
    flags: 0,
  });
  const words = recordWords(sequence) + (flows ? flowWords(sequence) : 0);
  const maps = [map(RECORD_MAP, MAP_TYPE_PERCPU_ARRAY, 4, words * 8, 1), map(FEATURES_MAP, MAP_TYPE_PERCPU_ARRAY, 4, count * 8, 1)];
  if (!flows) return maps;
  return [
    ...maps,
    map(FLOWS_MAP, MAP_TYPE_LRU_HASH, FLOW_KEY_BYTES, flowWords(sequence) * 8, flows.entries),
    map(CLOCK_MAP, MAP_TYPE_ARRAY, 4, 16, 1),
    map(FLOW_STATS_MAP, MAP_TYPE_PERCPU_ARRAY, 4, 8, Object.keys(FLOW_STATS).length),
  ];
}
