import {
  ADD,
  ALU,
  ALU64,
  AND,
  ARSH,
  ATOMIC,
  B,
  CMPXCHG,
  DIV,
  DW,
  END,
  FETCH,
  H,
  JA,
  JCOND,
  JEQ,
  JGE,
  JGT,
  JLE,
  JLT,
  JMP,
  JMP32,
  JNE,
  JSET,
  JSGE,
  JSGT,
  JSLE,
  JSLT,
  K,
  LDX,
  LSH,
  MEM,
  MEMSX,
  MOD,
  MOV,
  MUL,
  OP_CALL,
  OP_EXIT,
  OP_LDDW,
  OR,
  PSEUDO_CALL,
  PSEUDO_FUNC,
  PSEUDO_MAP_FD,
  PSEUDO_MAP_VALUE,
  RSH,
  ST,
  STX,
  SUB,
  W,
  X,
  XCHG,
  XOR,
} from '../../bpf/insn.ts';
import type { Insn } from '../../bpf/program.ts';
import type { AluOp, AtomicOp, BlockId, Cmp, IrInst, Operand, OriginId, Size, Terminator } from '../ir/ir.ts';
import { isCommutative } from './legalize.ts';
import { FRAME } from './liveness.ts';
import { type Move, orderMoves } from './moves.ts';
import type { Allocation } from './regalloc.ts';

/** Operation bits of ALU instructions (RFC 9669 section 4.1) and the offset that makes division signed. */
const ALU_CODE: Record<AluOp, readonly [code: number, off: number]> = {
  add: [ADD, 0],
  sub: [SUB, 0],
  mul: [MUL, 0],
  div: [DIV, 0],
  sdiv: [DIV, 1],
  or: [OR, 0],
  and: [AND, 0],
  lsh: [LSH, 0],
  rsh: [RSH, 0],
  mod: [MOD, 0],
  smod: [MOD, 1],
  xor: [XOR, 0],
  arsh: [ARSH, 0],
};
/** Operation bits of jumps (RFC 9669 section 4.3) and the comparison that is their opposite (`set` has none). */
const CMP_CODE: Record<Cmp, readonly [code: number, opposite: Cmp | null]> = {
  eq: [JEQ, 'ne'],
  ne: [JNE, 'eq'],
  ugt: [JGT, 'ule'],
  uge: [JGE, 'ult'],
  ult: [JLT, 'uge'],
  ule: [JLE, 'ugt'],
  sgt: [JSGT, 'sle'],
  sge: [JSGE, 'slt'],
  slt: [JSLT, 'sge'],
  sle: [JSLE, 'sgt'],
  set: [JSET, null],
};
/** Operations that change nothing when the right operand is 0. */
const NEUTRAL_ZERO: ReadonlySet<AluOp> = new Set(['add', 'sub', 'or', 'xor', 'lsh', 'rsh', 'arsh']);
const SIZE_CODE: Record<Size, number> = { 1: B, 2: H, 4: W, 8: DW };
/** `imm` of atomic operations (RFC 9669 section 5.3); exchanges always fetch. */
const ATOMIC_CODE: Record<AtomicOp, number> = { add: ADD, and: AND, or: OR, xor: XOR, xchg: XCHG, cmpxchg: CMPXCHG };
const FP = 10;

/** A jump or call whose distance is known only when everything has its place. */
export interface Fixup {
  readonly at: number;
  readonly kind: 'branch' | 'goto' | 'call' | 'symbol';
  readonly block?: BlockId;
  /** What is called, or whose address is loaded. */
  readonly func?: string;
}

/** Code of one function; jump distances are still open. */
export interface FuncCode {
  readonly name: string;
  readonly insns: Insn[];
  readonly originIds: OriginId[];
  readonly fixups: Fixup[];
  /** Instructions that a loader adapts, by the number of their CO-RE relocation. */
  readonly core: { readonly at: number; readonly relocation: number }[];
  /** First instruction of each block. */
  readonly blockStart: Map<BlockId, number>;
}

export interface EncodeContext {
  readonly helperId: (name: string) => number;
  readonly mapIdx: (name: string) => number;
  /** v1 has no jumps on less, and a comparison is turned around only when that needs none. */
  readonly noLess?: boolean;
  /** Instructions of a text in which registers have their names. */
  readonly assemble?: (text: string) => readonly Insn[];
}

const insn = (opcode: number, dst: number, src: number, off: number, imm: number): Insn => ({ opcode, dst, src, off, imm });

/** Instructions of an allocated function. Blocks follow each other in layout order; a jump to the next one disappears. */
export function encodeFunc(allocation: Allocation, context: EncodeContext): FuncCode {
  const { func } = allocation;
  const code: FuncCode = { name: func.name, insns: [], originIds: [], fixups: [], core: [], blockStart: new Map() };
  const emitter = new Emitter(allocation, context, code);
  emitter.prologue();
  func.blocks.forEach((block, index) => {
    code.blockStart.set(block.id, code.insns.length);
    for (const inst of block.insts) {
      emitter.inst(inst);
      // What is adapted is the last instruction of an operation.
      // (the second half of a wide constant has opcode 0).
      if (inst.core !== undefined) {
        const last = code.insns.length - 1;
        code.core.push({ at: code.insns[last]!.opcode === 0 ? last - 1 : last, relocation: inst.core });
      }
    }
    emitter.terminator(block.term, func.blocks[index + 1]?.id ?? null);
  });
  return code;
}

class Emitter {
  readonly #allocation: Allocation;
  readonly #context: EncodeContext;
  readonly #code: FuncCode;

  constructor(allocation: Allocation, context: EncodeContext, code: FuncCode) {
    this.#allocation = allocation;
    this.#context = context;
    this.#code = code;
  }

  /** Arguments arrive in r1–r5. */
  prologue(): void {
    const { func, argSpills } = this.#allocation;
    const origin = func.blocks[0].insts[0]?.origin ?? func.blocks[0].term.origin;
    const moves: Move[] = [];
    func.args.forEach((arg, i) => {
      const stackOff = argSpills.get(i);
      if (stackOff !== undefined) this.#push(origin, insn(STX | MEM | DW, FP, i + 1, -stackOff, 0));
      else if (this.#allocation.regOf[arg.reg] >= 0) moves.push({ dst: this.#reg(arg.reg), src: { reg: i + 1 } });
    });
    this.#moves(origin, moves);
  }

  inst(inst: IrInst): void {
    const { origin } = inst;
    switch (inst.op) {
      case 'const':
        this.#constant(origin, this.#reg(inst.dst), inst.value);
        return;
      case 'mov':
        this.#mov(origin, this.#reg(inst.dst), inst.src, inst.width);
        return;
      case 'alu':
        this.#alu(inst);
        return;
      case 'sext':
        this.#push(origin, insn((inst.width === 32 ? ALU : ALU64) | MOV | X, this.#reg(inst.dst), this.#reg(inst.src), inst.bits, 0));
        return;
      case 'bswap': {
        const dst = this.#reg(inst.dst);
        this.#mov(origin, dst, { reg: inst.src }, 64);
        const opcode = inst.to === 'swap' ? ALU64 | END : ALU | END | (inst.to === 'be' ? X : 0);
        this.#push(origin, insn(opcode, dst, 0, 0, inst.bits));
        return;
      }
      case 'load':
        this.#push(
          origin,
          insn(LDX | (inst.signed ? MEMSX : MEM) | SIZE_CODE[inst.size], this.#reg(inst.dst), this.#reg(inst.base), inst.off, 0),
        );
        return;
      case 'store': {
        const base = this.#reg(inst.base);
        if ('imm' in inst.src) this.#push(origin, insn(ST | MEM | SIZE_CODE[inst.size], base, 0, inst.off, inst.src.imm));
        else this.#push(origin, insn(STX | MEM | SIZE_CODE[inst.size], base, this.#reg(inst.src.reg), inst.off, 0));
        return;
      }
      case 'atomic': {
        const [base, src] = [this.#reg(inst.base), this.#reg(inst.src)];
        const isExchange = inst.atomic === 'cmpxchg';
        if (isExchange) {
          if (base === 0 || src === 0) throw new Error('an operand of a compare and exchange lies in r0');
          this.#mov(origin, 0, inst.expected!, 64);
        }
        const fetch = inst.dst !== null && !isExchange ? FETCH : 0;
        this.#push(origin, insn(STX | ATOMIC | SIZE_CODE[inst.size], base, src, inst.off, ATOMIC_CODE[inst.atomic] | fetch));
        if (isExchange && inst.dst !== null && this.#allocation.regOf[inst.dst] >= 0)
          this.#mov(origin, this.#reg(inst.dst), { reg: 0 }, 64, true);
        return;
      }
      case 'mapPtr':
        this.#lddw(origin, this.#reg(inst.dst), PSEUDO_MAP_FD, this.#context.mapIdx(inst.map), 0);
        return;
      case 'mapValue':
        this.#lddw(origin, this.#reg(inst.dst), PSEUDO_MAP_VALUE, this.#context.mapIdx(inst.map), inst.off);
        return;
      case 'stackAddr': {
        const dst = this.#reg(inst.dst);
        this.#push(origin, insn(ALU64 | MOV | X, dst, FP, 0, 0));
        this.#push(origin, insn(ALU64 | K, dst, 0, 0, (inst.off ?? 0) - this.#allocation.slotOffset[inst.slot]));
        return;
      }
      case 'symbolAddr':
        this.#code.fixups.push({ at: this.#code.insns.length, kind: 'symbol', func: inst.symbol });
        this.#lddw(origin, this.#reg(inst.dst), 0, inst.off, 0);
        return;
      case 'asm': {
        const operands = [...(inst.dst === null ? [] : [inst.dst]), ...(inst.tied ? inst.uses.slice(1) : inst.uses)].map((reg) =>
          this.#reg(reg),
        );
        const text = inst.text.replace(/%(\d+)(:w)?/g, (_, at: string, narrow?: string) => `${narrow ? 'w' : 'r'}${operands[Number(at)]}`);
        for (const written of this.#context.assemble!(text)) this.#push(origin, written);
        return;
      }
      case 'funcAddr':
        this.#code.fixups.push({ at: this.#code.insns.length, kind: 'call', func: inst.func });
        this.#lddw(origin, this.#reg(inst.dst), PSEUDO_FUNC, 0, 0);
        return;
      case 'callHelper':
      case 'call': {
        this.#moves(
          origin,
          inst.args.map((arg, i) => ({ dst: i + 1, src: 'imm' in arg ? arg : { reg: this.#reg(arg.reg) } })),
        );
        if (inst.op === 'callHelper') this.#push(origin, insn(OP_CALL, 0, 0, 0, this.#context.helperId(inst.helper)));
        else {
          this.#code.fixups.push({ at: this.#code.insns.length, kind: 'call', func: inst.func });
          this.#push(origin, insn(OP_CALL, 0, PSEUDO_CALL, 0, 0));
        }
        if (inst.dst !== null && this.#allocation.regOf[inst.dst] >= 0) this.#mov(origin, this.#reg(inst.dst), { reg: 0 }, 64, true);
        return;
      }
    }
  }

  terminator(term: Terminator, next: BlockId | null): void {
    const { origin } = term;
    if (term.op === 'ret') {
      if (term.value) this.#mov(origin, 0, term.value, 64);
      else this.#push(origin, insn(ALU64 | MOV | K, 0, 0, 0, 0));
      this.#push(origin, insn(OP_EXIT, 0, 0, 0, 0));
    } else if (term.op === 'jump') {
      if (term.to !== next) this.#goto(origin, term.to);
    } else if (term.op === 'mayGoto') {
      this.#code.fixups.push({ at: this.#code.insns.length, kind: 'branch', block: term.exit });
      this.#push(origin, insn(JMP | JCOND, 0, 0, 0, 0));
      if (term.next !== next) this.#goto(origin, term.next);
    } else if (term.ifTrue === term.ifFalse) {
      if (term.ifTrue !== next) this.#goto(origin, term.ifTrue);
    } else {
      const opposite = CMP_CODE[term.cmp][1];
      const isThere = opposite !== null && !(this.#context.noLess && /^[us]l/.test(opposite));
      if (term.ifTrue === next && isThere) this.#branch(term, opposite, term.ifFalse);
      else {
        this.#branch(term, term.cmp, term.ifTrue);
        if (term.ifFalse !== next) this.#goto(origin, term.ifFalse);
      }
    }
  }

  #branch(term: Extract<Terminator, { op: 'branch' }>, cmp: Cmp, to: BlockId): void {
    if ('imm' in term.a) throw new Error('comparison with a constant on the left survived legalization');
    const cls = term.width === 64 ? JMP : JMP32;
    const left = this.#reg(term.a.reg);
    this.#code.fixups.push({ at: this.#code.insns.length, kind: 'branch', block: to });
    const op = CMP_CODE[cmp][0];
    if ('imm' in term.b) this.#push(term.origin, insn(cls | op | K, left, 0, 0, term.b.imm));
    else this.#push(term.origin, insn(cls | op | X, left, this.#reg(term.b.reg), 0, 0));
  }

  #goto(origin: OriginId, to: BlockId): void {
    this.#code.fixups.push({ at: this.#code.insns.length, kind: 'goto', block: to });
    this.#push(origin, insn(JMP | JA, 0, 0, 0, 0));
  }

  #alu(inst: Extract<IrInst, { op: 'alu' }>): void {
    const { origin, alu, width } = inst;
    const dst = this.#reg(inst.dst);
    let { a, b } = inst;
    const inB = 'reg' in b && this.#reg(b.reg) === dst;
    const inA = 'reg' in a && this.#reg(a.reg) === dst;
    if (inB && !inA) {
      if (!isCommutative(alu)) throw new Error(`${alu}: the second operand shares the result's register`);
      [a, b] = [b, a];
    }
    this.#mov(origin, dst, a, 64);
    if (width === 64 && 'imm' in b && b.imm === 0 && NEUTRAL_ZERO.has(alu) && inst.core === undefined) return;
    const [op, off] = ALU_CODE[alu];
    const cls = width === 64 ? ALU64 : ALU;
    if ('imm' in b) this.#push(origin, insn(cls | op | K, dst, 0, off, b.imm));
    else this.#push(origin, insn(cls | op | X, dst, this.#reg(b.reg), off, 0));
  }

  /** 64-bit moves between one register and itself vanish; 32-bit ones clear the upper half and stay. */
  #mov(origin: OriginId, dst: number, src: Operand, width: 32 | 64, physical = false): void {
    const cls = width === 64 ? ALU64 : ALU;
    if ('imm' in src) this.#push(origin, insn(cls | MOV | K, dst, 0, 0, src.imm));
    else {
      const from = physical ? src.reg : this.#reg(src.reg);
      if (from !== dst || width === 32) this.#push(origin, insn(cls | MOV | X, dst, from, 0, 0));
    }
  }

  #constant(origin: OriginId, dst: number, value: bigint): void {
    const signed = BigInt.asIntN(64, value);
    if (signed >= -0x8000_0000n && signed <= 0x7fff_ffffn) this.#push(origin, insn(ALU64 | MOV | K, dst, 0, 0, Number(signed)));
    else if (signed >= 0n && signed <= 0xffff_ffffn) this.#push(origin, insn(ALU | MOV | K, dst, 0, 0, Number(signed) | 0));
    else this.#lddw(origin, dst, 0, Number(BigInt.asIntN(32, signed)), Number(BigInt.asIntN(32, signed >> 32n)));
  }

  #lddw(origin: OriginId, dst: number, src: number, low: number, high: number): void {
    this.#push(origin, insn(OP_LDDW, dst, src, 0, low));
    this.#push(origin, insn(0, 0, 0, 0, high));
  }

  #moves(origin: OriginId, moves: readonly Move[]): void {
    for (const move of orderMoves(moves)) this.#mov(origin, move.dst, move.src, 64, true);
  }

  #reg(vreg: number): number {
    if (vreg === FRAME) return FP;
    const reg = this.#allocation.regOf[vreg];
    if (reg < 0) throw new Error(`${this.#allocation.func.name}: value ${vreg} has no register`);
    return reg;
  }

  #push(origin: OriginId, instruction: Insn): void {
    this.#code.insns.push(instruction);
    this.#code.originIds.push(origin);
  }
}
