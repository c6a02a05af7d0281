import type { AluOp, Cmp, Operand, VReg, Width } from '../../compiler/ir/ir.ts';
import type { Inst, Line, Value } from '../llvm-ir/module.ts';
import { accessChain, addressOf } from './address.ts';
import { signedDivision } from './arithmetic.ts';
import { setWhen } from './conditions.ts';
import type { FunctionLowering } from './function.ts';
import { copyMemory, fillMemory, fillMemoryWith, moveMemory } from './memory.ts';
import { width } from './significant.ts';

type Call = Extract<Inst, { op: 'call' }>;

/** Hints that no instruction stands for. */
const NOTHING =
  /^llvm\.(lifetime\.|dbg\.|assume|donothing|experimental\.noalias|invariant\.|sideeffect|var\.annotation|prefetch|pseudoprobe|fake\.use)/;
const MIN_MAX: Readonly<Record<string, Cmp>> = { umin: 'ult', umax: 'ugt', smin: 'slt', smax: 'sgt' };

/** Calls of LLVM's own functions: written out in instructions, or nothing. */
export function lowerIntrinsic(f: FunctionLowering, line: Line, inst: Call): void {
  const name = inst.callee.kind === 'global' ? inst.callee.name : '';
  if (NOTHING.test(name)) return;
  const args = inst.args.map((arg) => arg.value);
  const word = name.replace(/^llvm\./, '').replace(/\.(p\d+|i\d+)(\.(p\d+|i\d+))*$/, '');
  if (/^(memcpy|memmove|memset)(\.inline)?$/.test(word)) {
    memory(f, word, inst);
    return;
  }
  if (word.startsWith('preserve.') || word.startsWith('bpf.preserve.') || word === 'bpf.btf.type.id') {
    relocated(f, line, word, args);
    return;
  }
  if (word.endsWith('trap')) f.refuse('__builtin_trap has no BPF instruction; return an error instead');
  if (line.name === null) f.refuse(`LLVM’s ${name} has no counterpart in BPF`);
  const { type } = line;
  if (/^[su](add|sub|mul)\.with\.overflow$/.test(word)) {
    overflow(f, line, word, args);
    return;
  }
  if (type.kind !== 'int' && type.kind !== 'ptr') f.refuse(`LLVM’s ${name} has no counterpart in BPF`);
  const dst = f.regFor(line.name);
  const opWidth = f.opWidth(type);
  const bits = width(type);
  const ops = new Ops(f, opWidth);
  const [a, b] = args as [Value, Value];
  switch (word) {
    case 'bswap':
      if (bits !== 16 && bits !== 32 && bits !== 64) f.refuse(`bytes of a number of ${bits} bits cannot be swapped`);
      f.code.emit({ op: 'bswap', dst, src: f.regOf(a), bits, to: 'swap' });
      return;
    case 'ctpop':
      ops.move(dst, ops.count(f.extended(a, false, opWidth)));
      return;
    case 'ctlz': {
      let x = f.extended(a, false, opWidth);
      for (let shift = 1; shift < bits; shift *= 2) x = ops.alu('or', x, ops.alu('rsh', x, { imm: shift }));
      ops.move(dst, ops.alu('sub', { imm: bits }, ops.count(x)));
      return;
    }
    case 'cttz': {
      let x = f.extended(a, false, opWidth);
      // A bit above the number ends the search for a number that is 0.
      if (bits < opWidth) x = ops.alu('or', x, f.code.immediate(1n << BigInt(bits), opWidth));
      ops.move(dst, ops.count(ops.alu('and', ops.alu('xor', x, { imm: -1 }), ops.alu('add', x, { imm: -1 }))));
      return;
    }
    case 'bitreverse': {
      let x = f.extended(a, false, opWidth);
      for (const [shift, mask] of [
        [1, 0x5555_5555_5555_5555n],
        [2, 0x3333_3333_3333_3333n],
        [4, 0x0f0f_0f0f_0f0f_0f0fn],
      ] as const) {
        const m = ops.mask(mask);
        const low = ops.alu('lsh', ops.alu('and', x, m), { imm: shift });
        x = ops.alu('or', low, ops.alu('and', ops.alu('rsh', x, { imm: shift }), m));
      }
      if (bits === 8) ops.move(dst, x);
      else if (bits === 16 || bits === 32 || bits === 64) f.code.emit({ op: 'bswap', dst, src: ops.reg(x), bits, to: 'swap' });
      else f.refuse(`bits of a number of ${bits} bits cannot be reversed`);
      return;
    }
    case 'umin':
    case 'umax':
    case 'smin':
    case 'smax': {
      const signed = word.startsWith('s');
      ops.move(dst, f.extended(a, signed, opWidth));
      ops.unless(MIN_MAX[word]!, { reg: dst }, f.extended(b, signed, opWidth), (y) => ops.move(dst, y));
      return;
    }
    case 'abs': {
      const x = f.extended(a, true, opWidth);
      const sign = ops.alu('arsh', x, { imm: opWidth - 1 });
      ops.alu('sub', ops.alu('xor', x, sign), sign, dst);
      return;
    }
    case 'uadd.sat':
    case 'usub.sat': {
      const [x, y] = [f.extended(a, false, opWidth), f.extended(b, false, opWidth)];
      if (word === 'usub.sat') {
        ops.move(dst, { imm: 0 });
        ops.unless('ule', x, y, () => ops.alu('sub', x, y, dst));
        return;
      }
      ops.alu('add', x, y, dst);
      const most = bits === opWidth ? { imm: -1 } : f.code.immediate((1n << BigInt(bits)) - 1n, opWidth);
      const isFull = bits === opWidth ? (['uge', { reg: dst }, x] as const) : (['ule', { reg: dst }, most] as const);
      ops.unless(isFull[0], isFull[1], isFull[2], () => ops.move(dst, most));
      return;
    }
    case 'sadd.sat':
    case 'ssub.sat': {
      const [x, y] = [f.extended(a, true, opWidth), f.extended(b, true, opWidth)];
      const sum = ops.alu(word === 'sadd.sat' ? 'add' : 'sub', x, y);
      const most = (1n << BigInt(bits - 1)) - 1n;
      if (bits < opWidth) {
        ops.move(dst, sum);
        ops.unless('sle', { reg: dst }, f.code.immediate(most, opWidth), () => ops.move(dst, f.code.immediate(most, opWidth)));
        ops.unless('sge', { reg: dst }, f.code.immediate(-most - 1n, opWidth), () => ops.move(dst, f.code.immediate(-most - 1n, opWidth)));
        return;
      }
      // Overflow: both operands have the sign that the sum has not. The limit has the sign of the first.
      const wrong = ops.overflowSign(word === 'sadd.sat', x, y, sum);
      const limit = ops.alu('xor', ops.alu('arsh', x, { imm: bits - 1 }), f.code.immediate(most, opWidth));
      ops.move(dst, sum);
      ops.unless('sge', wrong, { imm: 0 }, () => ops.move(dst, limit));
      return;
    }
    case 'fshl':
    case 'fshr':
      funnel(f, ops, word, args, bits, dst);
      return;
    case 'ucmp':
    case 'scmp': {
      const signed = word === 'scmp';
      const from = f.opWidth(a.type);
      const [x, y] = [f.extended(a, signed, from), f.extended(b, signed, from)];
      const compared = new Ops(f, from);
      ops.move(dst, { imm: 0 });
      compared.unless('eq', x, y, () => {
        ops.move(dst, { imm: 1 });
        compared.unless(signed ? 'sgt' : 'ugt', x, y, () => ops.move(dst, { imm: -1 }));
      });
      return;
    }
    case 'is.constant':
      ops.move(dst, { imm: 0 });
      return;
    case 'objectsize': {
      const least = args[1]?.kind === 'int' && args[1].value !== 0n;
      ops.move(dst, { imm: least ? 0 : -1 });
      return;
    }
    default:
      f.refuse(`LLVM’s ${name} has no counterpart in BPF`);
  }
}

/** Short names for operations of one width. */
class Ops {
  private readonly f: FunctionLowering;
  private readonly opWidth: Width;

  constructor(f: FunctionLowering, opWidth: Width) {
    this.f = f;
    this.opWidth = opWidth;
  }

  alu(alu: AluOp, a: Operand, b: Operand, dst: VReg = this.f.code.reg()): Operand {
    this.f.code.emit({ op: 'alu', alu, width: this.opWidth, dst, a, b });
    return { reg: dst };
  }

  move(dst: VReg, src: Operand): void {
    const { code } = this.f;
    if ('imm' in src) code.emit({ op: 'mov', dst, src, width: this.opWidth });
    else code.emit({ op: 'mov', dst, src, width: 64 });
  }

  reg(value: Operand): VReg {
    return 'reg' in value ? value.reg : this.f.code.constant(BigInt(value.imm));
  }

  mask(mask: bigint): Operand {
    return this.f.code.immediate(BigInt.asUintN(this.opWidth, mask), this.opWidth);
  }

  /** Ones in the number: pairs, nibbles, bytes are summed, then all bytes by one product. */
  count(x: Operand): Operand {
    const pairs = this.mask(0x5555_5555_5555_5555n);
    const nibbles = this.mask(0x3333_3333_3333_3333n);
    let v = this.alu('sub', x, this.alu('and', this.alu('rsh', x, { imm: 1 }), pairs));
    v = this.alu('add', this.alu('and', v, nibbles), this.alu('and', this.alu('rsh', v, { imm: 2 }), nibbles));
    v = this.alu('and', this.alu('add', v, this.alu('rsh', v, { imm: 4 })), this.mask(0x0f0f_0f0f_0f0f_0f0fn));
    return this.alu('rsh', this.alu('mul', v, this.mask(0x0101_0101_0101_0101n)), { imm: this.opWidth - 8 });
  }

  /** Negative when a sum or difference of that width is not the true one. */
  overflowSign(isSum: boolean, x: Operand, y: Operand, result: Operand): Operand {
    const first = this.alu('xor', x, result);
    return this.alu('and', first, isSum ? this.alu('xor', y, result) : this.alu('xor', x, y));
  }

  /** Runs `body` when the comparison does not hold; gives it the second operand. */
  unless(cmp: Cmp, a: Operand, b: Operand, body: (b: Operand) => void): void {
    const { code } = this.f;
    const [then, join] = [code.newBlock(), code.newBlock()];
    code.end({ op: 'branch', cmp, width: this.opWidth, a, b, ifTrue: join, ifFalse: then });
    code.start(then);
    body(b);
    code.end({ op: 'jump', to: join });
    code.start(join);
  }
}

function memory(f: FunctionLowering, word: string, inst: Call): void {
  const [to, from, size] = inst.args.map((arg) => arg.value) as [Value, Value, Value];
  if (size.kind !== 'int') {
    const what = word.startsWith('memset') ? 'memset' : word.startsWith('memmove') ? 'memmove' : 'memcpy';
    f.refuse(`${what} of a size that is known only at run time; BPF has no library to call: use a bounded loop or a helper`);
  }
  const bytes = Number(size.value);
  if (word.startsWith('memset')) {
    const { align } = inst.args[0]!;
    if (from.kind === 'int' || from.kind === 'zero' || from.kind === 'undef')
      fillMemory(f, addressOf(f, to), from.kind === 'int' ? Number(BigInt.asUintN(8, from.value)) : 0, bytes, align);
    else fillMemoryWith(f, addressOf(f, to), f.regOf(from), bytes, align);
    return;
  }
  const align = Math.min(inst.args[0]!.align, inst.args[1]!.align);
  (word.startsWith('memmove') ? moveMemory : copyMemory)(f, addressOf(f, to), addressOf(f, from), bytes, align);
}

function overflow(f: FunctionLowering, line: Line, word: string, args: readonly Value[]): void {
  const [a, b] = args as [Value, Value];
  const bits = width(a.type);
  const signed = word.startsWith('s');
  const alu = word.slice(1, 4) as 'add' | 'sub' | 'mul';
  const [result, flag] = f.partsFor(line.name!, line.type) as [VReg, VReg];
  const { code } = f;
  const set = (cmp: Cmp, x: Operand, y: Operand, compareWidth: Width): void =>
    setWhen(f, flag, (yes, no) => code.end({ op: 'branch', cmp, width: compareWidth, a: x, b: y, ifTrue: yes, ifFalse: no }));
  if (bits < 64) {
    // In 64 bits nothing overflows; the sum is wrong where its low bits, extended again, are another number.
    const ops = new Ops(f, 64);
    const exact = ops.alu(alu, f.extended(a, signed, 64), f.extended(b, signed, 64), result);
    const again = signed ? f.signExtend(result, bits, 64) : f.zeroExtend(result, bits, 64);
    set('ne', exact, { reg: again }, 64);
    return;
  }
  const ops = new Ops(f, 64);
  const [x, y] = [f.extended(a, signed, 64), f.extended(b, signed, 64)];
  ops.alu(alu, x, y, result);
  if (alu !== 'mul') {
    if (signed) set('slt', ops.overflowSign(alu === 'add', x, y, { reg: result }), { imm: 0 }, 64);
    else set('ult', alu === 'add' ? { reg: result } : { reg: ops.reg(x) }, alu === 'add' ? x : y, 64);
    return;
  }
  if (signed) {
    // The product is right when dividing gives the other factor; the smallest number times -1 is the case that division misses.
    const back = code.reg();
    signedDivision(f, false, back, { reg: result }, y, 64);
    code.emit({ op: 'mov', dst: flag, src: { imm: 0 }, width: 64 });
    ops.unless('eq', { reg: ops.reg(y) }, { imm: 0 }, () => {
      ops.unless('eq', { reg: back }, x, () => ops.move(flag, { imm: 1 }));
      const least = code.constant(-(1n << 63n));
      ops.unless('ne', { reg: ops.reg(y) }, { imm: -1 }, () =>
        ops.unless('ne', { reg: ops.reg(x) }, { reg: least }, () => ops.move(flag, { imm: 1 })),
      );
    });
    return;
  }
  const back = ops.alu('div', { reg: result }, y);
  code.emit({ op: 'mov', dst: flag, src: { imm: 0 }, width: 64 });
  ops.unless('eq', { reg: ops.reg(y) }, { imm: 0 }, () => ops.unless('eq', back, x, () => ops.move(flag, { imm: 1 })));
}

/** High or low half of two numbers side by side, moved by some bits. */
function funnel(f: FunctionLowering, ops: Ops, word: string, args: readonly Value[], bits: number, dst: VReg): void {
  const [high, low, by] = args as [Value, Value, Value];
  const opWidth = f.opWidth(high.type);
  const [h, l] = [f.extended(high, false, opWidth), f.extended(low, false, opWidth)];
  if (by.kind === 'int') {
    const amount = Number(BigInt.asUintN(bits, by.value) % BigInt(bits));
    const left = word === 'fshl' ? amount : bits - amount;
    if (amount === 0) ops.move(dst, word === 'fshl' ? h : l);
    else ops.alu('or', ops.alu('lsh', h, { imm: left }), ops.alu('rsh', l, { imm: bits - left }), dst);
    return;
  }
  if ((bits & (bits - 1)) !== 0) f.refuse(`a rotation of ${bits} bits is not supported`);
  const amount = ops.alu('and', f.extended(by, false, opWidth), { imm: bits - 1 });
  const rest = ops.alu('xor', amount, { imm: bits - 1 });
  // One bit by itself, so that no shift is as wide as the number.
  if (word === 'fshl') ops.alu('or', ops.alu('lsh', h, amount), ops.alu('rsh', ops.alu('rsh', l, { imm: 1 }), rest), dst);
  else ops.alu('or', ops.alu('lsh', ops.alu('lsh', h, { imm: 1 }), rest), ops.alu('rsh', l, amount), dst);
}

/** What a loader computes for the kernel that it loads into. */
function relocated(f: FunctionLowering, line: Line, word: string, args: readonly Value[]): void {
  const { code, context } = f;
  if (line.name === null || !f.isUsed(line.name)) return;
  const dst = f.regFor(line.name);
  if (word.startsWith('preserve.')) {
    const chain = accessChain(f, line);
    const relocation = chain && context.fieldRelocation(chain.accesses, 0);
    if (!chain || !relocation) f.refuse('the way to a field cannot be written as a CO-RE relocation');
    code.emit({
      op: 'alu',
      alu: 'add',
      width: 64,
      dst,
      a: { reg: f.regOf(chain.base) },
      b: { imm: Number(relocation.value) },
      core: relocation.id,
    });
    return;
  }
  let relocation = null;
  if (word === 'bpf.preserve.field.info') {
    const access = f.lineOf(args[0]!);
    const chain = access && accessChain(f, access);
    const kind = args[1]?.kind === 'int' ? Number(args[1].value) : -1;
    relocation = chain ? context.fieldRelocation(chain.accesses, kind) : null;
  } else relocation = context.typeRelocation(line);
  if (!relocation) f.refuse(`what LLVM’s ${word} asks for cannot be written as a CO-RE relocation`);
  code.emit({ op: 'const', dst, value: relocation.value, core: relocation.id });
}
