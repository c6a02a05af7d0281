import { InputError } from '../base/errors.ts';
import {
  ADD,
  ALU64,
  ARSH,
  B,
  DW,
  H,
  JEQ,
  JGE,
  JGT,
  JLT,
  JMP,
  JSLE,
  K,
  LDX,
  LSH,
  MEM,
  MOV,
  OP_CALL,
  OP_EXIT,
  OP_LDDW,
  PSEUDO_CALL,
  PSEUDO_MAP_FD,
  RSH,
  ST,
  STX,
  W,
  X,
} from '../bpf/insn.ts';
import { MAP_TYPE_ARRAY, MAP_TYPE_PERCPU_ARRAY } from '../bpf/maps.ts';
import type { ArgType, Insn, MapDef, Program, Subprog } from '../bpf/program.ts';
import type { ProgramMeta, TensorSlot } from '../compiler/api.ts';
import { PAGE_BYTES } from '../compiler/kernels/frame.ts';
import { BYTES } from '../compiler/slots.ts';
import { writeObject } from '../object/writer.ts';
import { elementCount } from '../onnx/tensor.ts';

/** How a hand-written program calls a model. */
export const FORMS = ['ctx', 'struct', 'data'] as const;
export type Form = (typeof FORMS)[number];

/** `bpf_map_lookup_elem` in `enum bpf_func_id`. */
const LOOKUP = 1;
/** What functions give back when a map entry is missing, which does not happen to arrays. */
const FAILED = -1;
/** Copies of up to this many words are written out. */
const WRITTEN_OUT = 64;

/** A model as a function of another program: the code, and the header that declares it. */
export interface Linkable {
  /** The first is the model's function, others read its results. */
  readonly programs: readonly Program[];
  readonly header: string;
  /** Functions that are local to the program that they are linked into, and verified with their callers. */
  readonly hidden: readonly string[];
}

/** Code under construction: jumps name labels. */
class Code {
  readonly insns: Insn[] = [];
  readonly #jumps: { readonly at: number; readonly label: string }[] = [];
  readonly #labels = new Map<string, number>();

  put(opcode: number, dst = 0, src = 0, off = 0, imm = 0): this {
    this.insns.push({ opcode, dst, src, off, imm });
    return this;
  }
  label(name: string): this {
    this.#labels.set(name, this.insns.length);
    return this;
  }
  jump(opcode: number, label: string, dst = 0, src = 0, imm = 0): this {
    this.#jumps.push({ at: this.insns.length, label });
    return this.put(opcode, dst, src, 0, imm);
  }
  /** `dst = entry 0 of map`, or the function ends. */
  lookup(map: number, dst: number): this {
    this.put(ST | MEM | W, 10, 0, -4, 0);
    this.put(ALU64 | MOV | X, 2, 10).put(ALU64 | ADD | K, 2, 0, 0, -4);
    this.put(OP_LDDW, 1, PSEUDO_MAP_FD, 0, map).put(0);
    this.put(OP_CALL, 0, 0, 0, LOOKUP);
    this.jump(JMP | JEQ | K, 'failed', 0, 0, 0);
    return this.put(ALU64 | MOV | X, dst, 0);
  }
  /** Copies `bytes` (a multiple of 8) from one address to another; neither is kept. */
  copy(to: number, from: number, bytes: number, name: string): this {
    const words = bytes / 8;
    if (words <= WRITTEN_OUT) {
      for (let i = 0; i < words; i++) this.put(LDX | MEM | DW, 1, from, 8 * i).put(STX | MEM | DW, to, 1, 8 * i);
      return this;
    }
    this.put(ALU64 | MOV | K, 2, 0, 0, 0).label(name);
    this.put(LDX | MEM | DW, 1, from).put(STX | MEM | DW, to, 1);
    this.put(ALU64 | ADD | K, from, 0, 0, 8)
      .put(ALU64 | ADD | K, to, 0, 0, 8)
      .put(ALU64 | ADD | K, 2, 0, 0, 1);
    return this.jump(JMP | JLT | K, name, 2, 0, words);
  }
  finish(): Insn[] {
    this.label('failed')
      .put(ALU64 | MOV | K, 0, 0, 0, FAILED)
      .put(OP_EXIT);
    for (const { at, label } of this.#jumps) this.insns[at] = { ...this.insns[at]!, off: this.#labels.get(label)! - at - 1 };
    return this.insns;
  }
}

/** Makes a model of an object callable. Throws {@link InputError} when the form does not fit the model. */
export function linkable(program: Program, meta: ProgramMeta, form: Form): Linkable {
  const name = `${program.name}_${form}`;
  const isTensor = (meta.binding as { input?: { kind?: string } } | null)?.input?.kind === 'tensor';
  if (form === 'ctx') return contextForm(program, name, isTensor);
  if (!isTensor)
    throw new InputError(
      `its binding fills the inputs from packets, which the form ${form} does itself`,
      program.name,
      'Compile the model without --binding',
    );
  const own = perProcessor(program);
  return form === 'struct' ? structForm(own, meta, name) : dataForm(own, meta, name);
}

/** Packets are scored on several processors at once: each gets inputs, values and results of its own. */
function perProcessor(program: Program): Program {
  const maps = program.maps.map((map): MapDef => {
    if (map.type !== MAP_TYPE_ARRAY || map.data || map.section) return map;
    if (map.valueSize > PAGE_BYTES)
      throw new InputError(
        `map ${map.name} has entries of ${map.valueSize} bytes; a per-CPU entry, which several packets at once need, holds ${PAGE_BYTES}`,
        program.name,
        'Use the form ctx',
      );
    return { ...map, type: MAP_TYPE_PERCPU_ARRAY };
  });
  return { ...program, maps };
}

const guard = (name: string, body: readonly string[]): string => {
  const word = `${name.toUpperCase()}_H`;
  return [`#ifndef ${word}`, `#define ${word}`, '', ...body, '', '#endif', ''].join('\n');
};
const TYPES = ['#include <linux/types.h>'];

function contextForm(program: Program, name: string, isTensor: boolean): Linkable {
  const [entry, ...others] = program.subprogs;
  const text: Program = { ...program, name, section: '.text', subprogs: [{ ...entry!, name, args: [{ kind: 'ctx' }] }, ...others] };
  const context = 'struct xdp_md';
  const what = isTensor
    ? 'Runs the model on what map input holds; results are left in map output.'
    : 'Runs the model on the packet and gives the verdict of its binding.';
  return {
    programs: [text],
    hidden: [],
    header: guard(name, [...TYPES, '', `${context};`, `/* ${what} */`, `extern int ${name}(${context} *ctx);`]),
  };
}

/** A function of ours before those of the model; `model`: where it calls the model, `next`: where it calls the function behind it. */
interface Wrapper {
  readonly name: string;
  readonly args: readonly ArgType[];
  readonly insns: readonly Insn[];
  readonly model?: number;
  readonly next?: number;
}

/** The model's functions behind those that lead to them. */
function around(program: Program, wrappers: readonly Wrapper[]): Program {
  const shift = wrappers.reduce((sum, { insns }) => sum + insns.length, 0);
  const own: Insn[] = [];
  const subprogs = wrappers.map(({ name, args, insns, model, next }): Subprog => {
    const start = own.length;
    const after = start + insns.length;
    insns.forEach((insn, at) => {
      const target = at === model ? shift : at === next ? after : null;
      own.push(target === null ? insn : { ...insn, imm: target - (start + at) - 1 });
    });
    const at = args.findIndex(({ kind }) => kind === 'pointer');
    // What the reader says of the written object, and Linux of such a function on its own.
    const unfit = at < 0 ? {} : { unfit: `arg#${at} reference type('UNKNOWN ') size cannot be determined: -22` };
    return { name, start, linkage: 'global', args, returns: 'scalar', ...unfit };
  });
  const inner = program.subprogs.map((func, i): Subprog => {
    const moved = { ...func, start: func.start + shift };
    if (i > 0) return moved;
    // The context is not used: the model is verified with its caller.
    const { args: _, returns: __, ...rest } = moved;
    return { ...rest, name: `${program.name}_model`, linkage: 'static' };
  });
  return {
    ...program,
    name: wrappers[0]!.name,
    section: '.text',
    insns: [...own, ...program.insns],
    subprogs: [...subprogs, ...inner],
    lineInfo: program.lineInfo.map((line) => ({ ...line, insnIdx: line.insnIdx + shift })),
    origins: [],
    insnOrigins: [],
    kfuncCalls: new Map([...program.kfuncCalls].map(([idx, func]) => [idx + shift, func])),
  };
}

const C_TYPES = { u16: '__u16', i16: '__s16', i32: '__s32', f32: '__u32' } as const;

/** Members of a map's slots as C declares them, gaps filled up. */
function members(slots: readonly TensorSlot[], bytes: number, what: string): string[] {
  const lines: string[] = [];
  let at = 0;
  let gaps = 0;
  const fill = (to: number): void => {
    if (to > at) lines.push(`  __u8 ${what}_gap${gaps++}[${to - at}];`);
  };
  for (const slot of [...slots].sort((a, b) => a.byteOff - b.byteOff)) {
    fill(slot.byteOff);
    const count = elementCount(slot.dims);
    const size =
      slot.elem === 'f32' ? 'bits of float32' : slot.classes ? `index into: ${slot.classes.join(', ')}` : `real = ${slot.scale} * integer`;
    lines.push(`  ${C_TYPES[slot.elem]} ${identifier(slot.name)}[${count}]; /* [${slot.dims.join(', ')}], ${size} */`);
    at = slot.byteOff + count * BYTES[slot.elem];
  }
  fill(bytes);
  return lines;
}
const identifier = (name: string): string => name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d|$)/, '_');

const mapIndex = (program: Program, name: string): number => {
  const at = program.maps.findIndex((map) => map.name === name);
  if (at < 0) throw new InputError(`it has no map ${name}`, program.name);
  return at;
};
const align = (n: number): number => Math.ceil(n / 8) * 8;

/** Puts the index of the largest of the first result's integers, or the label that it is, into r0. */
function choose(code: Code, [slot]: readonly TensorSlot[]): void {
  const off = slot!.byteOff;
  const count = elementCount(slot!.dims);
  // r8: address of the results.
  code.put(LDX | MEM | W, 3, 8, off).put(ALU64 | MOV | K, 0, 0, 0, 0);
  const extend = (reg: number): void => void code.put(ALU64 | LSH | K, reg, 0, 0, 32).put(ALU64 | ARSH | K, reg, 0, 0, 32);
  extend(3);
  if (slot!.classes) {
    code.put(ALU64 | MOV | X, 0, 3).put(OP_EXIT);
    return;
  }
  code
    .put(ALU64 | MOV | X, 4, 8)
    .put(ALU64 | ADD | K, 4, 0, 0, off)
    .put(ALU64 | MOV | K, 5, 0, 0, 0);
  code.label('next').put(LDX | MEM | W, 1, 4);
  extend(1);
  code
    .jump(JMP | JSLE | X, 'smaller', 1, 3)
    .put(ALU64 | MOV | X, 3, 1)
    .put(ALU64 | MOV | X, 0, 5);
  code
    .label('smaller')
    .put(ALU64 | ADD | K, 4, 0, 0, 4)
    .put(ALU64 | ADD | K, 5, 0, 0, 1);
  code.jump(JMP | JLT | K, 'next', 5, 0, count).put(OP_EXIT);
}

/** Inputs from a structure, results into it. */
function structForm(program: Program, meta: ProgramMeta, name: string): Linkable {
  const [input, output] = ['input', 'output'].map((map) => program.maps[mapIndex(program, map)]!);
  const [inBytes, outBytes] = [align(input!.valueSize), align(output!.valueSize)];
  const code = new Code();
  code.jump(JMP | JEQ | K, 'failed', 1, 0, 0).put(ALU64 | MOV | X, 6, 1);
  code
    .lookup(mapIndex(program, 'input'), 7)
    .put(ALU64 | MOV | X, 9, 6)
    .copy(7, 9, inBytes, 'in');
  const call = code.insns.length;
  code.put(OP_CALL, 0, PSEUDO_CALL, 0, 0);
  code.lookup(mapIndex(program, 'output'), 8);
  code
    .put(ALU64 | MOV | X, 7, 8)
    .put(ALU64 | MOV | X, 9, 6)
    .put(ALU64 | ADD | K, 9, 0, 0, inBytes)
    .copy(9, 7, outBytes, 'out');
  choose(code, meta.outputs);
  const struct = `${program.name}_io`;
  const arg: ArgType = { kind: 'mem', size: inBytes + outBytes, nonNull: false, struct };
  const body = [
    ...TYPES,
    '',
    `struct ${struct} {`,
    ...members(meta.inputs, inBytes, 'in'),
    ...members(meta.outputs, outBytes, 'out'),
    '};',
    '',
    '/* Runs the model on the inputs in the structure and leaves its results there. Gives the index of the largest of the first',
    '   result, or the index of the label where the model gives one; -1 without a structure. */',
    `extern int ${name}(struct ${struct} *io);`,
  ];
  return { programs: [around(program, [{ name, args: [arg], insns: code.finish(), model: call }])], header: guard(name, body), hidden: [] };
}

/** Bytes between two packet pointers as tokens, zeros behind the last one. */
function dataForm(program: Program, meta: ProgramMeta, name: string): Linkable {
  const [slot, ...more] = meta.inputs;
  if (!slot || more.length > 0 || slot.elem !== 'u16' || (slot.vocabulary ?? 65536) < 256)
    throw new InputError('only a model of one input of byte tokens can read them from a packet', program.name, 'Use the form struct');
  const count = elementCount(slot.dims);
  const code = new Code();
  code
    .put(ALU64 | MOV | X, 6, 1)
    .put(ALU64 | MOV | X, 7, 2)
    .put(ALU64 | MOV | X, 9, 3);
  code.lookup(mapIndex(program, 'input'), 8);
  if (slot.byteOff > 0) code.put(ALU64 | ADD | K, 8, 0, 0, slot.byteOff);
  // The token behind the bytes first, so that the copy may end with the packet: a state for each length would be one for each length to come.
  code
    .put(ALU64 | MOV | K, 3, 0, 0, 0)
    .put(ALU64 | MOV | X, 4, 8)
    .label('pad')
    .put(STX | MEM | H, 4, 9);
  code
    .put(ALU64 | ADD | K, 4, 0, 0, 2)
    .put(ALU64 | ADD | K, 3, 0, 0, 1)
    .jump(JMP | JLT | K, 'pad', 3, 0, count);
  code.put(ALU64 | MOV | K, 3, 0, 0, 0).label('byte');
  code
    .put(ALU64 | MOV | X, 5, 6)
    .put(ALU64 | ADD | K, 5, 0, 0, 1)
    .jump(JMP | JGT | X, 'ended', 5, 7);
  code
    .put(LDX | MEM | B, 4, 6)
    .put(STX | MEM | H, 8, 4)
    .put(ALU64 | MOV | X, 6, 5);
  code
    .put(ALU64 | ADD | K, 8, 0, 0, 2)
    .put(ALU64 | ADD | K, 3, 0, 0, 1)
    .jump(JMP | JLT | K, 'byte', 3, 0, count);
  code
    .label('ended')
    .put(ALU64 | MOV | K, 6, 0, 0, 0)
    .put(ALU64 | MOV | K, 7, 0, 0, 0)
    .put(ALU64 | MOV | K, 8, 0, 0, 0);
  const call = code.insns.length;
  code.put(OP_CALL, 0, PSEUDO_CALL, 0, 0);
  code.lookup(mapIndex(program, 'output'), 8);
  choose(code, meta.outputs);
  const padded = `${program.name}_padded`;
  const hidden = 'extern __attribute__((visibility("hidden"))) int';
  const body = [
    ...TYPES,
    '',
    `/* Runs the model on the ${count} bytes from data on, zeros (or token pad) where data_end comes before. The verifier follows packet`,
    '   pointers only inside of a program: the symbols are hidden, so that libbpf makes the functions static. Results are left in map',
    '   output; gives the index of the largest of the first one. */',
    `${hidden} ${name}(void *data, void *data_end);`,
    `${hidden} ${padded}(void *data, void *data_end, __u32 pad);`,
  ];
  const pointer: ArgType = { kind: 'pointer' };
  const plain = new Code()
    .put(ALU64 | MOV | K, 3, 0, 0, 0)
    .put(OP_CALL, 0, PSEUDO_CALL, 0, 0)
    .put(OP_EXIT);
  const model = around(program, [
    { name, args: [pointer, pointer], insns: plain.insns, next: 1 },
    { name: padded, args: [pointer, pointer, { kind: 'scalar' }], insns: code.finish(), model: call },
  ]);
  const scores = scoreForm(program, meta.outputs);
  return {
    programs: [model, ...(scores ? [scores.program] : [])],
    header: guard(name, [...body, ...(scores?.declared ?? [])]),
    hidden: [name, padded, ...(scores ? [scores.program.name] : [])],
  };
}

/** A function that gives one of the integers of the first result, and what they mean. Labels are what the model's function gives itself. */
function scoreForm(program: Program, [slot]: readonly TensorSlot[]): { program: Program; declared: string[] } | null {
  if (!slot || slot.classes || slot.elem !== 'i32') return null;
  const name = `${program.name}_score`;
  const count = elementCount(slot.dims);
  const code = new Code();
  code.put(ALU64 | LSH | K, 1, 0, 0, 32).put(ALU64 | RSH | K, 1, 0, 0, 32);
  code.jump(JMP | JGE | K, 'failed', 1, 0, count).put(ALU64 | MOV | X, 6, 1);
  code.lookup(mapIndex(program, 'output'), 8);
  code
    .put(ALU64 | LSH | K, 6, 0, 0, 2)
    .put(ALU64 | ADD | X, 8, 6)
    .put(LDX | MEM | W, 0, 8, slot.byteOff);
  code
    .put(ALU64 | LSH | K, 0, 0, 0, 32)
    .put(ALU64 | ARSH | K, 0, 0, 0, 32)
    .put(OP_EXIT);
  const upper = program.name.toUpperCase();
  const declared = [
    '',
    `/* Integer ${count === 1 ? '0' : `0 to ${count - 1}`} of the first result (${slot.name}) that the last call left. */`,
    `extern __attribute__((visibility("hidden"))) int ${name}(__u32 index);`,
    `/* A real number in units of these integers; the compiler computes it. */`,
    `#define ${upper}_FIXED(real) ((__s32)((real) / ${slot.scale} + ((real) < 0 ? -0.5 : 0.5)))`,
  ];
  const args: readonly ArgType[] = [{ kind: 'scalar' }];
  const subprogs: readonly Subprog[] = [{ name, start: 0, linkage: 'global', args, returns: 'scalar' }];
  const empty = { lineInfo: [], origins: [], insnOrigins: [], kfuncCalls: new Map<number, string>() };
  return { program: { ...program, ...empty, name, section: '.text', insns: code.finish(), subprogs }, declared };
}

/** A model's object in one form, as `FILE.o` beside the header. */
export const linkableObject = ({ programs, hidden }: Linkable, meta: ProgramMeta): Uint8Array => writeObject(programs, { meta, hidden });

/** What a program in C can call of a model: an object for each form that fits, and one header for all. */
export interface ModelLibrary {
  readonly header: string;
  readonly forms: readonly { readonly form: Form; readonly symbols: readonly string[]; readonly object: Uint8Array }[];
}

/** Every form of a model that a program may call it in. */
export function modelLibrary(program: Program, meta: ProgramMeta): ModelLibrary {
  const headers: string[] = [];
  const forms = FORMS.flatMap((form) => {
    let made: Linkable;
    try {
      made = linkable(program, meta, form);
    } catch (error) {
      if (error instanceof InputError) return [];
      throw error;
    }
    headers.push(made.header);
    return [{ form, symbols: made.hidden.length > 0 ? made.hidden : [made.programs[0]!.name], object: linkableObject(made, meta) }];
  });
  return { header: headers.join('\n'), forms };
}
