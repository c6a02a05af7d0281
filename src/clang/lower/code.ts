import type { BlockId, IrBlock, IrInst, Operand, OriginId, Terminator, VReg } from '../../compiler/ir/ir.ts';

type WithoutOrigin<T> = T extends unknown ? Omit<T, 'origin'> : never;
export type NewInst = WithoutOrigin<IrInst>;
export type NewTerm = WithoutOrigin<Terminator>;

export const fitsImm = (value: bigint): boolean => value >= -0x8000_0000n && value <= 0x7fff_ffffn;

/** Blocks of a function as the lowering writes them, in layout order. Everything carries the current origin. */
export class Code {
  private readonly blocks = new Map<BlockId, { id: BlockId; insts: IrInst[]; term: Terminator | null }>();
  private current: BlockId = -1;
  private nextBlock = 0;
  vregCount = 0;
  origin: OriginId = 0;

  reg(): VReg {
    return this.vregCount++;
  }

  newBlock(): BlockId {
    return this.nextBlock++;
  }

  start(id: BlockId): void {
    this.blocks.set(id, { id, insts: [], term: null });
    this.current = id;
  }

  get closed(): boolean {
    return this.blocks.get(this.current)!.term !== null;
  }

  emit(inst: NewInst): void {
    this.blocks.get(this.current)!.insts.push({ ...inst, origin: this.origin } as IrInst);
  }

  end(term: NewTerm): void {
    const block = this.blocks.get(this.current)!;
    block.term ??= { ...term, origin: this.origin } as Terminator;
  }

  /** `value` in a register of its own. */
  constant(value: bigint): VReg {
    const dst = this.reg();
    this.emit({ op: 'const', dst, value: BigInt.asIntN(64, value) });
    return dst;
  }

  /** An operand for arithmetic and comparisons of `width` bits. */
  immediate(value: bigint, width: 32 | 64): Operand {
    if (width === 32) return { imm: Number(BigInt.asIntN(32, value)) };
    const signed = BigInt.asIntN(64, value);
    return fitsImm(signed) ? { imm: Number(signed) } : { reg: this.constant(signed) };
  }

  finish(): IrBlock[] {
    return [...this.blocks.values()].map(({ id, insts, term }) => ({ id, insts, term: term! }));
  }
}
