import { MAP_TYPE_ARRAY, MAP_TYPE_PERCPU_ARRAY } from '../../bpf/maps.ts';
import { XDP_PASS } from '../../bpf/progtypes.ts';
import type { FuncBuilder, Reg, Val } from '../../compiler/ir/builder.ts';
import { keyOf } from '../../compiler/lm/frame.ts';
import { weightsMark } from '../../compiler/weights-map.ts';
import { VERDICT_ORDER } from '../decide.ts';
import type { Manners, MannersContext, RunningManners } from '../xdp.ts';
import {
  CONTROL,
  CONTROL_MAP,
  COUNTERS_BYTES,
  COUNTERS_MAP,
  type Counter,
  counterOff,
  type Failure,
  LATENCY_MAP,
  MODE,
  type Production,
} from './binding.ts';
import { FLOW_HASH_FUNC, flowHashFuncs, scramble } from './flow-hash.ts';
import { BUCKETS, SUB_BITS } from './histogram.ts';

/** What the binding's `production` adds to a program. */
export function manners(production: Production): Manners {
  const map = (name: string, type: number, valueSize: number) => ({ name, type, keySize: 4, valueSize, maxEntries: 1, flags: 0 });
  return {
    maps: [
      map(CONTROL_MAP, MAP_TYPE_ARRAY, CONTROL.bytes),
      map(COUNTERS_MAP, MAP_TYPE_PERCPU_ARRAY, COUNTERS_BYTES),
      ...(production.latency ? [map(LATENCY_MAP, MAP_TYPE_PERCPU_ARRAY, BUCKETS * 8)] : []),
    ],
    begin: (b, context, leave) => new MannersCode(b, context, production, leave),
  };
}

class MannersCode implements RunningManners {
  readonly #b: FuncBuilder;
  readonly #production: Production;
  readonly #counters: Reg;
  readonly #control: Reg;
  readonly #mode: Reg;
  readonly #leave: () => void;
  readonly #origin: number;
  #started: Reg | null = null;

  /** Emits what an event begins with: its count, and the end where the program is switched off. */
  constructor(b: FuncBuilder, context: MannersContext, production: Production, leave: () => void) {
    this.#b = b;
    this.#production = production;
    this.#leave = leave;
    this.#origin = context.addOrigin({ kind: 'binding', nodeIdx: -1, label: 'kill switch, sample, counters' });
    const before = b.origin;
    b.setOrigin(this.#origin);
    this.#counters = context.lookup(b, COUNTERS_MAP, XDP_PASS);
    this.#count('events');
    this.#control = this.entry(CONTROL_MAP);
    this.#mode = b.load(this.#control, CONTROL.mode, 4);
    b.when('eq', this.#mode, MODE.compiled, () => b.assign(this.#mode, production.shadow ? MODE.shadow : MODE.enforce));
    b.when('uge', this.#mode, MODE.off, () => this.#pass('off'));
    b.setOrigin(before);
  }

  start(): void {
    this.#serving(() => {
      if (this.#production.latency) this.#started = this.#b.callHelper('bpf_ktime_get_ns', []);
    });
  }

  fail(reason: Failure): void {
    this.#pass(`fail_${reason}`);
  }

  noteUntagged(): void {
    this.#count('fail_metadata');
  }

  refuse(reason: 'busy' | 'stale'): void {
    this.#count(reason);
  }

  shadowing(): Reg {
    return this.#b.sub(this.#mode, MODE.enforce);
  }

  sample(): void {
    const { sample } = this.#production;
    if (!sample) return;
    this.#serving(() => {
      const b = this.#b;
      const oneIn = b.load(this.#control, CONTROL.sample, 4);
      b.when('eq', oneIn, 0, () => b.assign(oneIn, sample.oneIn));
      const number = sample.by === 'event' ? this.#eligible() : this.#flow();
      b.when('ne', b.alu('mod', number, oneIn), 0, () => this.#pass('unsampled'));
    });
  }

  ready(): void {
    this.#serving(() => this.#b.when('eq', weightsMark(this.#b), 0, () => this.fail('weights')));
  }

  finish(ran: Reg): void {
    this.#serving(() => {
      this.#b.when('ne', ran, 0, () => {
        if (this.#started) this.#time(this.#started);
        this.#count('scored');
      });
    });
  }

  inShadow(verdict: Reg | null, then: () => void): void {
    this.#serving(() => {
      const b = this.#b;
      b.when('eq', this.#mode, MODE.shadow, () => {
        if (verdict) b.when('ne', verdict, VERDICT_ORDER.indexOf('PASS'), () => this.#count('shadowed'));
        else this.#count('shadowed');
        then();
      });
    });
  }

  functions() {
    return this.#production.sample?.by === 'flow' ? flowHashFuncs(this.#origin) : [];
  }

  #serving(emit: () => void): void {
    const before = this.#b.origin;
    this.#b.setOrigin(this.#origin);
    emit();
    this.#b.setOrigin(before);
  }

  /** Number of the event among those of this processor that the model could see. */
  #eligible(): Reg {
    const seen = this.#b.load(this.#counters, counterOff('eligible'), 8);
    this.#count('eligible');
    return seen;
  }

  #flow(): Reg {
    const b = this.#b;
    return scramble(b, b.xor(b.call(FLOW_HASH_FUNC, [b.arg(0)]), b.load(this.#control, CONTROL.seed, 4)));
  }

  entry(map: string): Reg {
    const b = this.#b;
    const entry = b.callHelper('bpf_map_lookup_elem', [b.mapPtr(map), keyOf(b)]);
    b.when('eq', entry, 0, () => this.fail('map'));
    return entry;
  }

  #count(name: Counter, by: Val = 1): void {
    const b = this.#b;
    b.store(this.#counters, counterOff(name), b.add(b.load(this.#counters, counterOff(name), 8), by), 8);
  }

  /** The event passes, counted as `name`. */
  #pass(name: Counter): void {
    this.#count(name);
    this.#leave();
  }

  #time(started: Reg): void {
    const b = this.#b;
    const taken = b.sub(b.callHelper('bpf_ktime_get_ns', []), started);
    const histogram = this.entry(LATENCY_MAP);
    this.#count('nanoseconds', taken);
    const bucket = b.add(histogram, b.lsh(bucketCode(b, taken), 3));
    b.store(bucket, 0, b.add(b.load(bucket, 0, 8), 1), 8);
  }
}

/** Emits `bucketOf` of histogram.ts, of all 64 bits, without branches; its mask proves to the verifier where it lies. */
export function bucketCode(b: FuncBuilder, value: Reg): Reg {
  // Below eight the bucket is the number itself: these have the exponent 2.
  const rest = b.or(value, 1 << (SUB_BITS - 1));
  const exponent = b.copy(0);
  for (const bits of [32, 16, 8, 4, 2, 1]) {
    // 1 where bits are left above: the negative of a number has the highest bit set, that of 0 has not.
    const left = b.rsh(b.sub(b.copy(0), b.rsh(rest, bits)), 63);
    const shift = b.mul(left, bits);
    b.aluTo(rest, 'rsh', rest, shift);
    b.aluTo(exponent, 'add', exponent, shift);
  }
  const row = b.sub(exponent, SUB_BITS - 1);
  const down = b.sub(exponent, SUB_BITS);
  b.aluTo(down, 'add', down, b.rsh(down, 63));
  const within = b.and(b.rsh(value, down), (1 << SUB_BITS) - 1);
  return b.and(b.or(b.lsh(row, SUB_BITS), within), BUCKETS - 1);
}
