import { helperName } from '../../bpf/helper-names.ts';
import type { BlockId, Operand } from '../../compiler/ir/ir.ts';
import type { CallArg, Inst, Line, Value } from '../llvm-ir/module.ts';
import { addressOf } from './address.ts';
import { lowerAsm } from './asm.ts';
import type { FunctionLowering } from './function.ts';
import { lowerIntrinsic } from './intrinsics.ts';
import { compareMemory, copyMemory, differMemory, moveMemory } from './memory.ts';
import { width } from './significant.ts';
import { aliasOfCall, isAggregate } from './values.ts';

type Call = Extract<Inst, { op: 'call' }>;

/** Registers that arguments go in. */
const MAX_ARGS = 5;
/** Bytes up to which a comparison is written out, as clang's back end does. */
const MOST_COMPARED = 128n;
/** Functions of C's library that LLVM makes of loops and assignments; BPF has none to call. */
const LIBRARY = /^(mem(cpy|set|move|cmp|chr)|bcmp|str(len|cmp|ncmp|cpy)|__.*(di3|ti3|sf2|df2|sf|df|si|di))$/;

/** A call of a helper, a function, an intrinsic, or inline assembly. `to` gives the block of a target of `asm goto`. */
export function lowerCall(f: FunctionLowering, line: Line, inst: Call, to: (target: string) => BlockId): void {
  const { callee } = inst;
  if (callee.kind === 'asm') {
    lowerAsm(f, line, inst, to);
    return;
  }
  if (aliasOfCall(inst)) return;
  if (callee.kind === 'global' && callee.name.startsWith('llvm.')) {
    lowerIntrinsic(f, line, inst);
    return;
  }
  const helper = helperNumber(f, callee);
  if (helper !== null) {
    emitCall(f, line, inst, helperName(helper) ?? String(helper), true);
    return;
  }
  if (callee.kind !== 'global') f.refuse('a function is called through a variable; BPF calls only functions that are known beforehand');
  if (!f.context.defined.has(callee.name) && lowerLibrary(f, line, callee.name, inst.args)) return;
  emitCall(f, line, inst, callee.name, false);
}

/** `memcpy` and its like, of a size that is known, written out; all others are refused as clang refuses them. */
function lowerLibrary(f: FunctionLowering, line: Line, name: string, args: readonly CallArg[]): boolean {
  if (!LIBRARY.test(name)) return false;
  const size = args[2]?.value;
  if ((name === 'memcpy' || name === 'memmove') && size?.kind === 'int') {
    const [to, from] = [addressOf(f, args[0]!.value), addressOf(f, args[1]!.value)];
    (name === 'memcpy' ? copyMemory : moveMemory)(f, to, from, Number(size.value), 1);
    if (f.isUsed(line.name)) f.moveTo(f.regFor(line.name!), f.resolve(args[0]!.value));
    return true;
  }
  if ((name === 'memcmp' || name === 'bcmp') && size?.kind === 'int' && size.value <= MOST_COMPARED && line.name !== null) {
    const [a, b] = [addressOf(f, args[0]!.value), addressOf(f, args[1]!.value)];
    const align = Math.min(args[0]!.align, args[1]!.align) || 1;
    if (name === 'bcmp') differMemory(f, f.regFor(line.name), a, b, Number(size.value), align);
    else compareMemory(f, f.regFor(line.name), a, b, Number(size.value), f.opWidth(line.type));
    return true;
  }
  return f.refuse(
    `a call to the library function ${name}, which BPF does not have (a copy of a size known only at run time, or a loop that the optimiser made into it)`,
  );
}

/** The helper's number when a function is called through a constant pointer, as bpf_helpers.h does it. */
function helperNumber(f: FunctionLowering, callee: Value): number | null {
  if (callee.kind === 'int') return Number(callee.value);
  if (callee.kind === 'expr' && callee.inst.op === 'cast') return helperNumber(f, callee.inst.value);
  const line = f.lineOf(callee);
  if (line?.inst.op === 'load' && line.inst.ptr.kind === 'global') return f.context.helperAt(line.inst.ptr.name);
  if (line?.inst.op === 'cast') return helperNumber(f, line.inst.value);
  return null;
}

function emitCall(f: FunctionLowering, line: Line, inst: Call, name: string, isHelper: boolean): void {
  const { code } = f;
  const args = inst.args.flatMap((arg) => argument(f, arg));
  if (args.length > MAX_ARGS) f.refuse(`${name} is called with ${args.length} arguments; BPF passes five in registers and has no others`);
  if (isAggregate(line.type)) f.refuse(`${name} returns a structure that does not fit a register`);
  const dst = f.isUsed(line.name) ? f.regFor(line.name!) : null;
  if (isHelper) code.emit({ op: 'callHelper', dst, helper: name, args });
  else code.emit({ op: 'call', dst, func: name, args });
}

function argument(f: FunctionLowering, { value, extend }: CallArg): Operand[] {
  if (isAggregate(value.type)) return f.partsOf(value).map((part) => ({ reg: f.materialize(part) }));
  const bits = width(value.type);
  const loc = f.resolve(value);
  if (loc.kind === 'const') {
    const signed = BigInt.asIntN(bits, loc.value);
    // Numbers without a sign of 32 bits fill their register with zeros, like everything that 32-bit operations make.
    const number =
      bits < 32
        ? extend === 'sign'
          ? f.has32
            ? BigInt.asUintN(32, signed)
            : signed
          : loc.value
        : bits === 32 && f.has32
          ? loc.value
          : signed;
    return [f.code.immediate(number, 64)];
  }
  if (bits < 32 && extend) return [f.extended(value, extend === 'sign', f.has32 ? 32 : 64)];
  if (bits === 32 && f.has32) return [f.extended(value, false, 64)];
  return [{ reg: f.materialize(loc) }];
}
