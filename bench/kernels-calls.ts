/** Parts of `npm run long kernels`: every helper from every program type, with arguments that its prototype asks for. */
import { PSEUDO_MAP_FD } from '../src/bpf/insn.ts';
import type { Insn, MapDef, Program } from '../src/bpf/program.ts';
import { PROG_TYPE_NAMES } from '../src/bpf/progtypes.ts';
import { type ArgProto, type HelperProto, helperProto, MAX_HELPER } from '../src/verifier/protos.ts';

const TYPES = [1, 2, 3, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 23, 25, 30, 31];
const ATTACH: Readonly<Record<number, number>> = { 9: 2, 18: 8, 25: 21, 30: 36 };
/** Kinds of maps that helpers ask for; others get an array. */
const MAP_OF: Readonly<Record<number, number>> = {
  22: 4,
  25: 4,
  55: 4,
  111: 4,
  121: 4,
  27: 7,
  51: 14,
  87: 22,
  88: 22,
  89: 22,
  130: 27,
  131: 27,
  134: 27,
  195: 6,
};

/** What a variant gives for memory and its size. */
interface Variant {
  readonly name: string;
  readonly initialised: boolean;
  readonly size: number;
  readonly nulls: boolean;
}

const VARIANTS: readonly Variant[] = [
  { name: 'plain', initialised: true, size: 8, nulls: false },
  { name: 'unwritten memory', initialised: false, size: 8, nulls: false },
  { name: 'no bytes', initialised: true, size: 0, nulls: false },
  { name: 'null', initialised: true, size: 0, nulls: true },
  { name: 'beyond', initialised: true, size: 72, nulls: false },
];

const mov = (dst: number, imm: number): Insn => ({ opcode: 0xb7, dst, src: 0, off: 0, imm });
const copy = (dst: number, src: number): Insn => ({ opcode: 0xbf, dst, src, off: 0, imm: 0 });

function argument(arg: ArgProto, reg: number, variant: Variant): Insn[] | null {
  switch (arg.kind) {
    case 'any':
    case 'alloc_size':
      return [mov(reg, arg.kind === 'any' ? 0 : 8)];
    case 'ctx':
      return [copy(reg, 6)];
    case 'map':
      return [
        { opcode: 0x18, dst: reg, src: PSEUDO_MAP_FD, off: 0, imm: 0 },
        { opcode: 0, dst: 0, src: 0, off: 0, imm: 0 },
      ];
    case 'key':
    case 'value':
    case 'mem':
    case 'fixed':
      if (variant.nulls) return [mov(reg, 0)];
      return [copy(reg, 10), { opcode: 0x07, dst: reg, src: 0, off: 0, imm: -64 }];
    case 'size':
    case 'size0':
      return [mov(reg, variant.size)];
    default:
      return null;
  }
}

function mapFor(id: number): MapDef {
  const type = MAP_OF[id] ?? 2;
  const sizes =
    type === 27 ? [0, 0, 4096] : type === 22 ? [0, 8, 4] : type === 7 ? [4, 64, 4] : type === 4 || type === 14 ? [4, 4, 4] : [4, 8, 1];
  return { name: 'map', type, keySize: sizes[0], valueSize: sizes[1], maxEntries: sizes[2], flags: 0 };
}

function call(progType: number, proto: HelperProto, variant: Variant): Program | null {
  const insns: Insn[] = [copy(6, 1)];
  if (variant.initialised) for (let off = -64; off < 0; off += 8) insns.push({ opcode: 0x7a, dst: 10, src: 0, off, imm: 0 });
  for (const [i, arg] of proto.args.entries()) {
    const code = argument(arg, i + 1, variant);
    if (!code) return null;
    insns.push(...code);
  }
  insns.push({ opcode: 0x85, dst: 0, src: 0, off: 0, imm: proto.id }, mov(0, 1), { opcode: 0x95, dst: 0, src: 0, off: 0, imm: 0 });
  return {
    name: `${PROG_TYPE_NAMES[progType]} calls ${proto.id}, ${variant.name}`,
    section: '',
    progType,
    expectedAttachType: ATTACH[progType] ?? 0,
    sleepable: progType === 31,
    loadFlags: 0,
    license: 'GPL',
    insns,
    subprogs: [{ name: 'main', start: 0, linkage: 'global' }],
    maps: proto.args.some(({ kind }) => kind === 'map') ? [mapFor(proto.id)] : [],
    lineInfo: [],
    origins: [],
    insnOrigins: insns.map(() => []),
    kfuncCalls: new Map(),
  };
}

export function callPrograms(): Program[] {
  const made: Program[] = [];
  for (const progType of TYPES) {
    for (let id = 1; id <= MAX_HELPER; id++) {
      const proto = helperProto(progType, id);
      if (!proto) continue;
      const takesMemory = proto.args.some(({ kind }) => ['key', 'value', 'mem', 'fixed', 'size', 'size0'].includes(kind));
      for (const variant of takesMemory ? VARIANTS : VARIANTS.slice(0, 1)) {
        const program = call(progType, proto, variant);
        if (program) made.push(program);
      }
    }
  }
  return made;
}
