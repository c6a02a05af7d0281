import { InputError } from '../../base/errors.ts';
import { helperId } from '../../bpf/helper-names.ts';
import { JMP, JMP32, K } from '../../bpf/insn.ts';
import type { Insn, MapDef, Subprog } from '../../bpf/program.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { type EncodeContext, encodeFunc, type FuncCode } from './encode.ts';
import { type Cpu, legalize } from './legalize.ts';
import { allocate } from './regalloc.ts';

export interface EmitOptions {
  readonly cpu: Cpu;
  /** Maps that the functions name; `lddw` holds indices into this list. */
  readonly maps: readonly Pick<MapDef, 'name'>[];
}

export interface Emitted {
  readonly insns: Insn[];
  readonly subprogs: Subprog[];
  /** Origin of each instruction slot. */
  readonly originIds: OriginId[];
  /** Frame of each function in bytes, in the order of `subprogs`. */
  readonly stackBytes: readonly number[];
  /** First instruction of each function's first block, behind the moves of its arguments. */
  readonly bodyStarts: readonly number[];
}

/**
 * Instructions of a whole program: the one function of linkage `main` first, the others after it in order, calls and jumps
 * resolved. Throws on names that nobody defines, jumps that do not fit, and frames over 512 bytes.
 */
export function emitProgram(funcs: readonly IrFunc[], options: EmitOptions): Emitted {
  const ordered = [...funcs.filter((f) => f.linkage === 'main'), ...funcs.filter((f) => f.linkage !== 'main')];
  if (ordered[0]?.linkage !== 'main' || ordered[1]?.linkage === 'main') throw new Error('a program has exactly one main function');
  const mapIdx = new Map(options.maps.map((map, index) => [map.name, index]));
  const context: EncodeContext = {
    helperId: (name) => {
      const id = helperId(name);
      if (id === undefined) throw new Error(`no helper is called ${name}`);
      return id;
    },
    mapIdx: (name) => {
      const index = mapIdx.get(name);
      if (index === undefined) throw new Error(`no map is called ${name}`);
      return index;
    },
  };
  const allocations = ordered.map((func) => allocate(legalize(func, options.cpu)));
  const codes = allocations.map((allocation) => relax(encodeFunc(allocation, context), options.cpu));
  const starts = new Map<string, number>();
  let size = 0;
  for (const code of codes) {
    starts.set(code.name, size);
    size += code.insns.length;
  }
  const insns: Insn[] = [];
  const originIds: OriginId[] = [];
  const bodyStarts = codes.map((code, at) => starts.get(code.name)! + code.blockStart.get(ordered[at]!.blocks[0]!.id)!);
  for (const code of codes) {
    const base = insns.length;
    for (const fixup of code.fixups) {
      const target = fixup.block === undefined ? starts.get(fixup.func!) : base + code.blockStart.get(fixup.block)!;
      if (target === undefined) throw new Error(`${code.name} calls ${fixup.func}, which does not exist`);
      const distance = target - (base + fixup.at) - 1;
      const old = code.insns[fixup.at];
      const inImm = fixup.kind === 'call' || old.opcode === JMP32;
      code.insns[fixup.at] = inImm ? { ...old, imm: distance } : { ...old, off: distance };
    }
    for (const instruction of code.insns) insns.push(instruction);
    for (const origin of code.originIds) originIds.push(origin);
  }
  const subprogs = ordered.map((func): Subprog => {
    const args = func.args.map((arg) => ({ kind: arg.type === 'ctx' ? ('ctx' as const) : ('scalar' as const) }));
    const described = func.linkage === 'static' ? {} : { args, returns: 'scalar' as const };
    return { name: func.name, start: starts.get(func.name)!, linkage: func.linkage === 'static' ? 'static' : 'global', ...described };
  });
  return { insns, subprogs, originIds, stackBytes: allocations.map((a) => a.stackBytes), bodyStarts };
}

const S16_MIN = -0x8000;
const S16_MAX = 0x7fff;

/**
 * Jumps reach 32,767 instructions. A farther `goto` becomes `gotol` (v4); a farther branch jumps over one:
 * `if a goto +1; goto +1; gotol far`. Every change moves others apart, so it repeats until all fit.
 */
export function relax(code: FuncCode, cpu: Cpu): FuncCode {
  for (;;) {
    const far = code.fixups.find((fixup) => {
      if (fixup.block === undefined || code.insns[fixup.at].opcode === JMP32) return false;
      const distance = code.blockStart.get(fixup.block!)! - fixup.at - 1;
      return distance < S16_MIN || distance > S16_MAX;
    });
    if (!far) return code;
    if (cpu !== 'v4')
      throw new InputError('a jump is longer than 32,767 instructions', `function ${code.name}`, 'Compile for kernel 6.6 or later');
    if (far.kind === 'goto') code.insns[far.at] = { ...code.insns[far.at], opcode: JMP32 };
    else code = lengthenBranch(code, far.at);
  }
}

function lengthenBranch(code: FuncCode, at: number): FuncCode {
  const branch = code.insns[at];
  const origin = code.originIds[at];
  const target = code.fixups.find((f) => f.at === at)!;
  const insns = [...code.insns];
  const originIds = [...code.originIds];
  insns.splice(
    at,
    1,
    { ...branch, off: 1 },
    { opcode: JMP | K, dst: 0, src: 0, off: 1, imm: 0 },
    { opcode: JMP32, dst: 0, src: 0, off: 0, imm: 0 },
  );
  originIds.splice(at, 1, origin, origin, origin);
  const fixups = code.fixups.map((f) => {
    if (f === target) return { ...f, at: at + 2, kind: 'goto' as const };
    return f.at > at ? { ...f, at: f.at + 2 } : f;
  });
  const blockStart = new Map([...code.blockStart].map(([id, start]) => [id, start > at ? start + 2 : start]));
  const core = code.core.map((c) => (c.at > at ? { ...c, at: c.at + 2 } : c));
  return { ...code, insns, originIds, fixups, core, blockStart };
}

export type { Cpu };
