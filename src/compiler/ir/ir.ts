/**
 * The low-level IR: virtual registers of 64 bits (assigned any number of times, no SSA), three-address instructions in
 * basic blocks, BPF's own memory model. Model compiler and C front end both lower to it; `../backend` turns it into a Program.
 */
export type VReg = number;
/** Immediate operands fit in 32 bits, sign-extended; wider constants are `const` instructions. */
export type Operand = { readonly reg: VReg } | { readonly imm: number };
export type BlockId = number;
export type OriginId = number;
export type AluOp = 'add' | 'sub' | 'mul' | 'div' | 'mod' | 'sdiv' | 'smod' | 'and' | 'or' | 'xor' | 'lsh' | 'rsh' | 'arsh';
export type Cmp = 'eq' | 'ne' | 'ugt' | 'uge' | 'ult' | 'ule' | 'sgt' | 'sge' | 'slt' | 'sle' | 'set';
export type Width = 32 | 64;
export type Size = 1 | 2 | 4 | 8;
/** What an atomic operation does with the memory; `cmpxchg` puts the new value there when it holds the expected one. */
export type AtomicOp = 'add' | 'and' | 'or' | 'xor' | 'xchg' | 'cmpxchg';

/** `core` numbers a CO-RE relocation: a loader writes the immediate or offset for the kernel that it loads into. */
export type IrInst = { readonly origin: OriginId; readonly core?: number } & (
  | { readonly op: 'const'; readonly dst: VReg; readonly value: bigint }
  | { readonly op: 'mov'; readonly dst: VReg; readonly src: Operand; readonly width: Width }
  | { readonly op: 'alu'; readonly alu: AluOp; readonly width: Width; readonly dst: VReg; readonly a: Operand; readonly b: Operand }
  /** With width 32 the upper half becomes zero. */
  | { readonly op: 'sext'; readonly dst: VReg; readonly src: VReg; readonly bits: 8 | 16 | 32; readonly width?: Width }
  | { readonly op: 'bswap'; readonly dst: VReg; readonly src: VReg; readonly bits: 16 | 32 | 64; readonly to: 'be' | 'le' | 'swap' }
  | {
      readonly op: 'load';
      readonly dst: VReg;
      readonly base: VReg;
      readonly off: number;
      readonly size: Size;
      readonly signed: boolean;
      readonly volatile?: boolean;
    }
  | { readonly op: 'store'; readonly base: VReg; readonly off: number; readonly src: Operand; readonly size: Size }
  /** `dst` gets what the memory held; `cmpxchg` compares with `expected`. */
  | {
      readonly op: 'atomic';
      readonly atomic: AtomicOp;
      readonly dst: VReg | null;
      readonly base: VReg;
      readonly off: number;
      readonly src: VReg;
      readonly expected?: Operand;
      readonly size: 4 | 8;
    }
  | { readonly op: 'mapPtr'; readonly dst: VReg; readonly map: string }
  | { readonly op: 'mapValue'; readonly dst: VReg; readonly map: string; readonly off: number }
  /** Address of a symbol of the object that is being made, plus `off`; a relocation names it. */
  | { readonly op: 'symbolAddr'; readonly dst: VReg; readonly symbol: string; readonly off: number }
  | { readonly op: 'stackAddr'; readonly dst: VReg; readonly slot: number; readonly off?: number }
  | { readonly op: 'funcAddr'; readonly dst: VReg; readonly func: string }
  | { readonly op: 'callHelper'; readonly dst: VReg | null; readonly helper: string; readonly args: readonly Operand[] }
  /**
   * Instructions that somebody wrote, as text: `%0` stands for `dst`, if there is one, and those that follow for `uses`. With `tied` the result
   * comes where the first of `uses` was.
   */
  | {
      readonly op: 'asm';
      readonly dst: VReg | null;
      readonly text: string;
      readonly uses: readonly VReg[];
      readonly tied: boolean;
      /** Registers that it writes besides, as bits. */
      readonly clobbers: number;
    }
  | { readonly op: 'call'; readonly dst: VReg | null; readonly func: string; readonly args: readonly Operand[] }
);

export type Terminator = { readonly origin: OriginId } & (
  | { readonly op: 'jump'; readonly to: BlockId }
  | {
      readonly op: 'branch';
      readonly cmp: Cmp;
      readonly width: Width;
      readonly a: Operand;
      readonly b: Operand;
      readonly ifTrue: BlockId;
      readonly ifFalse: BlockId;
    }
  | { readonly op: 'mayGoto'; readonly exit: BlockId; readonly next: BlockId }
  | { readonly op: 'ret'; readonly value: Operand | null }
);

export interface IrBlock {
  readonly id: BlockId;
  readonly insts: readonly IrInst[];
  readonly term: Terminator;
}

/** A loop of constant length that becomes a callback of `bpf_loop` (`outline.ts`); `index` counts its rounds from 0. */
export interface CallbackLoop {
  readonly head: BlockId;
  readonly latch: BlockId;
  readonly exit: BlockId;
  readonly index: VReg;
  readonly rounds: number;
}

/** What a function costs by the loops it was built from, before registers are given: operations that the verifier walks and that a run executes. */
export interface FuncCost {
  readonly walked: number;
  readonly executed: number;
  /** Rounds of `bpf_loop`, a call each. */
  readonly callbacks: number;
  /** Calls of other functions, and how often the verifier and a run come to each. */
  readonly calls: readonly { readonly func: string; readonly walked: number; readonly executed: number }[];
}

export interface IrFunc {
  readonly name: string;
  /** Global functions are verified apart from their callers (kernel ≥ 5.6) and take scalars or ctx only. */
  readonly linkage: 'main' | 'static' | 'global';
  /** At most five; `args[i]` holds argument i at entry. */
  readonly args: readonly { readonly reg: VReg; readonly type: 'scalar' | 'ctx' | 'ptr' }[];
  readonly returns: 'scalar' | 'void';
  /** Bytes of each stack slot, by slot number; the back end places them and adds its spills (512 in all). */
  readonly stackSlots: readonly number[];
  /** Entry first, in layout order. */
  readonly blocks: readonly IrBlock[];
  readonly vregCount: number;
  readonly cost?: FuncCost;
  /** Inner ones before those around them; the back end takes functions without any. */
  readonly callbackLoops?: readonly CallbackLoop[];
}
