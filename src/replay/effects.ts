import { CLOCK_MAP, clockValue } from '../hooks/clock.ts';
import type { Vm } from '../vm/core.ts';
import type { Redirect, VmEvent } from '../vm/machine.ts';
import { CostRecorder, type EventCosts } from './event-cost.ts';
import { actionName } from './runner.ts';

/** A packet that left the program otherwise than it came, or that it sent somewhere. */
export interface SentPacket {
  readonly event: number;
  /** Name of what the program returned. */
  readonly verdict: string;
  readonly redirect: Redirect | null;
  readonly data: Uint8Array;
  /** Bytes of metadata that the program put before it. */
  readonly metadata: Uint8Array;
  /** The bytes are not those that came. */
  readonly rewritten: boolean;
}

/** What a program printed or sent to user space during an event. */
export interface Message {
  readonly event: number;
  readonly what: VmEvent;
}

export interface MapEntry {
  readonly key: Uint8Array;
  /** Of a per-CPU map the values of all processors, one after another. */
  readonly value: Uint8Array;
}

/** Contents of the maps that events change, after `events` of them. */
export interface Snapshot {
  readonly events: number;
  readonly maps: readonly { readonly name: string; readonly entries: readonly MapEntry[]; readonly left: number }[];
}

export interface Effects {
  readonly events: number;
  readonly sent: readonly SentPacket[];
  readonly messages: readonly Message[];
  readonly snapshots: readonly Snapshot[];
  /** What events cost, by verdict; null until they were timed. */
  readonly costs: EventCosts | null;
  /** Packets and messages beyond the room for them: counted, not kept. */
  readonly leftOut: { readonly sent: number; readonly messages: number };
}

/** Packets and messages that are kept, and entries of a map in one snapshot. */
const [MOST_KEPT, MOST_ENTRIES] = [10_000, 256];
/** Values longer than this are weights and tensors, which have panels of their own. */
const LONGEST_VALUE = 4096;

const KEY0 = new Uint8Array(4);

/** Watches what a program does to the world while packets go through it. */
export class EffectRecorder {
  readonly #vm: Vm;
  readonly #every: number;
  readonly #sent: SentPacket[] = [];
  readonly #messages: Message[] = [];
  readonly #snapshots: Snapshot[] = [];
  /** What each event executed. */
  readonly costs = new CostRecorder();
  #events = 0;
  #leftSent = 0;
  #leftMessages = 0;

  /** A machine whose maps are those before the first event; a snapshot after every `every` events. */
  constructor(vm: Vm, every: number) {
    this.#vm = vm;
    this.#every = every;
    this.#snapshot();
  }

  /** One packet at `timeNs` of the virtual clock. */
  run(packet: Uint8Array, timeNs: number): void {
    const event = this.#events++;
    this.#vm.clockNs = timeNs;
    if (this.#vm.maps.has(CLOCK_MAP)) this.#vm.maps.get(CLOCK_MAP).update(KEY0, clockValue(timeNs));
    const { returnValue, packet: after, redirect, events, metadata, insnsExecuted } = this.#vm.run({ packet });
    this.costs.add(returnValue, insnsExecuted);
    const verdict = actionName(returnValue);
    const rewritten = after !== null && !sameBytes(packet, after);
    if (
      after &&
      verdict !== 'DROP' &&
      verdict !== 'ABORTED' &&
      (rewritten || redirect !== null || verdict === 'TX' || metadata.length > 0)
    ) {
      if (this.#sent.length < MOST_KEPT) this.#sent.push({ event, verdict, redirect, data: after, metadata, rewritten });
      else this.#leftSent++;
    }
    for (const what of events) {
      if (this.#messages.length < MOST_KEPT) this.#messages.push({ event, what });
      else this.#leftMessages++;
    }
    if (this.#events % this.#every === 0) this.#snapshot();
  }

  /** What was recorded, with a last snapshot. */
  result(): Effects {
    if (this.#snapshots.at(-1)!.events < this.#events) this.#snapshot();
    return {
      events: this.#events,
      sent: this.#sent,
      messages: this.#messages,
      snapshots: this.#snapshots,
      costs: null,
      leftOut: { sent: this.#leftSent, messages: this.#leftMessages },
    };
  }

  #snapshot(): void {
    const maps = [...this.#vm.maps].flatMap((map) => {
      if (map.def.valueSize === 0 || map.def.valueSize > LONGEST_VALUE) return [];
      const entries = map.entries();
      const kept = entries.slice(0, MOST_ENTRIES).map(({ key, value }) => ({ key: key.slice(), value: value.slice() }));
      return [{ name: map.name, entries: kept, left: entries.length - kept.length }];
    });
    this.#snapshots.push({ events: this.#events, maps });
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Where a redirect pointed, in words. */
export function redirectText(redirect: Redirect): string {
  if ('ifindex' in redirect) return `device ${redirect.ifindex}`;
  return 'key' in redirect
    ? `${redirect.map}[${redirect.key}]`
    : `all of ${redirect.map}${redirect.all === 'without ingress' ? ' but ingress' : ''}`;
}
