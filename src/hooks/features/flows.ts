import type { FlowLimits } from './plan.ts';
import type { PacketRecord } from './record.ts';
import {
  COUNTED_FLAGS,
  DIRECTION_WORD,
  FIELD,
  FLOW,
  FLOW_WORD,
  MAX_IAT,
  MAX_SIZE,
  PACKET,
  RING_WORD,
  SEQUENCE_WORD,
  SIDES,
  type SideWord,
  sideWord,
} from './words.ts';

interface Flow {
  words: Float64Array;
  /** The last packets, oldest first. */
  ring: number[];
}

/**
 * The reference's flows: what map `flows` holds, in the same integers. Both addresses and ports in either order are one flow. With more flows than
 * `entries` the least recently used goes; Linux's LRU chooses only about so, and then the two may differ.
 */
export class FlowTable {
  readonly #limits: FlowLimits;
  readonly #sequence: number;
  readonly #flows = new Map<string, Flow>();

  constructor(limits: FlowLimits, sequence: number) {
    this.#limits = limits;
    this.#sequence = sequence;
  }

  /** Counts a packet at `nowNs` and puts its flow's state into the record. */
  update(packet: PacketRecord, nowNs: number): void {
    const { words } = packet;
    const { key, swapped } = keyOf(packet);
    const flow = this.#take(key);
    const state = flow.words;
    const both = (word: SideWord): number => state[sideWord(SIDES.both, word)]!;
    let gap = Math.max(0, nowNs - both('last'));
    const { idleNs, activeNs } = this.#limits;
    const isNew = both('packets') === 0;
    if (isNew || gap > idleNs || (activeNs !== null && nowNs - state[FLOW.first]! > activeNs)) {
      state.fill(0);
      flow.ring.length = 0;
      state[FLOW.first] = nowNs;
      state[FLOW.initiator] = swapped;
      gap = 0;
    }
    state[FLOW.gap] = gap;
    const back = state[FLOW.initiator] === swapped ? 0 : 1;
    const size = words[FIELD.frameLen]!;
    for (const side of [back, SIDES.both]) this.#count(state, side, packet, nowNs);
    if (this.#sequence > 0) {
      const word = Math.min(size, MAX_SIZE) + back * 2 ** PACKET.direction + 2 ** PACKET.present + Math.min(gap, MAX_IAT) * 2 ** PACKET.iat;
      flow.ring.push(word);
      if (flow.ring.length > this.#sequence) flow.ring.shift();
    }
    words.set(state, FLOW_WORD);
    words[DIRECTION_WORD] = back;
    words.set(flow.ring, SEQUENCE_WORD + this.#sequence - flow.ring.length);
  }

  #count(state: Float64Array, side: number, { words }: PacketRecord, nowNs: number): void {
    const at = (word: SideWord): number => sideWord(side, word);
    const before = state[at('packets')]!;
    const delta = before === 0 ? 0 : Math.max(0, nowNs - state[at('last')]!);
    const size = words[FIELD.frameLen]!;
    state[at('packets')] = before + 1;
    state[at('bytes')]! += size;
    state[at('payload')]! += words[FIELD.payloadLen]!;
    state[at('last')] = Math.max(state[at('last')]!, nowNs);
    state[at('iatSum')]! += delta;
    state[at('iatMin')] = before <= 1 ? delta : Math.min(state[at('iatMin')]!, delta);
    state[at('iatMax')] = Math.max(state[at('iatMax')]!, delta);
    state[at('sizeMin')] = before === 0 ? size : Math.min(state[at('sizeMin')]!, size);
    state[at('sizeMax')] = Math.max(state[at('sizeMax')]!, size);
    for (const [word, bit] of COUNTED_FLAGS) state[at(word)]! += (words[FIELD.tcpFlags]! >> bit) & 1;
  }

  #take(key: string): Flow {
    const known = this.#flows.get(key);
    const flow = known ?? { words: new Float64Array(RING_WORD), ring: [] };
    // A Map keeps the order of insertion: the first is the least recently used.
    if (known) this.#flows.delete(key);
    else if (this.#flows.size >= this.#limits.entries) this.#flows.delete(this.#flows.keys().next().value!);
    this.#flows.set(key, flow);
    return flow;
  }
}

/** One key for both directions; `swapped` is 1 where the packet's source is the greater end. */
function keyOf({ words, source, target }: PacketRecord): { key: string; swapped: 0 | 1 } {
  const [sport, dport] = [words[FIELD.sport]!, words[FIELD.dport]!];
  let order = 0;
  for (let i = 0; i < source.length && order === 0; i++) order = source[i]! - target[i]!;
  if (order === 0) order = sport - dport;
  const ends = [`${source.join('.')}:${sport}`, `${target.join('.')}:${dport}`];
  const swapped = order > 0 ? 1 : 0;
  if (swapped) ends.reverse();
  return { key: `${ends.join(' ')} ${words[FIELD.proto]} ${words[FIELD.ipVersion]}`, swapped };
}
