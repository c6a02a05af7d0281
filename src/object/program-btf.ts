import type { ArgType, InsnIdx, LineInfo, Program, Subprog } from '../bpf/program.ts';
import { PROG_TYPE_KPROBE, PROG_TYPE_SOCKET_FILTER, PROG_TYPE_XDP } from '../bpf/progtypes.ts';
import {
  BtfBuilder,
  type BtfId,
  KIND_ARRAY,
  KIND_DECL_TAG,
  KIND_FUNC,
  KIND_FUNC_PROTO,
  KIND_INT,
  KIND_PTR,
  KIND_STRUCT,
  KIND_TYPEDEF,
  LINKAGE_GLOBAL,
  LINKAGE_STATIC,
} from './btf.ts';

/** A function's BTF id at the instruction where it starts. */
export interface FuncRecord {
  readonly insnIdx: InsnIdx;
  readonly typeId: BtfId;
}

/** A line record whose strings are offsets into BTF's strings. */
export interface LineRecord {
  readonly insnIdx: InsnIdx;
  readonly fileNameOff: number;
  readonly textOff: number;
  readonly line: number;
  readonly column: number;
}

const SIGNED = 1 << 24;

/** Types that every object needs, made on first use. */
export class CommonTypes {
  readonly builder: BtfBuilder;

  constructor(builder: BtfBuilder) {
    this.builder = builder;
  }

  get int(): BtfId {
    return this.builder.add({ kind: KIND_INT, name: 'int', size: 4, extra: SIGNED | 32 });
  }

  get long(): BtfId {
    return this.builder.add({ kind: KIND_INT, name: 'long', size: 8, extra: SIGNED | 64 });
  }

  get byte(): BtfId {
    return this.builder.add({ kind: KIND_INT, name: 'unsigned char', size: 1, extra: 8 });
  }

  pointer(type: BtfId): BtfId {
    return this.builder.add({ kind: KIND_PTR, type });
  }

  array(type: BtfId, elements: number): BtfId {
    const indexType = this.builder.add({ kind: KIND_INT, name: '__ARRAY_SIZE_TYPE__', size: 4, extra: 32 });
    return this.builder.add({ kind: KIND_ARRAY, type, indexType, elements });
  }

  /** Memory of a size that means nothing to the kernel but its size. */
  memory(size: number, name = `mem${size}`): BtfId {
    return this.builder.add({
      kind: KIND_STRUCT,
      name,
      size,
      members: [{ name: 'bytes', type: this.array(this.byte, size), offset: 0 }],
    });
  }
}

/**
 * Structures that the kernel knows a context argument by (btf_is_prog_ctx_type). Other program types are known by the
 * declaration tag `arg:ctx` alone (kernel 6.8).
 */
function contextType(types: CommonTypes, progType: number): { type: BtfId; tagged: boolean } {
  const { builder } = types;
  const struct = (name: string, size: number): BtfId => types.pointer(builder.add({ kind: KIND_STRUCT, name, size }));
  if (progType === PROG_TYPE_XDP) return { type: struct('xdp_md', 24), tagged: false };
  // socket filters, tc, actions, cgroup_skb, lightweight tunnels and sk_skb share one context.
  if ([PROG_TYPE_SOCKET_FILTER, 3, 4, 8, 10, 11, 12, 14, 19].includes(progType)) return { type: struct('__sk_buff', 192), tagged: false };
  if (progType === PROG_TYPE_KPROBE) {
    const registers = builder.add({ kind: KIND_STRUCT, name: 'pt_regs', size: 168 });
    return { type: types.pointer(builder.add({ kind: KIND_TYPEDEF, name: 'bpf_user_pt_regs_t', type: registers })), tagged: false };
  }
  return { type: types.pointer(0), tagged: true };
}

function addFunction(
  types: CommonTypes,
  func: Subprog,
  isEntry: boolean,
  { progType, section }: Pick<Program, 'progType' | 'section'>,
): BtfId {
  const { builder } = types;
  // What stands in .text is called by another program, with arguments of its own.
  const args: readonly ArgType[] = isEntry && section !== '.text' ? [{ kind: 'ctx' }] : (func.args ?? []);
  const tags: { component: number; name: string }[] = [];
  const params = args.map((arg, component) => {
    if (arg.kind === 'scalar' || arg.kind === 'arena') return { name: `a${component + 1}`, type: types.long, offset: 0 };
    if (arg.kind === 'mem') {
      // The kernel (6.8 and later) takes the pointer as possibly null unless this says otherwise.
      if (arg.nonNull) tags.push({ component, name: 'arg:nonnull' });
      return { name: `a${component + 1}`, type: types.pointer(types.memory(arg.size, arg.struct)), offset: 0 };
    }
    if (arg.kind === 'pointer') return { name: `a${component + 1}`, type: types.pointer(0), offset: 0 };
    if (arg.kind === 'untrusted') {
      tags.push({ component, name: 'arg:untrusted' });
      const to = arg.struct === undefined ? 0 : builder.add({ kind: KIND_STRUCT, name: arg.struct, size: 1 });
      return { name: `a${component + 1}`, type: types.pointer(to), offset: 0 };
    }
    if (arg.kind === 'dynptr' || arg.kind === 'btf') {
      if (arg.kind === 'btf') tags.push({ component, name: 'arg:trusted' });
      if (arg.kind === 'btf' && arg.mayBeNull) tags.push({ component, name: 'arg:nullable' });
      const struct = builder.add({
        kind: KIND_STRUCT,
        name: arg.kind === 'btf' ? arg.struct : 'bpf_dynptr',
        size: arg.kind === 'btf' ? 1 : 16,
      });
      return { name: `a${component + 1}`, type: types.pointer(struct), offset: 0 };
    }
    const { type, tagged } = contextType(types, progType);
    if (tagged) tags.push({ component, name: 'arg:ctx' });
    return { name: 'ctx', type, offset: 0 };
  });
  const proto = builder.add({
    kind: KIND_FUNC_PROTO,
    type: func.returns === 'void' ? 0 : isEntry ? types.int : types.long,
    members: params,
  });
  const extra = isEntry || func.linkage === 'global' ? LINKAGE_GLOBAL : LINKAGE_STATIC;
  const id = builder.add({ kind: KIND_FUNC, name: identifier(func.name), type: proto, extra });
  for (const tag of tags) builder.add({ kind: KIND_DECL_TAG, name: tag.name, type: id, extra: tag.component });
  return id;
}

/** The kernel takes only C identifiers as names of functions and types. */
export const identifier = (name: string): string => name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d|$)/, '_');

/** Adds the functions of a program; the records are in its own instruction numbers. */
export function addFunctions(types: CommonTypes, program: Program): FuncRecord[] {
  return program.subprogs.map((func, at) => ({ insnIdx: func.start, typeId: addFunction(types, func, at === 0, program) }));
}

/**
 * Adds the lines of a program. The kernel (check_btf_line) refuses line info that does not begin with a record for every
 * function, and libbpf warns about functions without line info; so functions without a line get their name.
 */
export function addLines(builder: BtfBuilder, program: Program): LineRecord[] {
  const file = program.lineInfo[0]?.file ?? program.name;
  const byIdx = new Map<InsnIdx, LineInfo>(program.lineInfo.map((info) => [info.insnIdx, info]));
  for (const func of program.subprogs) {
    if (byIdx.has(func.start)) continue;
    byIdx.set(func.start, { insnIdx: func.start, file, line: 0, column: 0, text: func.name });
  }
  return [...byIdx.values()]
    .sort((a, b) => a.insnIdx - b.insnIdx)
    .map((info) => ({
      insnIdx: info.insnIdx,
      fileNameOff: builder.string(info.file),
      // The log shows one line; BTF strings may hold anything but zero.
      textOff: builder.string(info.text),
      line: info.line,
      column: info.column,
    }));
}

/**
 * Function and line information of a program for a load without libbpf: global functions are checked apart from their callers
 * only when BTF describes them, and the log then shows source lines.
 */
export function programBtf(program: Program): { btf: Uint8Array; funcInfo: FuncRecord[]; lineInfo: LineRecord[] } {
  const builder = new BtfBuilder();
  const funcInfo = addFunctions(new CommonTypes(builder), program);
  const lineInfo = addLines(builder, program);
  return { btf: builder.encode(), funcInfo, lineInfo };
}
