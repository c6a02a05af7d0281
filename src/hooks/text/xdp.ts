import type { FuncBuilder as Builder, Reg } from '../../compiler/ir/builder.ts';
import { FuncBuilder } from '../../compiler/ir/builder.ts';
import type { BlockId, IrFunc } from '../../compiler/ir/ir.ts';
import { MAP_OF } from '../../compiler/kernels/frame.ts';
import { entryOf } from '../../compiler/lm/frame.ts';
import type { DecoderHook, DecoderHookContext } from '../../compiler/lm/hook.ts';
import { INPUT, OUTPUT, STATE, STATUS } from '../../compiler/lm/layout.ts';
import { acquire, release } from '../../compiler/lm/lock.ts';
import { STATE_MAP } from '../../compiler/lm/sample-kernels.ts';
import { VERDICT_ORDER } from '../decide.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, IPV4_FRAGMENT, PROTO_UDP } from '../layers.ts';
import { MD_DATA, MD_DATA_END, wire16 } from '../range-code.ts';
import type { TextBinding, TextVerdict } from './binding.ts';
import { roomOf, TEXT, TEXT_ANSWER, TEXT_MAGIC, TEXT_RESET } from './packet.ts';

const ETHERNET = 14;
const IPV6 = 40;
const UDP = 8;
/** Bytes in which the addresses of IP lie, and those of every request: Ethernet, IPv6 or IPv4, UDP. */
const FIXED = ETHERNET + IPV6;
/** Most bytes before the UDP header: IPv4 with all options. */
const MOST_BEFORE = 127;

const codeOf = (verdict: TextVerdict): number => VERDICT_ORDER.indexOf(verdict);

/** The XDP program around a decoder: a UDP packet carries a request (`packet.ts`), the answer takes its place. */
export const textHook = (binding: TextBinding): DecoderHook => ({
  section: 'xdp',
  maps: [],
  binding,
  buildMain: (context) => [new TextMain(binding, context).build()],
});

class TextMain {
  readonly #binding: TextBinding;
  readonly #context: DecoderHookContext;
  readonly #b: Builder = new FuncBuilder('xdp_text', 'main', ['ctx']);
  readonly #missing: BlockId;
  readonly #room: number;

  constructor(binding: TextBinding, context: DecoderHookContext) {
    this.#binding = binding;
    this.#context = context;
    this.#room = roomOf(binding);
    this.#missing = this.#b.newBlock();
  }

  build(): IrFunc {
    const b = this.#b;
    const { input: asked, output: given } = this.#binding;
    const origin = (label: string): void => b.setOrigin(this.#context.origin(label));
    origin('find the request');
    const { off, data } = this.#findUdp();
    const udp = b.add(data, off);
    this.#within(udp, UDP + TEXT.tokens + 2 * this.#room);
    this.#require('eq', b.load(udp, 2, 2), wire16(asked.port));
    this.#require('uge', b.bswap(b.load(udp, 4, 2), 16), UDP + TEXT.tokens + 2 * this.#room);
    const field = (at: number): number => UDP + at;
    this.#require('eq', b.load(udp, field(TEXT.magic), 4), TEXT_MAGIC);
    const flags = b.load(udp, field(TEXT.flags), 2);
    this.#require('eq', b.and(flags, TEXT_ANSWER), 0);
    const prompt = b.load(udp, field(TEXT.prompt), 2);
    this.#require('ule', prompt, asked.length);
    const count = b.load(udp, field(TEXT.generate), 2);
    this.#require('ule', count, given.length);
    const before = this.#sum(udp);

    const input = entryOf(b, MAP_OF.input, this.#missing);
    const output = entryOf(b, MAP_OF.output, this.#missing);
    const state = entryOf(b, STATE_MAP, this.#missing);
    const [busy, answered, owned, go] = [b.newBlock(), b.newBlock(), b.newBlock(), b.newBlock()];
    const status = b.copy(STATUS.busy);
    const [made, position] = [b.copy(0), b.copy(0)];
    const swaps = acquire(b, busy);
    origin('copy the request');
    b.assign(status, STATUS.stale);
    const session = b.load(udp, field(TEXT.session), 4);
    const reset = b.and(flags, TEXT_RESET);
    b.when('ne', reset, 0, () => b.store(state, STATE.session, session, 4));
    // A text belongs to who began it.
    b.branch('eq', b.load(state, STATE.session, 4), session, go, owned);
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
    origin('write the answer');
    for (let i = 0; i < this.#room; i++)
      b.store(udp, field(TEXT.tokens) + 2 * i, i < given.length ? b.load(output, OUTPUT.tokens + 4 * i, 4) : 0, 2);
    b.jump(owned);
    b.startBlock(owned);
    release(b);
    b.jump(answered);
    b.startBlock(busy);
    b.jump(answered);
    b.startBlock(answered);
    b.store(udp, field(TEXT.flags), b.or(status, TEXT_ANSWER), 2);
    b.store(udp, field(TEXT.prompt), made, 2);
    b.store(udp, field(TEXT.generate), position, 2);
    this.#amend(udp, before);
    if (given.reply === 'TX') this.#turnRound(data, udp);
    b.ret(codeOf(given.reply));
    b.startBlock(this.#missing);
    b.ret(codeOf(asked.otherwise ?? 'PASS'));
    return b.finish();
  }

  #require(cmp: Parameters<Builder['branch']>[0], a: Reg, value: number): void {
    const next = this.#b.newBlock();
    this.#b.branch(cmp, a, value, next, this.#missing);
    this.#b.startBlock(next);
  }

  /** Goes on when `bytes` from `at` on are there. */
  #within(at: Reg, bytes: number): void {
    const b = this.#b;
    const next = b.newBlock();
    b.branch('ule', b.add(at, bytes), b.load(b.arg(0), MD_DATA_END, 4), next, this.#missing);
    b.startBlock(next);
  }

  /** The start of the packet, and where behind it the UDP header is: IPv4 that is no fragment, or IPv6 without extension headers. */
  #findUdp(): { data: Reg; off: Reg } {
    const b = this.#b;
    const data = b.load(b.arg(0), MD_DATA, 4);
    this.#within(data, FIXED);
    const off = b.copy(0);
    const [v4, other, v6, found] = [b.newBlock(), b.newBlock(), b.newBlock(), b.newBlock()];
    const type = b.load(data, 12, 2);
    const first = b.load(data, ETHERNET, 1);
    b.branch('eq', type, wire16(ETHERTYPE_IPV4), v4, other);
    b.startBlock(v4);
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
    this.#require('eq', b.rsh(first, 4), 6);
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
