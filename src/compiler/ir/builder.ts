import type {
  AluOp,
  BlockId,
  CallbackLoop,
  Cmp,
  FuncCost,
  IrBlock,
  IrFunc,
  IrInst,
  Operand,
  OriginId,
  Size,
  Terminator,
  VReg,
  Width,
} from './ir.ts';

/** A virtual register as the builder hands it out. */
export interface Reg {
  readonly reg: VReg;
}
/** What builder methods take: a register, or a number that is an immediate (32 bits, sign-extended). */
export type Val = Reg | number;

/**
 * How loops of constant length become code: `bounded` walks pointers and counts; `may_goto` and `bpf_loop` take every pointer from the number of
 * the round, so that the verifier sees the same state in each and goes through the body once or twice; `unrolled` repeats the body.
 */
export interface LoopStyle {
  readonly form: 'bounded' | 'may_goto' | 'bpf_loop' | 'unrolled';
  /** A zero that the verifier does not know: a counter that starts from a known number is walked in full. */
  readonly zero: (b: FuncBuilder) => Reg;
  /** How many loops may be callbacks inside each other: every one takes a frame of the eight that there are. */
  readonly callbackDepth: number;
}

const BOUNDED: LoopStyle = { form: 'bounded', zero: (b) => b.const(0), callbackDepth: 0 };
/** Fewer rounds are walked: what a callback or a `may_goto` costs at run time is not worth it. */
const FEW_ROUNDS = 4;
/** Rounds that the verifier goes through of a loop it need not walk: the first, and one more until the state is known. */
const WALKED_ROUNDS = 2;
/** Operations that one unrolled loop may come to; longer ones stay loops. */
const UNROLLED_OPS = 16_384;

/** A pointer and how far it moves in a round, in bytes. */
export type Stride = readonly [pointer: Reg, bytes: number];

type WithoutOrigin<T> = T extends unknown ? Omit<T, 'origin'> : never;

const operand = (value: Val): Operand => {
  if (typeof value !== 'number') return { reg: value.reg };
  if (!Number.isInteger(value) || value < -0x8000_0000 || value > 0x7fff_ffff) {
    throw new Error(`immediate ${value} does not fit in 32 bits`);
  }
  return { imm: value };
};

/** Builds one {@link IrFunc}. Instructions go to the current block and carry the current origin. */
export class FuncBuilder {
  readonly #name: string;
  readonly #linkage: IrFunc['linkage'];
  readonly #returns: IrFunc['returns'];
  readonly #args: { reg: VReg; type: 'scalar' | 'ctx' | 'ptr' }[] = [];
  readonly #stackSlots: number[] = [];
  readonly #blocks: { id: BlockId; insts: IrInst[]; term: Terminator | null }[] = [];
  readonly #order: BlockId[] = [];
  #vregCount = 0;
  #current = 0;
  #origin: OriginId = 0;
  readonly #loops: LoopStyle;
  readonly #callbackLoops: CallbackLoop[] = [];
  #callbackDepth = 0;
  /** How often the verifier and a run come to what is built now. */
  #often = { walked: 1, executed: 1 };
  #cost = { walked: 0, executed: 0, callbacks: 0, calls: [] as FuncCost['calls'][number][] };
  /** Stack slots below this number belong to rounds that were repeated, and are used again. */
  #slotCursor = 0;

  constructor(
    name: string,
    linkage: IrFunc['linkage'],
    argTypes: readonly ('scalar' | 'ctx' | 'ptr')[],
    returns: IrFunc['returns'] = 'scalar',
    loops: LoopStyle = BOUNDED,
  ) {
    this.#loops = loops;
    this.#name = name;
    this.#linkage = linkage;
    this.#returns = returns;
    for (const type of argTypes) this.#args.push({ reg: this.reg().reg, type });
    this.startBlock(this.newBlock());
  }

  /** The register that holds argument `index` at entry. */
  arg(index: number): Reg {
    return { reg: this.#args[index].reg };
  }
  /** A fresh register without a value. */
  reg(): Reg {
    return { reg: this.#vregCount++ };
  }
  /** All instructions from here on serve `origin`. */
  setOrigin(origin: OriginId): void {
    this.#origin = origin;
  }
  get origin(): OriginId {
    return this.#origin;
  }

  newBlock(): BlockId {
    this.#blocks.push({ id: this.#blocks.length, insts: [], term: null });
    return this.#blocks.length - 1;
  }
  /** Continue in `block`, which takes the next place in the layout. */
  startBlock(block: BlockId): void {
    this.#current = block;
    this.#order.push(block);
  }
  /** True when the current block already ends in a terminator. */
  get closed(): boolean {
    return this.#blocks[this.#current].term !== null;
  }

  const(value: bigint | number): Reg {
    const dst = this.reg();
    this.#push({ op: 'const', dst: dst.reg, value: BigInt(value) });
    return dst;
  }
  copy(src: Val, width: Width = 64): Reg {
    const dst = this.reg();
    this.assign(dst, src, width);
    return dst;
  }
  /** `dst = src`; with width 32 the upper half becomes zero. */
  assign(dst: Reg, src: Val, width: Width = 64): void {
    this.#push({ op: 'mov', dst: dst.reg, src: operand(src), width });
  }
  alu(alu: AluOp, a: Val, b: Val, width: Width = 64): Reg {
    const dst = this.reg();
    this.aluTo(dst, alu, a, b, width);
    return dst;
  }
  /** `dst = a op b`; `dst` may be `a` or `b`. */
  aluTo(dst: Reg, alu: AluOp, a: Val, b: Val, width: Width = 64): void {
    this.#push({ op: 'alu', alu, width, dst: dst.reg, a: operand(a), b: operand(b) });
  }
  add(a: Val, b: Val): Reg {
    return this.alu('add', a, b);
  }
  sub(a: Val, b: Val): Reg {
    return this.alu('sub', a, b);
  }
  mul(a: Val, b: Val): Reg {
    return this.alu('mul', a, b);
  }
  and(a: Val, b: Val): Reg {
    return this.alu('and', a, b);
  }
  or(a: Val, b: Val): Reg {
    return this.alu('or', a, b);
  }
  xor(a: Val, b: Val): Reg {
    return this.alu('xor', a, b);
  }
  lsh(a: Val, b: Val): Reg {
    return this.alu('lsh', a, b);
  }
  rsh(a: Val, b: Val): Reg {
    return this.alu('rsh', a, b);
  }
  arsh(a: Val, b: Val): Reg {
    return this.alu('arsh', a, b);
  }
  sext(src: Reg, bits: 8 | 16 | 32): Reg {
    const dst = this.reg();
    this.#push({ op: 'sext', dst: dst.reg, src: src.reg, bits });
    return dst;
  }
  bswap(src: Reg, bits: 16 | 32 | 64, to: 'be' | 'le' | 'swap' = 'be'): Reg {
    const dst = this.reg();
    this.#push({ op: 'bswap', dst: dst.reg, src: src.reg, bits, to });
    return dst;
  }
  load(base: Reg, off: number, size: Size, signed = false): Reg {
    const dst = this.reg();
    this.#push({ op: 'load', dst: dst.reg, base: base.reg, off, size, signed });
    return dst;
  }
  store(base: Reg, off: number, src: Val, size: Size): void {
    this.#push({ op: 'store', base: base.reg, off, src: operand(src), size });
  }
  atomicAdd(base: Reg, off: number, src: Reg, size: 4 | 8): void {
    this.#push({ op: 'atomic', atomic: 'add', dst: null, base: base.reg, off, src: src.reg, size });
  }
  /** Adds `src` and gives what was there; a full barrier (kernel ≥ 5.12, cpu v3). */
  atomicFetchAdd(base: Reg, off: number, src: Reg, size: 4 | 8): Reg {
    const dst = this.reg();
    this.#push({ op: 'atomic', atomic: 'add', dst: dst.reg, base: base.reg, off, src: src.reg, size });
    return dst;
  }
  /** Puts `src` there and gives what was there; a full barrier (kernel ≥ 5.12, cpu v3). */
  atomicExchange(base: Reg, off: number, src: Reg, size: 4 | 8): Reg {
    const dst = this.reg();
    this.#push({ op: 'atomic', atomic: 'xchg', dst: dst.reg, base: base.reg, off, src: src.reg, size });
    return dst;
  }
  /** Puts `src` there if `expected` was there; gives what was there. */
  atomicCompareExchange(base: Reg, off: number, expected: Val, src: Reg, size: 4 | 8): Reg {
    const dst = this.reg();
    this.#push({ op: 'atomic', atomic: 'cmpxchg', dst: dst.reg, base: base.reg, off, src: src.reg, expected: operand(expected), size });
    return dst;
  }
  mapPtr(map: string): Reg {
    const dst = this.reg();
    this.#push({ op: 'mapPtr', dst: dst.reg, map });
    return dst;
  }
  /** Address of byte `off` in the single value of global-data map `map`. */
  mapValue(map: string, off = 0): Reg {
    const dst = this.reg();
    this.#push({ op: 'mapValue', dst: dst.reg, map, off });
    return dst;
  }
  /** Reserves `bytes` of stack (8-byte aligned) and gives its address. */
  stackSlot(bytes: number): { slot: number; addr: () => Reg } {
    const slot = this.#slotCursor++;
    if (slot === this.#stackSlots.length) this.#stackSlots.push(bytes);
    return {
      slot,
      addr: () => {
        const dst = this.reg();
        this.#push({ op: 'stackAddr', dst: dst.reg, slot });
        return dst;
      },
    };
  }
  /** Calls a helper by name (`bpf_map_lookup_elem`). */
  callHelper(helper: string, args: readonly Val[]): Reg {
    const dst = this.reg();
    this.#push({ op: 'callHelper', dst: dst.reg, helper, args: args.map(operand) });
    return dst;
  }
  /** Calls another function of the same program. */
  call(func: string, args: readonly Val[]): Reg {
    const dst = this.reg();
    this.#cost.calls.push({ func, ...this.#often });
    this.#push({ op: 'call', dst: dst.reg, func, args: args.map(operand) });
    return dst;
  }

  jump(to: BlockId): void {
    this.#end({ op: 'jump', to });
  }
  branch(cmp: Cmp, a: Val, b: Val, ifTrue: BlockId, ifFalse: BlockId, width: Width = 64): void {
    this.#end({ op: 'branch', cmp, width, a: operand(a), b: operand(b), ifTrue, ifFalse });
  }
  ret(value: Val | null): void {
    this.#end({ op: 'ret', value: value === null ? null : operand(value) });
  }
  /** `for (i = from; i < to; i += step)` tested at the bottom: the body runs at least once. `from`, `to`, `step` are constants. */
  loop(from: number, to: number, step: number, body: (i: Reg) => void): void {
    const i = this.copy(from);
    const head = this.newBlock();
    const exit = this.newBlock();
    const rounds = Math.ceil((to - from) / step);
    this.jump(head);
    this.startBlock(head);
    this.#inRounds(rounds, rounds, () => {
      body(i);
      this.aluTo(i, 'add', i, step);
      this.branch('ult', i, to, head, exit);
    });
    this.startBlock(exit);
  }
  /** `rounds` times `body`, in the builder's style; `index` is the number of the round times `step`. */
  repeat(rounds: number, step: number, body: (index: Val) => void): void {
    this.#repeat(rounds, [], (_, round) => body(typeof round === 'number' ? round * step : step === 1 ? round() : this.mul(round(), step)));
  }

  /** `rounds` times `body` with pointers that move; gives them as they stand behind the last round. */
  strided(rounds: number, strides: readonly Stride[], body: (pointers: readonly Reg[]) => void): readonly Reg[] {
    return this.#repeat(rounds, strides, body);
  }

  #repeat(
    rounds: number,
    strides: readonly Stride[],
    body: (pointers: readonly Reg[], round: number | (() => Reg)) => void,
  ): readonly Reg[] {
    const { form, callbackDepth } = this.#loops;
    if (rounds === 1) {
      body(
        strides.map(([pointer]) => pointer),
        0,
      );
      return strides.map(([pointer, bytes]) => (bytes === 0 ? pointer : this.add(pointer, bytes)));
    }
    if (form === 'unrolled' && this.#opsOf(() => body(this.#walked(strides), 0)) * rounds <= UNROLLED_OPS)
      return this.#unrolled(rounds, strides, body);
    if (form === 'may_goto' && rounds >= FEW_ROUNDS) this.#mayGoto(rounds, strides, body);
    else if (form === 'bpf_loop' && rounds >= FEW_ROUNDS && this.#callbackDepth < callbackDepth) this.#callback(rounds, strides, body);
    else return this.#walk(rounds, strides, body);
    return strides.map(([pointer, bytes]) => (bytes === 0 ? pointer : this.add(pointer, bytes * rounds)));
  }

  /** What `build` makes counts as often as the verifier and a run go through it. */
  #inRounds(walked: number, executed: number, build: () => void): void {
    const outside = this.#often;
    this.#often = { walked: outside.walked * walked, executed: outside.executed * executed };
    build();
    this.#often = outside;
  }

  #walked(strides: readonly Stride[]): Reg[] {
    return strides.map(([pointer, bytes]) => (bytes === 0 ? pointer : this.copy(pointer)));
  }

  #advance(strides: readonly Stride[], at: readonly Reg[]): void {
    for (const [i, [, bytes]] of strides.entries()) if (bytes !== 0) this.aluTo(at[i]!, 'add', at[i]!, bytes);
  }

  #walk(rounds: number, strides: readonly Stride[], body: (pointers: readonly Reg[], round: () => Reg) => void): readonly Reg[] {
    const at = this.#walked(strides);
    this.loop(0, rounds, 1, (round) => {
      body(at, () => round);
      this.#advance(strides, at);
    });
    return at;
  }

  #unrolled(rounds: number, strides: readonly Stride[], body: (pointers: readonly Reg[], round: number) => void): readonly Reg[] {
    const at = this.#walked(strides);
    const firstSlot = this.#slotCursor;
    for (let round = 0; round < rounds; round++) {
      this.#slotCursor = firstSlot;
      body(at, round);
      this.#advance(strides, at);
    }
    return at;
  }

  /** Where the pointers stand in a round. */
  #placed(strides: readonly Stride[], round: Reg): Reg[] {
    return strides.map(([pointer, bytes]) => (bytes === 0 ? pointer : this.add(pointer, this.mul(round, bytes))));
  }

  #mayGoto(rounds: number, strides: readonly Stride[], body: (pointers: readonly Reg[], round: () => Reg) => void): void {
    const round = this.copy(this.#loops.zero(this));
    const [head, test, first, exit] = [this.newBlock(), this.newBlock(), this.newBlock(), this.newBlock()];
    this.jump(head);
    this.startBlock(head);
    this.#inRounds(WALKED_ROUNDS, rounds, () => {
      this.#end({ op: 'mayGoto', exit, next: test });
      this.startBlock(test);
      this.branch('ugt', round, rounds - 1, exit, first);
      this.startBlock(first);
      body(this.#placed(strides, round), () => round);
      this.aluTo(round, 'add', round, 1);
      this.jump(head);
    });
    this.startBlock(exit);
  }

  #callback(rounds: number, strides: readonly Stride[], body: (pointers: readonly Reg[], round: () => Reg) => void): void {
    const index = this.copy(0);
    const [head, exit] = [this.newBlock(), this.newBlock()];
    this.jump(head);
    this.startBlock(head);
    this.#callbackDepth++;
    this.#cost.callbacks += this.#often.executed * rounds;
    this.#inRounds(WALKED_ROUNDS, rounds, () => body(this.#placed(strides, index), () => index));
    this.#callbackDepth--;
    this.aluTo(index, 'add', index, 1);
    this.#callbackLoops.push({ head, latch: this.#current, exit, index: index.reg, rounds });
    this.branch('ult', index, rounds, head, exit);
    this.startBlock(exit);
  }

  /** How many operations `emit` makes; what it made is taken back. */
  #opsOf(emit: () => void): number {
    const [blocks, order, slots, cursor] = [this.#blocks.length, this.#order.length, this.#stackSlots.length, this.#slotCursor];
    const [current, vregs, origin] = [this.#current, this.#vregCount, this.#origin];
    const cost = { ...this.#cost, calls: [...this.#cost.calls] };
    const here = this.#blocks[current]!;
    const insts = here.insts.length;
    emit();
    let ops = here.insts.length - insts;
    for (const block of this.#blocks.splice(blocks)) ops += block.insts.length + 1;
    here.insts.length = insts;
    here.term = null;
    this.#order.length = order;
    this.#stackSlots.length = slots;
    [this.#slotCursor, this.#current, this.#vregCount, this.#origin, this.#cost] = [cursor, current, vregs, origin, cost];
    return ops;
  }

  /** Runs `body` when the comparison holds, then joins. */
  when(cmp: Cmp, a: Val, b: Val, body: () => void): void {
    const then = this.newBlock();
    const join = this.newBlock();
    this.branch(cmp, a, b, then, join);
    this.startBlock(then);
    body();
    if (!this.closed) this.jump(join);
    this.startBlock(join);
  }

  /** The finished function. Throws when a block has no terminator. */
  finish(): IrFunc {
    const blocks: IrBlock[] = this.#order.map((id) => {
      const { insts, term } = this.#blocks[id];
      if (!term) throw new Error(`${this.#name}: block ${id} has no terminator`);
      return { id, insts, term };
    });
    return {
      name: this.#name,
      linkage: this.#linkage,
      args: this.#args,
      returns: this.#returns,
      stackSlots: this.#stackSlots,
      blocks,
      vregCount: this.#vregCount,
      cost: this.#cost,
      ...(this.#callbackLoops.length ? { callbackLoops: this.#callbackLoops } : {}),
    };
  }

  #count(): void {
    this.#cost.walked += this.#often.walked;
    this.#cost.executed += this.#often.executed;
  }
  #push(inst: WithoutOrigin<IrInst>): void {
    if (this.closed) throw new Error(`${this.#name}: instruction after a terminator`);
    this.#count();
    this.#blocks[this.#current].insts.push({ ...inst, origin: this.#origin } as IrInst);
  }
  #end(term: WithoutOrigin<Terminator>): void {
    if (this.closed) throw new Error(`${this.#name}: second terminator`);
    this.#count();
    this.#blocks[this.#current].term = { ...term, origin: this.#origin } as Terminator;
  }
}
