import {
  type Btf,
  type BtfId,
  type BtfType,
  KIND_ARRAY,
  KIND_ENUM,
  KIND_ENUM64,
  KIND_FUNC,
  KIND_FUNC_PROTO,
  KIND_INT,
  KIND_PTR,
  KIND_STRUCT,
  KIND_TYPE_TAG,
  KIND_TYPEDEF,
  KIND_UNION,
  kindWord,
} from '../object/btf.ts';
import { PERCPU, RCU, RDONLY, UNTRUSTED, USER } from './reg.ts';

/** What the verifier reads from a BTF: the kernel's own for pointers to its objects, the program's for objects that it allocates. */

/** What lies at a place of a structure. */
export interface Walked {
  readonly kind: 'scalar' | 'pointer' | 'memory' | 'error';
  /** Of a pointer: the structure behind it. */
  readonly id: BtfId;
  /** Flags that the field's tags and enclosing unions put on the pointer. */
  readonly flags: number;
  readonly field: string;
  /** Of an error: what the kernel says. */
  readonly text: string;
}

const TAGS: Readonly<Record<string, number>> = { user: USER, percpu: PERCPU, rcu: RCU };
const DEEPEST = 64;

interface Step {
  readonly kind: Walked['kind'] | 'struct';
  readonly id: BtfId;
  readonly flags: number;
  readonly field: string;
  readonly text: string;
}

const SCALAR_STEP: Step = { kind: 'scalar', id: 0, flags: 0, field: '', text: '' };
const error = (text: string): Step => ({ kind: 'error', id: 0, flags: 0, field: '', text });

/** A name as messages have it (kernel `__btf_name_by_offset`). */
const shown = ({ name }: BtfType): string => name || '(anon)';

export class TypeReader {
  readonly btf: Btf;
  private readonly named = new Map<string, BtfId>();
  private readonly functions = new Map<string, BtfId>();
  private readonly typedefs = new Map<string, BtfId>();

  constructor(btf: Btf) {
    this.btf = btf;
    btf.types.forEach((type, id) => {
      const map =
        type.kind === KIND_STRUCT || type.kind === KIND_UNION
          ? this.named
          : type.kind === KIND_FUNC
            ? this.functions
            : type.kind === KIND_TYPEDEF
              ? this.typedefs
              : null;
      if (map && type.name !== '' && !map.has(type.name)) map.set(type.name, id);
    });
  }

  structNamed(name: string): BtfId {
    return this.named.get(name) ?? 0;
  }

  isStruct(id: BtfId): boolean {
    const { kind } = this.btf.at(id);
    return kind === KIND_STRUCT || kind === KIND_UNION;
  }

  /** `STRUCT 'name'`, as messages have it. */
  word(id: BtfId): string {
    return kindWord(this.btf.at(id).kind);
  }

  /** Parameters of a function, or of a tracepoint without the kernel's own first one; null when there is none of that name. */
  functionParams(name: string): readonly { readonly name: string; readonly type: BtfId }[] | null {
    const id = this.functions.get(name);
    return id === undefined ? null : this.btf.at(this.btf.at(id).type).members;
  }

  tracepointParams(name: string): readonly { readonly name: string; readonly type: BtfId }[] | null {
    const id = this.typedefs.get(`btf_trace_${name}`);
    if (id === undefined) return null;
    const proto = this.btf.at(this.btf.at(this.btf.at(id).type).type);
    return proto.kind === KIND_FUNC_PROTO ? proto.members.slice(1) : null;
  }

  isInteger(id: BtfId): boolean {
    return this.btf.at(id).kind === KIND_INT;
  }

  isScalar(id: BtfId): boolean {
    const { kind } = this.btf.at(id);
    return kind === KIND_INT || kind === KIND_ENUM || kind === KIND_ENUM64;
  }

  /** Place of a member of a structure. */
  memberOf(struct: string, name: string): { readonly byteOff: number; readonly size: number } | null {
    const id = this.structNamed(struct);
    const member = this.btf.at(id).members.find((m) => m.name === name);
    return member ? { byteOff: bitOffset(this.btf, id, member.offset) / 8, size: this.btf.sizeOf(member.type) } : null;
  }

  /** Place of a field by its path (`icsk_ack.pending`), through structures without a name too. */
  fieldAt(struct: string, path: string): { readonly byteOff: number; readonly size: number } | null {
    let id = this.structNamed(struct);
    let bits = 0;
    for (const name of path.split('.')) {
      const found = this.memberBits(id, name, 0);
      if (!found) return null;
      bits += found.bits;
      id = this.btf.skip(found.type);
    }
    return { byteOff: Math.floor(bits / 8), size: this.btf.sizeOf(id) };
  }

  private memberBits(id: BtfId, name: string, depth: number): { bits: number; type: BtfId } | null {
    if (depth > DEEPEST) return null;
    for (const member of this.btf.at(id).members) {
      const bits = bitOffset(this.btf, id, member.offset);
      if (member.name === name) return { bits, type: member.type };
      const inside = member.name === '' ? this.memberBits(this.btf.skip(member.type), name, depth + 1) : null;
      if (inside) return { bits: bits + inside.bits, type: inside.type };
    }
    return null;
  }

  /** A read of `size` bytes at `off` of a structure (kernel `btf_struct_access`). */
  access(struct: BtfId, off: number, size: number, flexible = true): Walked {
    let id = struct;
    let at = off;
    let flags = 0;
    for (let depth = 0; depth < DEEPEST; depth++) {
      const step = this.step(id, at, size, flags, flexible);
      flags = step.flags;
      if (step.kind !== 'struct') return step as Walked;
      id = step.id;
      at = 0;
    }
    return { kind: 'error', id: 0, flags: 0, field: '', text: '' };
  }

  /** A structure nested in another at an offset, however deep, is `wanted` (kernel `btf_struct_ids_match`). */
  contains(struct: BtfId, off: number, wanted: BtfId): boolean {
    let id = struct;
    let at = off;
    for (let depth = 0; depth < DEEPEST; depth++) {
      const step = this.step(id, at, 1, 0, true);
      if (step.kind !== 'struct') return false;
      if (step.id === wanted) return true;
      id = step.id;
      at = 0;
    }
    return false;
  }

  /** Kernel `btf_struct_walk`. */
  private step(struct: BtfId, offset: number, size: number, flagsIn: number, flexible: boolean): Step {
    const { btf } = this;
    let id = btf.skip(struct);
    let off = offset;
    let flags = flagsIn;
    for (let depth = 0; depth < DEEPEST; depth++) {
      const type = btf.at(id);
      if (!this.isStruct(id)) return error(`Type '${shown(type)}' is not a struct\n`);
      // What is read through a union is not to be trusted, but for unions of one member.
      if (type.kind === KIND_UNION && type.members.length !== 1) flags |= UNTRUSTED;
      if (off + size > type.size) {
        const tail = flexible ? this.flexibleTail(id, off) : null;
        if (tail === null) return error(`access beyond struct ${shown(type)} at off ${off} size ${size}\n`);
        if (tail.id === 0) return { ...SCALAR_STEP, flags };
        id = tail.id;
        off = tail.off;
        continue;
      }
      const found = this.member(id, off, size, flags);
      if (found.kind !== 'struct' || found.exact) return found;
      id = found.id;
      off = found.rest;
    }
    return error('');
  }

  /** A place behind a structure's end, in an array without a length at its end; id 0: its elements are integers. */
  private flexibleTail(id: BtfId, off: number): { id: BtfId; off: number } | null {
    const { btf } = this;
    const last = btf.at(id).members.at(-1);
    if (!last) return null;
    const array = btf.at(btf.skip(last.type));
    const start = bitOffset(btf, id, last.offset) / 8;
    if (array.kind !== KIND_ARRAY || array.elements !== 0 || off < start) return null;
    const element = btf.skip(array.type);
    if (btf.at(element).kind === KIND_INT) return { id: 0, off: 0 };
    if (!this.isStruct(element) || btf.at(element).size === 0) return null;
    return { id: element, off: (off - start) % btf.at(element).size };
  }

  private member(id: BtfId, off: number, size: number, flags: number): Step & { readonly exact: boolean; readonly rest: number } {
    const { btf } = this;
    const type = btf.at(id);
    const done = (step: Step): Step & { exact: boolean; rest: number } => ({ ...step, exact: true, rest: 0 });
    for (const member of type.members) {
      const bits = bitOffset(btf, id, member.offset);
      let start = Math.floor(bits / 8);
      if (off + size <= start) break;
      const width = type.kindFlag ? member.offset >>> 24 : 0;
      if (width) {
        if (off <= start && Math.ceil((bits + width) / 8) <= off + size) return done({ ...SCALAR_STEP, flags });
        continue;
      }
      if (off < start) break;
      let at = btf.skip(member.type);
      let bytes = btf.sizeOf(member.type);
      if (off >= start + bytes) continue;
      const end = start + bytes;
      let total = 1;
      while (btf.at(at).kind === KIND_ARRAY) {
        total *= btf.at(at).elements;
        at = btf.skip(btf.at(at).type);
      }
      if (total !== 1 || btf.at(btf.skip(member.type)).kind === KIND_ARRAY) {
        if (bytes === 0) continue;
        bytes /= total;
        start += Math.floor((off - start) / bytes) * bytes;
      }
      if (this.isStruct(at)) {
        return { kind: 'struct', id: at, flags, field: '', text: '', exact: off === start, rest: off - start };
      }
      if (btf.at(at).kind === KIND_PTR) {
        if (bytes !== size || off !== start)
          return done(
            error(`cannot access ptr member ${member.name} with moff ${start} in struct ${shown(type)} with off ${off} size ${size}\n`),
          );
        const tag = btf.at(btf.at(at).type);
        const tagged = tag.kind === KIND_TYPE_TAG ? (TAGS[tag.name] ?? 0) : 0;
        const target = btf.skip(btf.at(at).type);
        if (this.isStruct(target)) return done({ kind: 'pointer', id: target, flags: flags | tagged, field: member.name, text: '' });
        return done({ kind: 'memory', id: 0, flags: flags | RDONLY | UNTRUSTED, field: '', text: '' });
      }
      if (off + size > end && !(flags & UNTRUSTED))
        return done(
          error(`access beyond the end of member ${member.name} (mend:${end}) in struct ${shown(type)} with off ${off} size ${size}\n`),
        );
      return done({ ...SCALAR_STEP, flags });
    }
    return done(error(`struct ${shown(type)} doesn't have field at offset ${off}\n`));
  }

  /** The kernel vouches for some fields: structure `NAME__safe_…` lists them (kernel `btf_nested_type_is_trusted`). */
  vouchesFor(struct: string, field: string, id: BtfId, list: string): boolean {
    const safe = this.btf.at(this.structNamed(struct + list));
    return safe.members.some((member) => member.name === field && this.btf.skip(this.btf.at(this.btf.skip(member.type)).type) === id);
  }
}

function bitOffset(btf: Btf, id: BtfId, offset: number): number {
  return btf.at(id).kindFlag ? offset & 0xffffff : offset;
}

const readers = new WeakMap<Btf, TypeReader>();

/** The reader of a BTF; its indices of names are made once. */
export function typeReader(btf: Btf): TypeReader {
  let reader = readers.get(btf);
  if (!reader) {
    reader = new TypeReader(btf);
    readers.set(btf, reader);
  }
  return reader;
}
