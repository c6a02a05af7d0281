import type { Inst } from '../llvm-ir/module.ts';
import type { Type } from '../llvm-ir/types.ts';
import { loadScalar } from './access.ts';
import { addressOf, placeOf } from './address.ts';
import { setWhen } from './conditions.ts';
import type { FunctionLowering } from './function.ts';
import { width } from './significant.ts';

export function lowerAtomic(f: FunctionLowering, inst: Extract<Inst, { op: 'atomicrmw' }>, name: string | null, type: Type): void {
  const { code } = f;
  const bits = width(type);
  if (bits !== 32 && bits !== 64) f.refuse('atomic operations work on 32 or 64 bits');
  const used = f.isUsed(name);
  const known = { add: 'add', sub: 'add', and: 'and', or: 'or', xor: 'xor', xchg: 'xchg' }[inst.code] as
    | 'add'
    | 'and'
    | 'or'
    | 'xor'
    | 'xchg'
    | undefined;
  if (!known) f.refuse(`BPF has no atomic ${inst.code}; use a loop around __sync_val_compare_and_swap`);
  const isNothing =
    inst.value.kind === 'int' && (inst.code === 'and' ? inst.value.value === -1n : known !== 'xchg' && inst.value.value === 0n);
  if (!f.has32 && isNothing) {
    if (used) loadScalar(f, f.regFor(name!), type, addressOf(f, inst.ptr), 0, true);
    return;
  }
  if (!f.has32 && (known !== 'add' || used)) f.refuse('atomic operations other than an addition whose result is unused need -mcpu=v3');
  let src = f.regOf(inst.value);
  if (inst.code === 'sub') {
    const negative = code.reg();
    code.emit({ op: 'alu', alu: 'sub', width: f.opWidth(type), dst: negative, a: { imm: 0 }, b: { reg: src } });
    src = negative;
  }
  const { base, off, core } = placeOf(f, addressOf(f, inst.ptr));
  if (core !== undefined) f.refuse('an atomic operation on a field with a CO-RE relocation is not supported');
  const dst = used ? f.regFor(name!) : known === 'xchg' ? code.reg() : null;
  code.emit({ op: 'atomic', atomic: known, dst, base, off, src, size: bits === 32 ? 4 : 8 });
}

export function lowerExchange(f: FunctionLowering, inst: Extract<Inst, { op: 'cmpxchg' }>, name: string | null, type: Type): void {
  const { code } = f;
  const bits = width(inst.value.type);
  if (bits !== 32 && bits !== 64) f.refuse('atomic operations work on 32 or 64 bits');
  if (!f.has32) f.refuse('compare and exchange needs -mcpu=v3');
  const expected = f.extended(inst.expected, false, 64);
  const src = f.regOf(inst.value);
  const { base, off } = placeOf(f, addressOf(f, inst.ptr));
  const parts = name === null ? null : f.partsFor(name, type);
  const old = parts?.[0] ?? code.reg();
  code.emit({ op: 'atomic', atomic: 'cmpxchg', dst: old, base, off, src, expected, size: bits === 32 ? 4 : 8 });
  const asked = name !== null && f.usersOf(name).some((user) => user.op === 'extractvalue' && user.path[0] === 1);
  if (!asked) return;
  setWhen(f, parts![1]!, (yes, no) => {
    code.end({ op: 'branch', cmp: 'eq', width: bits === 32 ? 32 : 64, a: { reg: old }, b: expected, ifTrue: yes, ifFalse: no });
  });
}

/** BPF has no barrier of its own; atomic operations that give the old value order everything before and after them (kernel, atomic_t.rst). */
export function lowerBarrier(f: FunctionLowering): void {
  if (f.context.cpu === 'v1' || f.context.cpu === 'v2') f.refuse('a memory barrier needs atomic operations with results: -mcpu=v3');
  const { code } = f;
  const [base, old] = [code.reg(), code.reg()];
  code.emit({ op: 'stackAddr', dst: base, slot: 0, off: f.frameBytes });
  f.frameBytes += 8;
  code.emit({ op: 'store', base, off: 0, src: { imm: 0 }, size: 8 });
  code.emit({ op: 'atomic', atomic: 'add', dst: old, base, off: 0, src: code.constant(0n), size: 8 });
}
