import type { BlockId, Cmp, VReg } from '../../compiler/ir/ir.ts';
import type { Inst, Line, Value } from '../llvm-ir/module.ts';
import type { FunctionLowering } from './function.ts';
import { width } from './significant.ts';
import { isBool, isConstant, isFalse, isTrue, operands } from './values.ts';

const COMPARE: Readonly<Record<string, Cmp>> = {
  eq: 'eq',
  ne: 'ne',
  ugt: 'ugt',
  uge: 'uge',
  ult: 'ult',
  ule: 'ule',
  sgt: 'sgt',
  sge: 'sge',
  slt: 'slt',
  sle: 'sle',
};
const MIRRORED: Readonly<Record<Cmp, Cmp>> = {
  eq: 'eq',
  ne: 'ne',
  ugt: 'ult',
  uge: 'ule',
  ult: 'ugt',
  ule: 'uge',
  sgt: 'slt',
  sge: 'sle',
  slt: 'sgt',
  sle: 'sge',
  set: 'set',
};
/** A condition of more comparisons is computed once and kept. */
const MAX_COMPARISONS = 16;

/** Numbers from `low` to `high`. */
interface Range {
  readonly value: Value;
  readonly low: bigint;
  readonly high: bigint;
  readonly signed: boolean;
}

/** False for conditions that are computed again wherever they are branched on. */
export function isNeeded(f: FunctionLowering, name: string): boolean {
  const known = f.needed.get(name);
  if (known !== undefined) return known;
  f.needed.set(name, false);
  const needed = comparisons(f, name) > MAX_COMPARISONS || f.usersOf(name).some((user) => needsValue(f, user, name));
  f.needed.set(name, needed);
  return needed;
}

function needsValue(f: FunctionLowering, user: Inst, name: string): boolean {
  switch (user.op) {
    case 'br':
      return false;
    case 'select': {
      const isCondition = user.cond.kind === 'local' && user.cond.name === name;
      const isChosen = [user.a, user.b].some((value) => value.kind === 'local' && value.name === name);
      if (!isChosen) return !isCondition;
      return resultNeeded(f, user);
    }
    case 'binary':
      return resultNeeded(f, user);
    case 'call':
      return !(user.callee.kind === 'global' && user.callee.name === 'llvm.assume');
    default:
      return true;
  }
}

function resultNeeded(f: FunctionLowering, user: Inst): boolean {
  const line = f.lineOfInst.get(user);
  return line?.name === null || line === undefined || !isLazy(f, line) || isNeeded(f, line.name!);
}

/** Logic on conditions that `branchOn` takes apart. */
export function isLazy(_f: FunctionLowering, { inst, type }: Line): boolean {
  if (type.kind !== 'int' || type.bits !== 1) return false;
  if (inst.op === 'icmp') return true;
  if (inst.op === 'binary') return inst.code === 'and' || inst.code === 'or' || (inst.code === 'xor' && isTrue(inst.b));
  return inst.op === 'select' && (isFalse(inst.b) || isTrue(inst.a));
}

function comparisons(f: FunctionLowering, name: string, depth = 0): number {
  const line = f.lines.get(name);
  if (!line || !isLazy(f, line) || depth > MAX_COMPARISONS) return 1;
  return (
    operands(line.inst).reduce(
      (sum, value) => sum + (value.kind === 'local' && isBool(value.type) ? comparisons(f, value.name, depth + 1) : 0),
      0,
    ) || 1
  );
}

/** Goes to one of two blocks. */
export function branchOn(f: FunctionLowering, cond: Value, yes: BlockId, no: BlockId): void {
  const { code } = f;
  if (cond.kind === 'int') {
    code.end({ op: 'jump', to: cond.value !== 0n ? yes : no });
    return;
  }
  const line = f.lineOf(cond);
  if (line && isLazy(f, line) && !(line.inst.op !== 'icmp' && isNeeded(f, line.name!))) {
    const { inst } = line;
    if (inst.op === 'icmp') {
      compare(f, inst, yes, no);
      return;
    }
    if (inst.op === 'binary' && inst.code === 'xor') {
      branchOn(f, inst.a, no, yes);
      return;
    }
    const [a, b] =
      inst.op === 'select' ? [inst.cond, isFalse(inst.b) ? inst.a : inst.b] : inst.op === 'binary' ? [inst.a, inst.b] : [cond, cond];
    const isAnd = inst.op === 'select' ? isFalse(inst.b) : inst.op === 'binary' && inst.code === 'and';
    const middle = code.newBlock();
    if (isAnd) branchOn(f, a, middle, no);
    else branchOn(f, a, yes, middle);
    code.start(middle);
    branchOn(f, b, yes, no);
    return;
  }
  const loc = f.resolve(cond);
  if (loc.kind === 'const') {
    code.end({ op: 'jump', to: loc.value !== 0n ? yes : no });
    return;
  }
  const reg = f.materialize(loc);
  if (f.significant.of(cond) <= 1) {
    code.end({ op: 'branch', cmp: 'ne', width: f.has32 ? 32 : 64, a: { reg }, b: { imm: 0 }, ifTrue: yes, ifFalse: no });
  } else {
    const bit = code.reg();
    code.emit({ op: 'alu', alu: 'and', width: f.has32 ? 32 : 64, dst: bit, a: { reg }, b: { imm: 1 } });
    code.end({ op: 'branch', cmp: 'ne', width: f.has32 ? 32 : 64, a: { reg: bit }, b: { imm: 0 }, ifTrue: yes, ifFalse: no });
  }
}

function compare(f: FunctionLowering, inst: Extract<Inst, { op: 'icmp' }>, ifTrue: BlockId, ifFalse: BlockId): void {
  let cmp = COMPARE[inst.code]!;
  let [a, b] = [inst.a, inst.b];
  if (isConstant(a) && !isConstant(b)) {
    [a, b] = [b, a];
    cmp = MIRRORED[cmp];
  }
  const range = rangeOf(f, cmp, a, b);
  if (range) {
    withinRange(f, range, cmp.startsWith('ul') ? ifTrue : ifFalse, cmp.startsWith('ul') ? ifFalse : ifTrue);
    return;
  }
  const opWidth = f.opWidth(a.type);
  const signed = cmp.startsWith('s');
  const left = f.extended(a, signed, opWidth);
  const right = f.extended(b, signed, opWidth);
  f.code.end({ op: 'branch', cmp, width: opWidth, a: left, b: right, ifTrue, ifFalse });
}

/**
 * The optimiser makes `x - low < count` of `low <= x && x < low + count`. The verifier then knows nothing of `x`, so the two comparisons are made
 * again; `ugt` and `uge` are the opposites. Null for everything else, and where the range wraps.
 */
function rangeOf(f: FunctionLowering, cmp: Cmp, a: Value, b: Value): Range | null {
  if (!cmp.startsWith('u') || b.kind !== 'int') return null;
  const inst = f.lineOf(a)?.inst;
  if (inst?.op !== 'binary' || inst.code !== 'add' || inst.b.kind !== 'int' || inst.a.kind !== 'local') return null;
  const bits = width(a.type);
  const low = -BigInt.asIntN(bits, inst.b.value);
  const count = BigInt.asUintN(bits, b.value) + (cmp === 'ule' || cmp === 'ugt' ? 1n : 0n);
  const high = low + count - 1n;
  const half = 1n << BigInt(bits - 1);
  if (count < 1n || (low >= 0n ? high >= 2n * half : low < -half || high >= half)) return null;
  return { value: inst.a, low, high, signed: low < 0n };
}

function withinRange(f: FunctionLowering, { value, low, high, signed }: Range, inside: BlockId, outside: BlockId): void {
  const { code } = f;
  const opWidth = f.opWidth(value.type);
  const reg = f.extended(value, signed, opWidth);
  const next = code.newBlock();
  const least = code.immediate(low, opWidth);
  code.end({ op: 'branch', cmp: signed ? 'slt' : 'ult', width: opWidth, a: reg, b: least, ifTrue: outside, ifFalse: next });
  code.start(next);
  const most = code.immediate(high, opWidth);
  code.end({ op: 'branch', cmp: signed ? 'sgt' : 'ugt', width: opWidth, a: reg, b: most, ifTrue: outside, ifFalse: inside });
}

/** `dst` becomes 1 when `branch` goes to its first block, 0 otherwise. */
export function setWhen(f: FunctionLowering, dst: VReg, branch: (yes: BlockId, no: BlockId) => void): void {
  const { code } = f;
  const opWidth = f.has32 ? 32 : 64;
  code.emit({ op: 'mov', dst, src: { imm: 1 }, width: opWidth });
  const [other, join] = [code.newBlock(), code.newBlock()];
  branch(join, other);
  code.start(other);
  code.emit({ op: 'mov', dst, src: { imm: 0 }, width: opWidth });
  code.end({ op: 'jump', to: join });
  code.start(join);
}
