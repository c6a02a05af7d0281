import type { AluOp, BlockId, Cmp, IrBlock, IrFunc, IrInst, Operand, OriginId, Size, Terminator, VReg, Width } from './ir.ts';

/** A virtual register as the builder hands it out. */
export interface Reg {
  readonly reg: VReg;
}
/** What builder methods take: a register, or a number that is an immediate (32 bits, sign-extended). */
export type Val = Reg | number;

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

  constructor(
    name: string,
    linkage: IrFunc['linkage'],
    argTypes: readonly ('scalar' | 'ctx' | 'ptr')[],
    returns: IrFunc['returns'] = 'scalar',
  ) {
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
    this.#push({ op: 'atomicAdd', base: base.reg, off, src: src.reg, size });
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
    const slot = this.#stackSlots.push(bytes) - 1;
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
    this.jump(head);
    this.startBlock(head);
    body(i);
    this.aluTo(i, 'add', i, step);
    this.branch('ult', i, to, head, exit);
    this.startBlock(exit);
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
    };
  }

  #push(inst: WithoutOrigin<IrInst>): void {
    if (this.closed) throw new Error(`${this.#name}: instruction after a terminator`);
    this.#blocks[this.#current].insts.push({ ...inst, origin: this.#origin } as IrInst);
  }
  #end(term: WithoutOrigin<Terminator>): void {
    if (this.closed) throw new Error(`${this.#name}: second terminator`);
    this.#blocks[this.#current].term = { ...term, origin: this.#origin } as Terminator;
  }
}
