import { OP_LDDW } from '../bpf/insn.ts';
import type { Insn } from '../bpf/program.ts';
import { type Btf, type BtfId, KIND_ARRAY, KIND_ENUM64, KIND_INT, KIND_PTR } from './btf.ts';
import type { ExtCore } from './btf-ext.ts';
import {
  CORE_BYTE_OFFSET,
  CORE_BYTE_SIZE,
  CORE_ENUM_EXISTS,
  CORE_ENUM_VALUE,
  CORE_FIELD_EXISTS,
  CORE_LSHIFT,
  CORE_RSHIFT,
  CORE_SIGNED,
  CORE_TYPE_EXISTS,
  CORE_TYPE_ID_LOCAL,
  CORE_TYPE_ID_TARGET,
  CORE_TYPE_MATCHES,
  CORE_TYPE_SIZE,
  isFieldKind,
  matchSpec,
  memberBits,
  parseSpec,
  type Spec,
} from './core-spec.ts';
import { essentialName, isEnum, isSigned, sameKind } from './core-types.ts';

/** Types of the kernel by their name without flavour. */
const candidateIndex = new WeakMap<Btf, ReadonlyMap<string, readonly BtfId[]>>();

function typesNamed(btf: Btf, name: string): readonly BtfId[] {
  let index = candidateIndex.get(btf);
  if (!index) {
    const made = new Map<string, BtfId[]>();
    btf.types.forEach((type, id) => {
      if (type.name === '') return;
      const essential = essentialName(type.name);
      const list = made.get(essential);
      if (list) list.push(id);
      else made.set(essential, [id]);
    });
    index = made;
    candidateIndex.set(btf, index);
  }
  return index.get(name) ?? [];
}

/** What a relocation asks for, on one side. */
interface Value {
  readonly value: bigint;
  /** Bytes of the field that a load or store reaches; 0 where it does not matter. */
  readonly size: number;
  readonly type: BtfId;
  /** The instruction must hold the compiler's value. */
  readonly checked: boolean;
}

/** A resolved relocation; `poison`: the kernel has no such thing, and an instruction that it refuses takes the place. */
interface Resolved {
  readonly from: Value;
  readonly to: Value | null;
  readonly poison: boolean;
}

const plain = (value: number | bigint, checked = true): Value => ({ value: BigInt(value), size: 0, type: 0, checked });

/** libbpf's answer to a field, type or enumerator; null: there is none, poison. Throws {@link CoreError} for what it refuses. */
function answer(spec: Spec | null, kind: number): Value | null {
  switch (kind) {
    case CORE_FIELD_EXISTS:
    case CORE_TYPE_EXISTS:
    case CORE_TYPE_MATCHES:
    case CORE_ENUM_EXISTS:
      return plain(spec ? 1 : 0);
    case CORE_TYPE_ID_TARGET:
      return plain(spec?.root ?? 0, false);
    case CORE_TYPE_SIZE:
      return plain(spec ? spec.btf.sizeOf(spec.root) : 0);
    case CORE_ENUM_VALUE: {
      if (!spec) return null;
      const step = spec.steps[0]!;
      const type = spec.btf.at(step.type);
      const { offset, type: high } = type.members[step.index]!;
      return plain(type.kind === KIND_ENUM64 ? (BigInt(high) << 32n) | BigInt(offset >>> 0) : BigInt(offset));
    }
    default:
      return spec && fieldValue(spec, kind);
  }
}

function fieldValue(spec: Spec, kind: number): Value {
  const { btf } = spec;
  const last = spec.steps.at(-1)!;
  if (last.name === '') {
    const size = btf.sizeOf(last.type);
    if (kind === CORE_BYTE_OFFSET) return { value: BigInt(spec.bitOffset / 8), size, type: last.type, checked: true };
    if (kind === CORE_BYTE_SIZE) return plain(size);
    throw new CoreError('asks an array element for what only fields have');
  }
  const owner = btf.at(last.type);
  const fieldId = btf.skip(owner.members[last.index]!.type);
  const field = btf.at(fieldId);
  const { width } = memberBits(owner, last.index);
  const isBits = width > 0;
  let bytes = isBits ? field.size : btf.sizeOf(fieldId);
  let byteOff = isBits ? wordOf(spec.bitOffset, bytes) : Math.floor(spec.bitOffset / 8);
  // The smallest load that holds all bits.
  while (isBits && spec.bitOffset + width - byteOff * 8 > bytes * 8) {
    if (bytes >= 8 || bytes === 0) throw new CoreError('reaches for a bit field that no load holds');
    bytes *= 2;
    byteOff = wordOf(spec.bitOffset, bytes);
  }
  const bits = isBits ? width : bytes * 8;
  switch (kind) {
    case CORE_BYTE_OFFSET: {
      if (isBits) return plain(byteOff, false);
      let element = fieldId;
      for (let depth = 0; btf.at(element).kind === KIND_ARRAY && depth < 32; depth++) element = btf.skip(btf.at(element).type);
      return { value: BigInt(byteOff), size: btf.sizeOf(element), type: element, checked: true };
    }
    case CORE_BYTE_SIZE:
      return plain(bytes, !isBits);
    case CORE_SIGNED:
      return plain((isEnum(field) && field.kindFlag) || isSigned(field) ? 1 : 0);
    case CORE_LSHIFT:
      return plain(64 - (spec.bitOffset + bits - byteOff * 8), !isBits);
    case CORE_RSHIFT:
      return plain(64 - bits);
    default:
      throw new CoreError(`is of kind ${kind}, which is unknown`);
  }
}

const wordOf = (bit: number, bytes: number): number => (bytes === 0 ? 0 : Math.floor(Math.floor(bit / 8) / bytes) * bytes);

/** A relocation that libbpf refuses: the object does not load. */
export class CoreError extends Error {}

/** Resolves CO-RE relocations of an object against a kernel's types. */
export class CoreResolver {
  private readonly local: Btf;
  private readonly kernel: Btf;
  /** Candidates that are left for a local type: those that earlier relocations did not rule out (libbpf's cand_cache). */
  private readonly candidates = new Map<BtfId, readonly BtfId[]>();

  constructor(local: Btf, kernel: Btf) {
    this.local = local;
    this.kernel = kernel;
  }

  private candidatesOf(id: BtfId): readonly BtfId[] {
    let list = this.candidates.get(id);
    if (!list) {
      const type = this.local.at(id);
      list = typesNamed(this.kernel, essentialName(type.name)).filter((other) => sameKind(this.kernel.at(other), type));
      this.candidates.set(id, list);
    }
    return list;
  }

  /** The value that the compiler put there and the kernel's; null where the kernel has no such thing. Throws {@link CoreError} for what libbpf refuses. */
  values(relocation: ExtCore): { readonly local: bigint; readonly target: bigint | null } {
    const { from, to } = this.resolve(relocation);
    return { local: from.value, target: to?.value ?? null };
  }

  private resolve(relocation: ExtCore): Resolved {
    const { kind, typeId } = relocation;
    const access = this.local.string(relocation.accessOff);
    const name = this.local.at(typeId).name;
    const spec = parseSpec(this.local, typeId, access, kind);
    if (!spec || kind > CORE_TYPE_MATCHES) throw new CoreError(`has an unusable access string ${JSON.stringify(access.slice(0, 40))}`);
    if (kind === CORE_TYPE_ID_LOCAL) {
      const same = plain(typeId, false);
      return { from: same, to: same, poison: false };
    }
    if (name === '') throw new CoreError('names a type without a name');
    const from = answer(spec, kind);
    if (!from) throw new CoreError('has no value');
    let chosen: { readonly spec: Spec; readonly to: Value | null } | null = null;
    const left: BtfId[] = [];
    for (const candidate of this.candidatesOf(typeId)) {
      const match = matchSpec(spec, this.kernel, candidate, kind);
      if (!match) continue;
      left.push(candidate);
      const to = answer(match, kind);
      if (!chosen) chosen = { spec: match, to };
      else if (chosen.spec.bitOffset !== match.bitOffset || chosen.to?.value !== to?.value)
        throw new CoreError(`finds several kinds of ${name} in the kernel`);
    }
    if (left.length > 0) this.candidates.set(typeId, left);
    const to = chosen ? chosen.to : answer(null, kind);
    return { from, to, poison: to === null };
  }

  /** Changes one instruction of a function's code, and the second half of a 64-bit load. */
  apply(insns: Insn[], at: number, relocation: ExtCore): void {
    const resolved = this.resolve(relocation);
    const insn = insns[at]!;
    const { from, to } = resolved;
    if (!to) {
      poison(insns, at);
      return;
    }
    const wrong = (): never => {
      throw new CoreError('does not find the value in its instruction that the compiler should have put there');
    };
    if (insn.opcode === OP_LDDW) {
      const second = insns[at + 1];
      if (!second) throw new CoreError('changes half a 64-bit load');
      const now = (BigInt(second.imm >>> 0) << 32n) | BigInt(insn.imm >>> 0);
      if (from.checked && now !== BigInt.asUintN(64, from.value)) wrong();
      insns[at] = { ...insn, imm: Number(BigInt.asIntN(32, to.value)) };
      insns[at + 1] = { ...second, imm: Number(BigInt.asIntN(32, to.value >> 32n)) };
      return;
    }
    const group = insn.opcode & 7;
    if (group === 4 || group === 7) {
      if (insn.opcode & 8) throw new CoreError('changes arithmetic on registers');
      if (from.checked && BigInt(insn.imm) !== BigInt.asIntN(32, from.value)) wrong();
      insns[at] = { ...insn, imm: Number(BigInt.asIntN(32, to.value)) };
      return;
    }
    if (group < 1 || group > 3) throw new CoreError('changes an instruction that holds no such value');
    if (from.checked && BigInt(insn.off) !== from.value) wrong();
    if (to.value > 0x7fffn) throw new CoreError(`yields an offset of ${to.value}, which no instruction holds`);
    let { opcode } = insn;
    if (isFieldKind(relocation.kind) && from.size !== to.size) {
      if (!this.maySize(from, to)) {
        poison(insns, at);
        return;
      }
      const width = [4, 2, 1, 8].indexOf(from.size);
      const wanted = [4, 2, 1, 8].indexOf(to.size);
      if (((opcode >> 3) & 3) !== width || wanted < 0) throw new CoreError('changes a load of another width than its field');
      opcode = (opcode & ~0x18) | (wanted << 3);
    }
    insns[at] = { ...insn, opcode, off: Number(to.value) };
  }

  /** A load may become narrower or wider for pointers and unsigned integers only. */
  private maySize(from: Value, to: Value): boolean {
    const ours = this.local.at(from.type);
    const theirs = this.kernel.at(to.type);
    if (ours.kind === KIND_PTR && theirs.kind === KIND_PTR) return true;
    return ours.kind === KIND_INT && theirs.kind === KIND_INT && !isSigned(ours) && !isSigned(theirs);
  }
}

/** libbpf puts a call of this number where the kernel has no such field; the kernel refuses it when it is reached. */
const POISON_CALL = 195896080;

function poison(insns: Insn[], at: number): void {
  const call: Insn = { opcode: 0x85, dst: 0, src: 0, off: 0, imm: POISON_CALL };
  if (insns[at]!.opcode === OP_LDDW && at + 1 < insns.length) insns[at + 1] = call;
  insns[at] = call;
}
