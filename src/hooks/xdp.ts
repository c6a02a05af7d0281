import { InputError } from '../base/errors.ts';
import { MAP_TYPE_PERCPU_ARRAY } from '../bpf/maps.ts';
import type { MapDef } from '../bpf/program.ts';
import { PROG_TYPE_XDP, XDP_PASS } from '../bpf/progtypes.ts';
import type { HookCode, HookContext, TensorSlot } from '../compiler/api.ts';
import type { Reg, Val } from '../compiler/ir/builder.ts';
import { FuncBuilder } from '../compiler/ir/builder.ts';
import type { BlockId, IrFunc } from '../compiler/ir/ir.ts';
import { keyOf } from '../compiler/lm/frame.ts';
import type { PayloadInput, VerdictName } from './binding.ts';
import { OTHERWISE_COUNTER, otherwiseOf, VERDICT_ORDER } from './decide.ts';
import type { FittedBinding } from './fit.ts';
import { COPY_LABEL, parseLabel } from './labels.ts';
import type { Failure } from './production/binding.ts';
import { COUNT_BITS, CUT_LAYER, MAX_START, MD_DATA, MD_DATA_END, NO_LAYER, RANGE_FUNC, rangeFunc } from './range-code.ts';
import { scoreCode } from './score-code.ts';
import { scoreTable } from './score-table.ts';

export const VERDICTS_MAP = 'verdicts';
export const SCORE_MAP = 'score';
/** Value of map `score`: u32 score in Q16, u32 verdict, u32 class, u32 flags ({@link SCORE_RAN}), s64 lead. */
export const SCORE_BYTES = 24;
/** Set when the model ran; clear for packets without the layer. */
export const SCORE_RAN = 1;
const OFF_SCORE = 0;
const OFF_VERDICT = 4;
const OFF_CLASS = 8;
const OFF_FLAGS = 12;
const OFF_LEAD = 16;

/** Metadata that TAG puts before the packet: u32 magic, u32 score in Q16. */
export const TAG_MAGIC = 0x42504654;
const TAG_BYTES = 8;
const MD_DATA_META = 8;

/** Prefilled tokens up to this many 8-byte stores are written one after the other, more in a loop. */
const UNROLLED_STORES = 32;

/** What the score map holds after a packet. */
export interface LastScore {
  readonly scoreQ16: number;
  readonly verdict: VerdictName;
  readonly class: number;
  readonly ran: boolean;
  readonly lead: bigint;
}

/** Reads one processor's value of map `score`. */
export function readScore(value: Uint8Array): LastScore {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return {
    scoreQ16: view.getUint32(OFF_SCORE, true),
    verdict: VERDICT_ORDER[view.getUint32(OFF_VERDICT, true)],
    class: view.getUint32(OFF_CLASS, true),
    ran: (view.getUint32(OFF_FLAGS, true) & SCORE_RAN) !== 0,
    lead: view.getBigInt64(OFF_LEAD, true),
  };
}

/** The probability in a value of map `score`; null where no model ran. */
export function scoreRead(value: Uint8Array): number | null {
  if ((value[OFF_FLAGS]! & SCORE_RAN) === 0) return null;
  return (value[OFF_SCORE]! + value[OFF_SCORE + 1]! * 2 ** 8 + value[OFF_SCORE + 2]! * 2 ** 16 + value[OFF_SCORE + 3]! * 2 ** 24) / 65_536;
}

/** What fills a model's input from a packet. */
export interface EventSource {
  readonly maps: readonly MapDef[];
  /**
   * Emits the code that fills `slot`; for a packet that has nothing for the model it goes to block `missing`, whose place in the layout `place` gives. With `manners`, it lets
   * them choose the events before it fills, and leaves to them what fails.
   */
  build(
    b: FuncBuilder,
    context: HookContext,
    slot: TensorSlot,
    missing: { readonly block: BlockId; place(): void },
    manners?: RunningManners,
  ): readonly IrFunc[];
}

/** What `production` of a binding adds to the program; `production/code.ts` makes it, so that programs without it need none of its code. */
export interface Manners {
  readonly maps: readonly MapDef[];
  /** Emits what an event begins with; `leave` emits where one goes that passes without a verdict. */
  begin(b: FuncBuilder, context: MannersContext, leave: () => void): RunningManners;
}
export type MannersContext = Pick<HookContext, 'addOrigin' | 'lookup'>;

/** The manners of one program while its main function is built; everything is emitted where it is called. */
export interface RunningManners {
  /** Address of entry 0 of `map`, looked up in the main function; events fail open where there is none. */
  entry(map: string): Reg;
  /** The event passes and is counted by its reason. */
  fail(reason: Failure): void;
  /** Passes the events that the sample leaves out. */
  sample(): void;
  /** Fails where the map holds no weights. */
  ready(): void;
  /** Takes the time from which on the event is timed. */
  start(): void;
  /** Counts and times an event that the model saw (`ran` is not 0). */
  finish(ran: Reg): void;
  /** Counts a verdict that shadow mode lets pass, and emits `then` for that mode. Null: what it holds back is more than a verdict. */
  inShadow(verdict: Reg | null, then: () => void): void;
  /** 1 in shadow mode, 0 where the program enforces. */
  shadowing(): Reg;
  /** Counts a request that is answered without the model. */
  refuse(reason: 'busy' | 'stale'): void;
  /** Counts a TAG for which there was no room. */
  noteUntagged(): void;
  functions(): readonly IrFunc[];
}

/** `context`, but that what is not found in the main function `b` fails open. */
export const failingOpen = (context: HookContext, b: FuncBuilder, manners: RunningManners): HookContext => ({
  ...context,
  lookup: (builder, map, onNull) => (builder === b ? manners.entry(map) : context.lookup(builder, map, onNull)),
});

const perCpu = (name: string, valueSize: number, maxEntries: number): MapDef => ({
  name,
  type: MAP_TYPE_PERCPU_ARRAY,
  keySize: 4,
  valueSize,
  maxEntries,
  flags: 0,
});
/** Counters of verdicts, of each processor. */
export const verdictsMap = (): MapDef => perCpu(VERDICTS_MAP, 8, VERDICT_ORDER.length + 1);
/** The same and the last score. */
export const scoreMaps = (): MapDef[] => [verdictsMap(), perCpu(SCORE_MAP, SCORE_BYTES, 1)];

/** Adds 1 to counter `index` of map `verdicts` on this processor. */
export function countVerdict(b: FuncBuilder, index: Val): void {
  const counter = b.callHelper('bpf_map_lookup_elem', [b.mapPtr(VERDICTS_MAP), keyOf(b, index)]);
  b.when('ne', counter, 0, () => b.store(counter, 0, b.add(b.load(counter, 0, 8), 1), 8));
}

/** Writes an entry of map `score`. */
export function storeScore(
  b: FuncBuilder,
  last: Reg,
  value: Readonly<Record<'score' | 'verdict' | 'class' | 'flags' | 'lead', Reg>>,
): void {
  b.store(last, OFF_SCORE, value.score, 4);
  b.store(last, OFF_VERDICT, value.verdict, 4);
  b.store(last, OFF_CLASS, value.class, 4);
  b.store(last, OFF_FLAGS, value.flags, 4);
  b.store(last, OFF_LEAD, value.lead, 8);
}

/** The XDP program around a model that reads payload bytes as tokens; `source` for another input, `manners` for one in production. */
export function xdpHook(
  fit: FittedBinding,
  source: EventSource = payloadSource(fit.input as PayloadInput),
  manners: Manners | null = null,
): HookCode {
  return {
    section: 'xdp',
    progType: PROG_TYPE_XDP,
    io: 'percpu',
    maps: [...scoreMaps(), ...source.maps, ...(manners?.maps ?? [])],
    binding: fit.binding,
    buildMain: (context) => new XdpMain(fit, context, source, manners).build(),
  };
}

/** Bytes of a layer as tokens. */
const payloadSource = (input: PayloadInput): EventSource => ({
  maps: [],
  build: (b, context, slot, missing, manners) => {
    const origin = (label: string) => context.addOrigin({ kind: 'binding', nodeIdx: -1, label });
    const [parse, copy] = [origin(parseLabel(input.layer)), origin(COPY_LABEL)];
    const found = b.newBlock();
    const bounded = b.newBlock();
    b.setOrigin(parse);
    const range = b.call(RANGE_FUNC, [b.arg(0)]);
    b.branch('eq', range, NO_LAYER, missing.block, found);
    missing.place();
    b.startBlock(found);
    if (manners) b.when('eq', range, CUT_LAYER, () => manners.fail('truncated'));
    const start = b.rsh(range, COUNT_BITS);
    b.branch('ule', start, MAX_START, bounded, missing.block);
    b.startBlock(bounded);
    manners?.sample();
    b.setOrigin(copy);
    const target = b.add(context.lookup(b, slot.map, XDP_PASS), slot.byteOff);
    const count = b.and(range, (1 << COUNT_BITS) - 1);
    const copied = copyTokens(b, input, target, start, count);
    // Of the frame itself no header says how long it is.
    if (manners && input.layer !== 'l2') {
      const wanted = b.newBlock();
      const whole = b.newBlock();
      b.branch('ult', copied, input.length, wanted, whole);
      b.startBlock(wanted);
      b.when('ult', copied, count, () => manners.fail('truncated'));
      b.jump(whole);
      b.startBlock(whole);
    }
    return [rangeFunc(input.layer, parse, input.ports, manners ? CUT_LAYER : NO_LAYER)];
  },
});

/** Gives how many bytes there were. */
function copyTokens(b: FuncBuilder, { length, pad }: PayloadInput, slot: Reg, start: Reg, count: Reg): Reg {
  fillPadding(b, slot, length, pad);
  // Packet pointers that were checked in another function do not count: this one checks each byte again.
  const source = b.add(b.load(b.arg(0), MD_DATA, 4), start);
  const end = b.load(b.arg(0), MD_DATA_END, 4);
  const target = b.copy(slot);
  const i = b.copy(0);
  const [head, within, readable, done] = [b.newBlock(), b.newBlock(), b.newBlock(), b.newBlock()];
  b.jump(head);
  b.startBlock(head);
  b.branch('ult', i, count, within, done);
  b.startBlock(within);
  b.branch('ule', b.add(source, 1), end, readable, done);
  b.startBlock(readable);
  b.store(target, 0, b.load(source, 0, 1), 2);
  b.aluTo(source, 'add', source, 1);
  b.aluTo(target, 'add', target, 2);
  b.aluTo(i, 'add', i, 1);
  b.branch('ult', i, length, head, done);
  b.startBlock(done);
  return i;
}

/** Every token is padding first, four at a time. */
function fillPadding(b: FuncBuilder, slot: Reg, length: number, pad: number): void {
  const four = b.const(BigInt.asIntN(64, BigInt(pad) * 0x0001_0001_0001_0001n));
  const stores = Math.floor(length / 4);
  if (stores <= UNROLLED_STORES) for (let i = 0; i < stores; i++) b.store(slot, i * 8, four, 8);
  else {
    const target = b.copy(slot);
    b.loop(0, stores, 1, () => {
      b.store(target, 0, four, 8);
      b.aluTo(target, 'add', target, 8);
    });
  }
  for (let i = stores * 4; i < length; i++) b.store(slot, i * 2, pad, 2);
}

class XdpMain {
  readonly #fit: FittedBinding;
  readonly #context: HookContext;
  readonly #source: EventSource;
  readonly #manners: RunningManners | undefined;
  readonly #b = new FuncBuilder('xdp_main', 'main', ['ctx']);
  readonly #input: TensorSlot;
  readonly #output: TensorSlot;
  readonly #verdict: Reg;
  readonly #score: Reg;
  readonly #class: Reg;
  readonly #lead: Reg;
  readonly #flags: Reg;

  constructor(fit: FittedBinding, context: HookContext, source: EventSource, manners: Manners | null) {
    this.#fit = fit;
    this.#manners = manners?.begin(this.#b, context, () => this.#b.ret(XDP_PASS));
    this.#manners?.start();
    this.#context = this.#manners ? failingOpen(context, this.#b, this.#manners) : context;
    this.#source = source;
    this.#input = slotOf(context.inputs, fit.inputName);
    this.#output = slotOf(context.outputs, fit.outputName);
    const b = this.#b;
    this.#verdict = b.copy(VERDICT_ORDER.indexOf(otherwiseOf(fit)));
    this.#score = b.copy(0);
    this.#class = b.copy(0);
    this.#lead = b.copy(0);
    this.#flags = b.copy(0);
  }

  build(): IrFunc[] {
    const b = this.#b;
    const origin = (label: string) => this.#context.addOrigin({ kind: 'binding', nodeIdx: -1, label });
    const finish = b.newBlock();
    const missing = b.newBlock();
    const place = () => {
      b.startBlock(missing);
      countVerdict(b, OTHERWISE_COUNTER);
      b.jump(finish);
    };
    const funcs = this.#source.build(b, this.#context, this.#input, { block: missing, place }, this.#manners);
    this.#manners?.ready();
    this.#context.infer(b);
    b.setOrigin(origin(this.#fit.output.kind === 'argmax' ? 'argmax and score' : 'score and threshold'));
    this.#decide();
    b.jump(finish);

    b.startBlock(finish);
    b.setOrigin(origin('verdict, counters, last score'));
    this.#record();
    this.#manners?.finish(this.#flags);
    this.#manners?.inShadow(this.#verdict, () => b.ret(XDP_PASS));
    this.#return();
    return [b.finish(), ...funcs, ...(this.#manners?.functions() ?? [])];
  }

  #decide(): void {
    const b = this.#b;
    const { output } = this.#fit;
    const table = this.#context.addTable(scoreTable(this.#fit, this.#output.scale))(b);
    const values = b.add(this.#context.lookup(b, this.#output.map, XDP_PASS), this.#output.byteOff);
    const scored = scoreCode(b, this.#fit, values, table);
    b.assign(this.#score, scored.score);
    b.assign(this.#class, scored.class);
    b.assign(this.#lead, scored.lead);
    b.assign(this.#flags, SCORE_RAN);
    this.#choose(output.kind === 'argmax' ? output.verdicts : [output.below, output.above]);
  }

  /** Sets the verdict that belongs to the class. */
  #choose(verdicts: readonly VerdictName[]): void {
    const b = this.#b;
    const last = verdicts.length - 1;
    b.assign(this.#verdict, VERDICT_ORDER.indexOf(verdicts[last]));
    verdicts.slice(0, last).forEach((verdict, index) => {
      if (verdict === verdicts[last]) return;
      b.when('eq', this.#class, index, () => b.assign(this.#verdict, VERDICT_ORDER.indexOf(verdict)));
    });
  }

  #record(): void {
    const b = this.#b;
    const last = this.#context.lookup(b, SCORE_MAP, XDP_PASS);
    storeScore(b, last, { score: this.#score, verdict: this.#verdict, class: this.#class, flags: this.#flags, lead: this.#lead });
    countVerdict(b, this.#verdict);
  }

  #return(): void {
    const b = this.#b;
    const { output } = this.#fit;
    const used = new Set([otherwiseOf(this.#fit), ...(output.kind === 'argmax' ? output.verdicts : [output.above, output.below])]);
    if (used.has('REDIRECT')) {
      b.when('eq', this.#verdict, VERDICT_ORDER.indexOf('REDIRECT'), () => {
        b.ret(b.callHelper('bpf_redirect', [output.redirectIfindex!, 0]));
      });
    }
    if (used.has('TAG')) b.when('eq', this.#verdict, VERDICT_ORDER.indexOf('TAG'), () => this.#tag());
    b.ret(this.#verdict);
  }

  /** Puts magic and score before the packet, where a tc program finds them; a driver without metadata passes the packet untagged. */
  #tag(): void {
    const b = this.#b;
    const [room, pass] = [b.newBlock(), b.newBlock()];
    const full = this.#manners ? b.newBlock() : pass;
    b.branch('eq', b.callHelper('bpf_xdp_adjust_meta', [b.arg(0), -TAG_BYTES]), 0, room, full);
    if (this.#manners) {
      b.startBlock(full);
      this.#manners.noteUntagged();
      b.jump(pass);
    }
    b.startBlock(room);
    const meta = b.load(b.arg(0), MD_DATA_META, 4);
    const write = b.newBlock();
    b.branch('ule', b.add(meta, TAG_BYTES), b.load(b.arg(0), MD_DATA, 4), write, pass);
    b.startBlock(write);
    b.store(meta, 0, TAG_MAGIC, 4);
    b.store(meta, 4, this.#score, 4);
    b.jump(pass);
    b.startBlock(pass);
    b.ret(XDP_PASS);
  }
}

function slotOf(slots: readonly TensorSlot[], name: string): TensorSlot {
  const slot = slots.find((s) => s.name === name);
  if (!slot)
    throw new InputError(`the program has no tensor \`${name}\``, 'binding', `It has ${slots.map((s) => `\`${s.name}\``).join(', ')}`);
  return slot;
}
