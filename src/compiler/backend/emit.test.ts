import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MapDef, Program } from '../../bpf/program.ts';
import { Vm } from '../../vm/vm.ts';
import { FuncBuilder, type Reg } from '../ir/builder.ts';
import type { AluOp, Cmp, IrFunc, Operand, Width } from '../ir/ir.ts';
import { type Cpu, emitProgram } from './emit.ts';
import { orderMoves } from './moves.ts';

const MEM_BYTES = 256;
const mem: MapDef = {
  name: 'mem',
  type: 2,
  keySize: 4,
  valueSize: MEM_BYTES,
  maxEntries: 1,
  flags: 0,
  section: '.data.mem',
  data: new Uint8Array(MEM_BYTES),
};

const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);

function alu(op: AluOp, a: bigint, b: bigint, width: Width): bigint {
  const cut = (x: bigint): bigint => BigInt.asUintN(width, x);
  const signed = (x: bigint): bigint => BigInt.asIntN(width, x);
  const x = cut(a);
  const y = cut(b);
  const shift = y & BigInt(width - 1);
  switch (op) {
    case 'add':
      return cut(x + y);
    case 'sub':
      return cut(x - y);
    case 'mul':
      return cut(x * y);
    case 'div':
      return y === 0n ? 0n : x / y;
    case 'mod':
      return y === 0n ? x : x % y;
    case 'sdiv':
      return y === 0n ? 0n : cut(signed(x) / signed(y));
    case 'smod':
      return y === 0n ? x : cut(signed(x) % signed(y));
    case 'and':
      return x & y;
    case 'or':
      return x | y;
    case 'xor':
      return x ^ y;
    case 'lsh':
      return cut(x << shift);
    case 'rsh':
      return x >> shift;
    case 'arsh':
      return cut(signed(x) >> shift);
  }
}

function compare(cmp: Cmp, a: bigint, b: bigint, width: Width): boolean {
  const [x, y] = [BigInt.asUintN(width, a), BigInt.asUintN(width, b)];
  const [sx, sy] = [BigInt.asIntN(width, a), BigInt.asIntN(width, b)];
  return {
    eq: x === y,
    ne: x !== y,
    ugt: x > y,
    uge: x >= y,
    ult: x < y,
    ule: x <= y,
    sgt: sx > sy,
    sge: sx >= sy,
    slt: sx < sy,
    sle: sx <= sy,
    set: (x & y) !== 0n,
  }[cmp];
}

/** What the IR means, in BigInt, on the one data map; stack slots are addressed as `slot × 1000`. */
function evaluate(funcs: readonly IrFunc[], name: string, args: readonly bigint[], data: Uint8Array): bigint {
  const func = funcs.find((f) => f.name === name)!;
  const regs = new Map<number, bigint>();
  for (const [i, arg] of func.args.entries()) regs.set(arg.reg, args[i]);
  const stack = new DataView(new ArrayBuffer(1 << 16));
  const view = new DataView(data.buffer);
  const STACK = 1n << 40n;
  const value = (operand: Operand): bigint => ('imm' in operand ? u64(BigInt(operand.imm)) : regs.get(operand.reg)!);
  const place = (base: number, off: number): [DataView, number] => {
    const at = regs.get(base)! + BigInt(off);
    return at >= STACK ? [stack, Number(at - STACK)] : [view, Number(at)];
  };
  let block = func.blocks[0];
  for (;;) {
    for (const inst of block.insts) {
      switch (inst.op) {
        case 'const':
          regs.set(inst.dst, u64(inst.value));
          break;
        case 'mov':
          regs.set(inst.dst, BigInt.asUintN(inst.width, value(inst.src)));
          break;
        case 'alu':
          regs.set(inst.dst, alu(inst.alu, value(inst.a), value(inst.b), inst.width));
          break;
        case 'sext':
          regs.set(inst.dst, u64(BigInt.asIntN(inst.bits, regs.get(inst.src)!)));
          break;
        case 'bswap': {
          const bytes = inst.bits / 8;
          let out = 0n;
          for (let i = 0; i < bytes; i++) out |= ((regs.get(inst.src)! >> BigInt(8 * i)) & 255n) << BigInt(8 * (bytes - 1 - i));
          regs.set(inst.dst, out);
          break;
        }
        case 'load': {
          const [from, at] = place(inst.base, inst.off);
          let raw = 0n;
          for (let i = inst.size - 1; i >= 0; i--) raw = (raw << 8n) | BigInt(from.getUint8(at + i));
          regs.set(inst.dst, inst.signed ? u64(BigInt.asIntN(inst.size * 8, raw)) : raw);
          break;
        }
        case 'store': {
          const [to, at] = place(inst.base, inst.off);
          for (let i = 0; i < inst.size; i++) to.setUint8(at + i, Number((value(inst.src) >> BigInt(8 * i)) & 255n));
          break;
        }
        case 'mapValue':
          regs.set(inst.dst, BigInt(inst.off));
          break;
        case 'stackAddr':
          regs.set(inst.dst, STACK + BigInt(inst.slot * 1000));
          break;
        case 'call':
          regs.set(inst.dst!, evaluate(funcs, inst.func, inst.args.map(value), data));
          break;
        case 'callHelper':
          regs.set(inst.dst!, 0n);
          break;
        default:
          throw new Error(`the evaluator does not know ${inst.op}`);
      }
    }
    const { term } = block;
    if (term.op === 'mayGoto') throw new Error('the evaluator knows no time');
    if (term.op === 'ret') return term.value ? value(term.value) : 0n;
    const to = term.op === 'jump' ? term.to : compare(term.cmp, value(term.a), value(term.b), term.width) ? term.ifTrue : term.ifFalse;
    block = func.blocks.find((b) => b.id === to)!;
  }
}

/** Draws numbers from a list that fast-check made, so that failures shrink. */
class Dice {
  #at = 0;
  readonly #rolls: readonly number[];
  constructor(rolls: readonly number[]) {
    this.#rolls = rolls;
  }
  below(n: number): number {
    const roll = this.#rolls[this.#at++ % this.#rolls.length] ?? 0;
    return (roll >>> 0) % n;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}

const ALU_OPS: readonly AluOp[] = ['add', 'sub', 'mul', 'div', 'mod', 'and', 'or', 'xor', 'lsh', 'rsh', 'arsh', 'sdiv', 'smod'];
const CMPS: readonly Cmp[] = ['eq', 'ne', 'ugt', 'uge', 'ult', 'ule', 'sgt', 'sge', 'slt', 'sle', 'set'];

/** A random function: more live values than registers, loops, diamonds, memory, stack and calls. */
function randomFunc(dice: Dice, name: string, linkage: 'main' | 'static', cpu: Cpu, callees: readonly string[]): IrFunc {
  const b = new FuncBuilder(name, linkage, linkage === 'main' ? ['ctx'] : ['scalar', 'scalar', 'scalar']);
  const pool: Reg[] = linkage === 'main' ? [] : [b.arg(0), b.arg(1), b.arg(2)];
  for (let i = dice.below(14) + 3; i > 0; i--) pool.push(b.const(BigInt(dice.below(1 << 30)) * BigInt(dice.pick([1, -1, 0x1_0000_0001]))));
  const slot = b.stackSlot(16);
  b.store(slot.addr(), 0, 1, 8);
  b.store(slot.addr(), 8, 2, 8);
  const val = (): Reg | number => (dice.below(4) === 0 ? dice.below(2000) - 1000 : dice.pick(pool));
  const ops = cpu === 'v4' ? ALU_OPS : ALU_OPS.slice(0, -2);
  const statement = (depth: number): void => {
    switch (dice.below(depth > 2 ? 7 : 10)) {
      case 0:
      case 1:
      case 2: {
        const width = dice.pick([64, 64, 32] as const);
        const op = dice.pick(ops);
        const isShift = op === 'lsh' || op === 'rsh' || op === 'arsh';
        const isDivision = op.endsWith('div') || op.endsWith('mod');
        const right = isShift ? dice.below(width) : isDivision ? dice.below(50) + 1 : val();
        if (dice.below(2)) b.aluTo(dice.pick(pool), op, val(), right, width);
        else pool[dice.below(pool.length)] = b.alu(op, val(), right, width);
        break;
      }
      case 3:
        pool[dice.below(pool.length)] = b.load(
          b.mapValue('mem', dice.below(64)),
          dice.below(64),
          dice.pick([1, 2, 4, 8] as const),
          dice.below(2) === 0,
        );
        break;
      case 4:
        b.store(b.mapValue('mem'), dice.below(200), val(), dice.pick([1, 2, 4, 8] as const));
        break;
      case 5:
        if (dice.below(2)) b.store(slot.addr(), 8 * dice.below(2), val(), 8);
        else pool[dice.below(pool.length)] = b.load(slot.addr(), 8 * dice.below(2), 8);
        break;
      case 6:
        if (dice.below(2)) pool[dice.below(pool.length)] = b.sext(dice.pick(pool), dice.pick([8, 16, 32] as const));
        else pool[dice.below(pool.length)] = b.bswap(dice.pick(pool), dice.pick([16, 32, 64] as const));
        break;
      case 7:
        b.loop(0, dice.below(4) + 1, 1, (i) => {
          b.aluTo(pool[0], 'add', pool[0], i);
          for (let n = dice.below(4); n >= 0; n--) inner(depth + 1);
        });
        break;
      case 8:
        b.when(dice.pick(CMPS), dice.pick(pool), val(), () => inner(depth + 1));
        break;
      default:
        if (callees.length > 0) b.assign(dice.pick(pool), b.call(dice.pick(callees), [val(), val(), val()]));
        else b.assign(dice.pick(pool), b.and(b.callHelper('bpf_get_smp_processor_id', []), 0));
    }
  };
  // Values made inside a conditional block must not be used outside it: the pool is restored.
  const inner = (depth: number): void => {
    const saved = [...pool];
    statement(depth);
    pool.splice(0, pool.length, ...saved);
  };
  for (let n = dice.below(25) + 5; n > 0; n--) statement(0);
  const sum = b.copy(0);
  for (const reg of pool) {
    b.aluTo(sum, 'mul', sum, 31);
    b.aluTo(sum, 'add', sum, reg);
  }
  b.store(b.mapValue('mem'), 248, sum, 8);
  b.ret(sum);
  return b.finish();
}

function program(funcs: readonly IrFunc[], cpu: Cpu): Program {
  const { insns, subprogs } = emitProgram(funcs, { cpu, maps: [mem] });
  return {
    name: 'random',
    section: 'xdp',
    progType: 6,
    expectedAttachType: 37,
    sleepable: false,
    loadFlags: 0,
    license: 'GPL',
    insns,
    subprogs,
    maps: [mem],
    lineInfo: [],
    origins: [],
    insnOrigins: insns.map(() => []),
    kfuncCalls: new Map(),
  };
}

describe('emitProgram', () => {
  it.each(['v3', 'v4'] as const)('computes what the IR means, on random functions for %s', (cpu) => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 40, maxLength: 400 }), (rolls) => {
        const dice = new Dice(rolls);
        const leaf = randomFunc(dice, 'leaf', 'static', cpu, []);
        const middle = randomFunc(dice, 'middle', 'static', cpu, ['leaf']);
        const main = randomFunc(dice, 'main', 'main', cpu, ['leaf', 'middle']);
        const funcs = [main, middle, leaf];
        const data = new Uint8Array(MEM_BYTES);
        const expected = evaluate(funcs, 'main', [0n], data);
        const vm = new Vm(program(funcs, cpu));
        const { returnValue } = vm.runXdp(new Uint8Array(64));
        expect(BigInt(returnValue)).toBe(expected & 0xffff_ffffn);
        expect(vm.maps.get('mem')!.lookup(new Uint8Array(4))).toEqual(data);
      }),
      { seed: 1, numRuns: 150 },
    );
  });

  it('lengthens jumps that do not fit in 16 bits', () => {
    const b = new FuncBuilder('main', 'main', ['ctx']);
    const counter = b.copy(0);
    const many = b.copy(0);
    const head = b.newBlock();
    const skip = b.newBlock();
    const exit = b.newBlock();
    b.jump(head);
    b.startBlock(head);
    b.branch('eq', counter, 2, exit, skip);
    b.startBlock(skip);
    for (let i = 0; i < 40_000; i++) b.aluTo(many, 'add', many, 1);
    b.aluTo(counter, 'add', counter, 1);
    b.jump(head);
    b.startBlock(exit);
    b.ret(many);
    const func = b.finish();
    expect(new Vm(program([func], 'v4')).runXdp(new Uint8Array(64)).returnValue).toBe(80_000);
    expect(() => program([func], 'v3')).toThrow(/32,767/);
  });

  it('refuses frames over 512 bytes and unknown names', () => {
    const big = new FuncBuilder('main', 'main', ['ctx']);
    big.store(big.stackSlot(520).addr(), 0, 1, 8);
    big.ret(0);
    expect(() => program([big.finish()], 'v4')).toThrow(/520 bytes/);
    const unknown = new FuncBuilder('main', 'main', ['ctx']);
    unknown.call('nobody', []);
    unknown.ret(0);
    expect(() => program([unknown.finish()], 'v4')).toThrow(/nobody/);
  });
});

describe('orderMoves', () => {
  it('has the effect of moving everything at once', () => {
    const move = fc.record({
      dst: fc.integer({ min: 1, max: 5 }),
      src: fc.oneof(fc.record({ reg: fc.integer({ min: 1, max: 9 }) }), fc.record({ imm: fc.nat() })),
    });
    fc.assert(
      fc.property(fc.uniqueArray(move, { selector: (m) => m.dst, maxLength: 5 }), (moves) => {
        const before = Array.from({ length: 10 }, (_, reg) => 1000 + reg);
        const read = (regs: readonly number[], src: Operand): number => ('imm' in src ? src.imm : regs[src.reg]);
        const after = [...before];
        for (const { dst, src } of orderMoves(moves)) after[dst] = read(after, src);
        for (const { dst, src } of moves) expect(after[dst]).toBe(read(before, src));
        for (const reg of [6, 7, 8, 9]) expect(after[reg]).toBe(before[reg]);
      }),
      { seed: 1, numRuns: 1000 },
    );
  });
});
