import type { FuncBuilder as Builder, Reg } from '../../compiler/ir/builder.ts';
import { FuncBuilder } from '../../compiler/ir/builder.ts';
import type { BlockId, IrFunc } from '../../compiler/ir/ir.ts';
import { MAP_OF } from '../../compiler/kernels/frame.ts';
import { entryOf, keyOf } from '../../compiler/lm/frame.ts';
import type { DecoderHook, DecoderHookContext } from '../../compiler/lm/hook.ts';
import { INPUT, MISSED, OUTPUT, STATE, STATUS } from '../../compiler/lm/layout.ts';
import { acquire, release } from '../../compiler/lm/lock.ts';
import { STATE_MAP } from '../../compiler/lm/sample-kernels.ts';
import { OTHERWISE_COUNTER, VERDICT_ORDER } from '../decide.ts';
import { entryOf as entryOrReturn } from '../entry.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, IPV4_FRAGMENT, PROTO_UDP } from '../layers.ts';
import { manners } from '../production/code.ts';
import { MD_DATA, MD_DATA_END, wire16 } from '../range-code.ts';
import { countVerdict, type Manners, type RunningManners, verdictsMap } from '../xdp.ts';
import type { TextBinding, TextVerdict } from './binding.ts';
import { roomOf, TEXT, TEXT_ANSWER, TEXT_MAGIC, TEXT_RESET } from './packet.ts';

const ETHERNET = 14;
const IPV4 = 20;
const IPV6 = 40;
const UDP = 8;
/** Bytes in which the addresses of IP lie, and those of every request: Ethernet, IPv6 or IPv4, UDP. */
const FIXED = ETHERNET + IPV6;
/** Most bytes before the UDP header: IPv4 with all options. */
const MOST_BEFORE = 127;

const codeOf = (verdict: TextVerdict): number => VERDICT_ORDER.indexOf(verdict);

/** The XDP program around a decoder: a UDP packet carries a request (`packet.ts`), the answer takes its place. */
export function textHook(binding: TextBinding): DecoderHook {
  const added = binding.production ? manners(binding.production) : null;
  return {
    section: 'xdp',
    maps: added ? [verdictsMap(), ...added.maps] : [],
    binding,
    buildMain: (context) => new TextMain(binding, context, added).build(),
  };
}

class TextMain {
  readonly #binding: TextBinding;
  readonly #context: DecoderHookContext;
  readonly #b: Builder = new FuncBuilder('xdp_text', 'main', ['ctx']);
  readonly #missing: BlockId;
  /** Where packets go that are said to be longer than the frame. */
  readonly #cut: BlockId;
  readonly #room: number;
  readonly #manners: RunningManners | null;
  /** The UDP header in front of a request, as soon as one was found. */
  #request: Reg | null = null;
  /** Whether what is built now holds the lock. */
  #locked = false;

  constructor(binding: TextBinding, context: DecoderHookContext, added: Manners | null) {
    const b = this.#b;
    this.#binding = binding;
    this.#context = context;
    this.#room = roomOf(binding);
    const found = { addOrigin: ({ label }: { label: string }) => context.origin(label), lookup: entryOrReturn };
    this.#manners = added?.begin(b, found, () => this.#pass()) ?? null;
    this.#manners?.start();
    this.#missing = b.newBlock();
    this.#cut = this.#manners ? b.newBlock() : this.#missing;
  }

  build(): IrFunc[] {
    const b = this.#b;
    const manners = this.#manners;
    const { input: asked, output: given } = this.#binding;
    const origin = (label: string): void => b.setOrigin(this.#context.origin(label));
    origin('find the request');
    const { off, data } = this.#findUdp();
    const udp = b.add(data, off);
    this.#within(udp, UDP, this.#cut);
    this.#require('eq', b.load(udp, 2, 2), wire16(asked.port));
    this.#require('uge', b.bswap(b.load(udp, 4, 2), 16), UDP + TEXT.tokens + 2 * this.#room);
    this.#within(udp, UDP + TEXT.tokens + 2 * this.#room, this.#cut);
    // A request is longer than the headers before it may be.
    this.#within(data, FIXED, this.#missing);
    const field = (at: number): number => UDP + at;
    this.#require('eq', b.load(udp, field(TEXT.magic), 4), TEXT_MAGIC);
    const flags = b.load(udp, field(TEXT.flags), 2);
    this.#require('eq', b.and(flags, TEXT_ANSWER), 0);
    this.#request = udp;
    const prompt = b.load(udp, field(TEXT.prompt), 2);
    this.#atMost(prompt, asked.length);
    const count = b.load(udp, field(TEXT.generate), 2);
    this.#atMost(count, given.length);
    manners?.sample();
    manners?.ready();
    const before = this.#sum(udp);

    const entry = (map: string): Reg => manners?.entry(map) ?? entryOf(b, map, this.#missing);
    const [input, output, state] = [entry(MAP_OF.input), entry(MAP_OF.output), entry(STATE_MAP)];
    const [busy, answered, owned, go] = [b.newBlock(), b.newBlock(), b.newBlock(), b.newBlock()];
    const status = b.copy(STATUS.busy);
    const [made, position] = [b.copy(0), b.copy(0)];
    const lockless = manners ? b.newBlock() : busy;
    const swaps = acquire(b, busy, lockless);
    this.#locked = true;
    origin('copy the request');
    b.assign(status, STATUS.stale);
    const session = b.load(udp, field(TEXT.session), 4);
    const reset = b.and(flags, TEXT_RESET);
    b.when('ne', reset, 0, () => {
      b.store(state, STATE.session, session, 4);
      if (manners) b.store(state, STATE.missed, MISSED.nothing, 4);
    });
    // A text belongs to who began it.
    const theirs = manners ? b.newBlock() : go;
    b.branch('eq', b.load(state, STATE.session, 4), session, theirs, owned);
    if (manners) {
      b.startBlock(theirs);
      this.#goOn(state, go, owned);
    }
    b.startBlock(go);
    b.store(input, INPUT.flags, reset, 4);
    b.store(input, INPUT.prompt, prompt, 4);
    b.store(input, INPUT.generate, count, 4);
    b.store(input, INPUT.candidates, b.load(udp, field(TEXT.candidates), 2), 4);
    for (const [to, from] of [
      [INPUT.temperature, TEXT.temperature],
      [INPUT.seed, TEXT.seed],
      [INPUT.stop, TEXT.stop],
    ] as const)
      b.store(input, to, b.load(udp, field(from), 4), 4);
    for (let i = 0; i < Math.ceil(asked.length / 4); i++)
      b.store(input, INPUT.tokens + 8 * i, b.load(udp, field(TEXT.tokens) + 8 * i, 8), 8);
    // Nobody reads what another was answered.
    for (let i = 0; i < Math.ceil(given.length / 2); i++) b.store(output, OUTPUT.tokens + 8 * i, 0, 8);
    b.assign(status, this.#context.generate(b, { input, output, state, swaps }));
    b.assign(made, b.load(output, OUTPUT.count, 4));
    b.assign(position, b.load(output, OUTPUT.position, 4));
    if (manners) {
      manners.finish(b.xor(status, STATUS.stale));
      const told = b.newBlock();
      b.branch('eq', manners.shadowing(), 0, told, owned);
      b.startBlock(told);
    }
    origin('write the answer');
    for (let i = 0; i < this.#room; i++)
      b.store(udp, field(TEXT.tokens) + 2 * i, i < given.length ? b.load(output, OUTPUT.tokens + 4 * i, 4) : 0, 2);
    b.jump(owned);
    b.startBlock(owned);
    release(b);
    this.#locked = false;
    if (manners) b.when('eq', status, STATUS.stale, () => manners.refuse('stale'));
    b.jump(answered);
    b.startBlock(busy);
    manners?.refuse('busy');
    b.jump(answered);
    b.startBlock(answered);
    if (manners) {
      countVerdict(b, codeOf(given.reply));
      manners.inShadow(null, () => {
        b.when('eq', status, STATUS.busy, () => this.#forget());
        b.ret(codeOf('PASS'));
      });
    }
    b.store(udp, field(TEXT.flags), b.or(status, TEXT_ANSWER), 2);
    b.store(udp, field(TEXT.prompt), made, 2);
    b.store(udp, field(TEXT.generate), position, 2);
    this.#amend(udp, before);
    if (given.reply === 'TX') this.#turnRound(data, udp);
    b.ret(codeOf(given.reply));
    if (manners) {
      b.startBlock(lockless);
      manners.fail('map');
      this.#request = null;
      b.startBlock(this.#cut);
      manners.fail('truncated');
    }
    b.startBlock(this.#missing);
    const otherwise = codeOf(asked.otherwise ?? 'PASS');
    if (manners) {
      countVerdict(b, OTHERWISE_COUNTER);
      countVerdict(b, otherwise);
      manners.inShadow(b.copy(otherwise), () => b.ret(codeOf('PASS')));
    }
    b.ret(otherwise);
    return [b.finish(), ...(manners?.functions() ?? [])];
  }

  /** What is not answered passes, and no text goes on over the gap. */
  #pass(): void {
    const b = this.#b;
    this.#forget();
    if (this.#locked) release(b);
    b.ret(codeOf('PASS'));
  }

  /** Notes in the text of the request's session, or in any where no request was found, that a packet of it passed unread. */
  #forget(): void {
    const b = this.#b;
    const state = b.callHelper('bpf_map_lookup_elem', [b.mapPtr(STATE_MAP), keyOf(b)]);
    const note = (): void => b.store(state, STATE.missed, MISSED.packets, 4);
    const request = this.#request;
    b.when('ne', state, 0, () => {
      if (request) b.when('eq', b.load(state, STATE.session, 4), b.load(request, UDP + TEXT.session, 4), note);
      else note();
    });
  }

  /** On to `go` with a text of which the sender was told all; in shadow mode with one of which no packet is lacking. Else to `stale`. */
  #goOn(state: Reg, go: BlockId, stale: BlockId): void {
    const b = this.#b;
    const [whole, watched] = [b.newBlock(), b.newBlock()];
    const shadowing = this.#manners!.shadowing();
    b.branch('ule', b.load(state, STATE.missed, 4), shadowing, whole, stale);
    b.startBlock(whole);
    b.branch('eq', shadowing, 0, go, watched);
    b.startBlock(watched);
    b.store(state, STATE.missed, MISSED.answers, 4);
    b.jump(go);
  }

  /** A request of more tokens than a packet may cost is no request; in production it fails. */
  #atMost(tokens: Reg, most: number): void {
    const manners = this.#manners;
    if (manners) this.#b.when('ugt', tokens, most, () => manners.fail('length'));
    else this.#require('ule', tokens, most);
  }

  #require(cmp: Parameters<Builder['branch']>[0], a: Reg, value: number): void {
    const next = this.#b.newBlock();
    this.#b.branch(cmp, a, value, next, this.#missing);
    this.#b.startBlock(next);
  }

  /** Goes on when `bytes` from `at` on are there, else to `other`. */
  #within(at: Reg, bytes: number, other: BlockId): void {
    const b = this.#b;
    const next = b.newBlock();
    b.branch('ule', b.add(at, bytes), b.load(b.arg(0), MD_DATA_END, 4), next, other);
    b.startBlock(next);
  }

  /** The start of the packet, and where behind it the UDP header is: IPv4 that is no fragment, or IPv6 without extension headers. */
  #findUdp(): { data: Reg; off: Reg } {
    const b = this.#b;
    const data = b.load(b.arg(0), MD_DATA, 4);
    this.#within(data, ETHERNET, this.#missing);
    const off = b.copy(0);
    const [v4, other, v6, found] = [b.newBlock(), b.newBlock(), b.newBlock(), b.newBlock()];
    const type = b.load(data, 12, 2);
    b.branch('eq', type, wire16(ETHERTYPE_IPV4), v4, other);
    b.startBlock(v4);
    this.#within(data, ETHERNET + IPV4, this.#cut);
    const first = b.load(data, ETHERNET, 1);
    this.#require('eq', b.rsh(first, 4), 4);
    const header = b.lsh(b.and(first, 15), 2);
    this.#require('uge', header, 20);
    this.#require('eq', b.and(b.load(data, ETHERNET + 6, 2), wire16(IPV4_FRAGMENT)), 0);
    this.#require('eq', b.load(data, ETHERNET + 9, 1), PROTO_UDP);
    b.assign(off, b.add(header, ETHERNET));
    b.jump(found);
    b.startBlock(other);
    b.branch('eq', type, wire16(ETHERTYPE_IPV6), v6, this.#missing);
    b.startBlock(v6);
    this.#within(data, FIXED, this.#cut);
    this.#require('eq', b.rsh(b.load(data, ETHERNET, 1), 4), 6);
    this.#require('eq', b.load(data, ETHERNET + 6, 1), PROTO_UDP);
    b.assign(off, ETHERNET + IPV6);
    b.jump(found);
    b.startBlock(found);
    return { data, off: b.and(off, MOST_BEFORE) };
  }

  /** Sum of the 32-bit words of a request: modulo 2¹⁶ − 1 that of its 16-bit words (RFC 1071). */
  #sum(udp: Reg): Reg {
    const b = this.#b;
    const sum = b.copy(0);
    for (let off = UDP; off < UDP + TEXT.tokens + 2 * this.#room; off += 4) b.aluTo(sum, 'add', sum, b.load(udp, off, 4));
    return sum;
  }

  /** Amends the UDP checksum for what changed (RFC 1624); where there was none, none is needed. Swapped addresses and ports leave it as it is. */
  #amend(udp: Reg, before: Reg): void {
    const b = this.#b;
    const old = b.load(udp, 6, 2);
    b.when('ne', old, 0, () => {
      const words = (TEXT.tokens + 2 * this.#room) / 4;
      const sum = this.#sum(udp);
      // The complement of each old word, and of the old checksum.
      b.aluTo(sum, 'sub', sum, before);
      b.aluTo(sum, 'add', sum, b.const(BigInt(words) * 0xffff_ffffn + 0xffffn));
      b.aluTo(sum, 'sub', sum, old);
      for (let round = 0; round < 4; round++) {
        const high = b.rsh(sum, 16);
        b.aluTo(sum, 'and', sum, 0xffff);
        b.aluTo(sum, 'add', sum, high);
      }
      const check = b.and(b.xor(sum, 0xffff), 0xffff);
      b.when('eq', check, 0, () => b.assign(check, 0xffff));
      b.store(udp, 6, check, 2);
    });
  }

  #turnRound(data: Reg, udp: Reg): void {
    const b = this.#b;
    const swap = (base: Reg, one: number, other: number, size: 2 | 4 | 8): void => {
      const [x, y] = [b.load(base, one, size), b.load(base, other, size)];
      b.store(base, one, y, size);
      b.store(base, other, x, size);
    };
    swap(data, 0, 6, 4);
    swap(data, 4, 10, 2);
    swap(udp, 0, 2, 2);
    const [v4, v6, done] = [b.newBlock(), b.newBlock(), b.newBlock()];
    b.branch('eq', b.load(data, 12, 2), wire16(ETHERTYPE_IPV4), v4, v6);
    b.startBlock(v4);
    swap(data, ETHERNET + 12, ETHERNET + 16, 4);
    b.jump(done);
    b.startBlock(v6);
    swap(data, ETHERNET + 8, ETHERNET + 24, 8);
    swap(data, ETHERNET + 16, ETHERNET + 32, 8);
    b.jump(done);
    b.startBlock(done);
  }
}
