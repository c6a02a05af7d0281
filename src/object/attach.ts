import { type Btf, KIND_FUNC, KIND_STRUCT, KIND_TYPEDEF } from './btf.ts';
import { essentialName } from './core-types.ts';
import { type ElfFile, type ElfSection, SHF_EXECINSTR, STT_SECTION } from './elf.ts';

/** What programs attach to by the kernel's types, as libbpf finds it (libbpf_find_kernel_btf_id, bpf_map__init_kern_struct_ops). */

const TRACING = 26;
const STRUCT_OPS = 27;
const EXT = 28;
const LSM = 29;
const TRACE_RAW_TP = 23;
/** One program on many functions: the first of the attach types whose functions are named only when it is attached (7.0 and later). */
const TRACE_FENTRY_MULTI = 59;
const TRACE_ITER = 28;

/** The kernel's name of what `SEC("fentry/NAME")` and the like name; a module may stand before it. */
export const attachName = (section: string): string | undefined =>
  section.includes('/') ? section.slice(section.indexOf('/') + 1).replace(/^[^:]*:(?=\w+$)/, '') : undefined;

/** Why a loader refuses a program for what it attaches to; null when it does not, or when nothing is known of the kernel. */
export function attachProblem(progType: number, attachType: number, name: string | undefined, kernel: Btf | null): string | null {
  if (progType === EXT) return 'it replaces a function of another program, which only a loader can name';
  if ((progType !== TRACING && progType !== LSM) || attachType >= TRACE_FENTRY_MULTI) return null;
  if (name === undefined || name === '') return 'its section does not name what it attaches to';
  if (!kernel) return null;
  const [kind, symbol] =
    progType === LSM
      ? [KIND_FUNC, `bpf_lsm_${name}`]
      : attachType === TRACE_RAW_TP
        ? [KIND_TYPEDEF, `btf_trace_${name}`]
        : [KIND_FUNC, attachType === TRACE_ITER ? `bpf_iter_${name}` : name];
  if (kernel.find(kind, symbol) !== 0) return null;
  return `the kernel has no ${attachType === TRACE_RAW_TP && progType === TRACING ? 'tracepoint' : 'function'} ${name} to attach to (a module that is not loaded may have it)`;
}

/** Where a struct_ops program stands: the structure and its member. */
export interface Operation {
  readonly struct: string;
  /** Number of the member in the kernel's structure. */
  readonly member: number;
}

export interface Operations {
  /** By section and slot of the function. */
  readonly byFunction: ReadonlyMap<string, Operation>;
  /** Why a loader refuses the object; null when it does not. */
  readonly refusal: string | null;
}

export const functionKey = (section: ElfSection, slot: number): string => `${section.index}/${slot}`;

/** Sections of structures that libbpf registers; those with `?` are left out until somebody asks for them. */
const isOperations = ({ name }: ElfSection): boolean => name === '.struct_ops' || name === '.struct_ops.link';

/** Reads which functions stand in the structures of `.struct_ops` and `.struct_ops.link`. */
export function readOperations(elf: ElfFile, btf: Btf | null, kernel: Btf | null): Operations {
  const byFunction = new Map<string, Operation>();
  let refusal: string | null = null;
  for (const section of btf ? elf.sections.filter(isOperations) : []) {
    const relocations = elf.relocations.get(section.index) ?? [];
    const variables = elf.symbols.filter((symbol) => symbol.sectionIdx === section.index && symbol.type !== STT_SECTION && symbol.size > 0);
    for (const variable of variables) {
      const type = structOf(btf!, section.name, variable.name);
      if (!type) continue;
      const struct = essentialName(type.name);
      const wanted = kernel ? kernel.find(KIND_STRUCT, struct) : 0;
      if (kernel && (wanted === 0 || kernel.find(KIND_STRUCT, `bpf_struct_ops_${struct}`) === 0))
        refusal ??= `the kernel has no operations ${struct} (a module that is not loaded may have them)`;
      for (const relocation of relocations) {
        const off = relocation.offset - variable.value;
        if (off < 0 || off >= variable.size) continue;
        const member = type.members.find(({ offset }) => (type.kindFlag ? offset & 0xffffff : offset) === off * 8);
        const symbol = elf.symbols[relocation.symbolIdx];
        const target = symbol && elf.sections[symbol.sectionIdx];
        if (!member || !target || !(target.flags & SHF_EXECINSTR)) continue;
        const addend = symbol.type === STT_SECTION ? addendAt(section, relocation.offset) : 0;
        const number =
          kernel && wanted ? kernel.at(wanted).members.findIndex(({ name }) => name === member.name) : type.members.indexOf(member);
        if (number < 0) refusal ??= `the kernel's ${struct} has no member ${member.name}`;
        else byFunction.set(functionKey(target, (symbol.value + addend) / 8), { struct, member: number });
      }
    }
  }
  return { byFunction, refusal };
}

function addendAt(section: ElfSection, off: number): number {
  if (off + 8 > section.bytes.length) return 0;
  return new DataView(section.bytes.buffer, section.bytes.byteOffset).getUint32(off, true);
}

function structOf(btf: Btf, section: string, variable: string) {
  const holder = btf.types.find((type) => type.name === section && type.vars.length > 0);
  const found = holder?.vars.find(({ type }) => btf.at(type).name === variable);
  if (!found) return null;
  const type = btf.at(btf.skip(btf.at(found.type).type));
  return type.kind === KIND_STRUCT ? type : null;
}

export const isStructOps = (progType: number): boolean => progType === STRUCT_OPS;
