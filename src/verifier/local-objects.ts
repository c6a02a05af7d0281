import type { LocalStruct, ValueField } from '../bpf/program.ts';
import { EACCES, EINVAL, type Env } from './env.ts';
import { fieldsOf, RES_LOCK } from './fields.ts';
import {
  ALLOC,
  AUX,
  BTF_ID,
  baseType,
  MAP_VALUE,
  MEMORY,
  markPointer,
  markUnknown,
  NON_OWN,
  OFF,
  RCU,
  RDONLY,
  REG,
  type Regs,
  TYPE,
  UNTRUSTED,
} from './reg.ts';

/** Objects that programs allocate, by the structures of their own BTF. */

/** Stands in locks for all allocated objects, where a map value's lock names its map (kernel: the program's BTF). */
export const LOCAL_LOCK = -1000000;

export const isLocalObject = (type: number): boolean => baseType(type) === BTF_ID && (type & ALLOC) !== 0;

/** Number of a local structure for registers; its id is kept negative, so that it is none of the kernel's. */
export function localIndex(env: Env, name: string): number {
  for (const [id, struct] of env.program.localStructs ?? []) if (struct.name === name) return env.btfTypeIndex(name, -id);
  return env.fail(EINVAL, `verifier here has no types of the program for struct ${name}\n`);
}

/** The structure of an allocated object. */
export function localStruct(env: Env, index: number): LocalStruct | undefined {
  return env.program.localStructs?.get(-env.btfStruct(index));
}

export function localFields(struct: LocalStruct | undefined): readonly ValueField[] {
  if (!struct) return [];
  if (struct.spinLockOff === undefined) return struct.fields;
  return [{ kind: 'bpf_spin_lock', byteOff: struct.spinLockOff, size: 4 }, ...struct.fields];
}

/** Kernel objects inside what a register points to: a map value or an allocated object. */
export function fieldsBehind(env: Env, r: Regs, b: number): readonly ValueField[] {
  const type = r[b + TYPE]!;
  if (baseType(type) === MAP_VALUE) return fieldsOf(env.mapAt(r[b + AUX]!));
  return isLocalObject(type) ? localFields(localStruct(env, r[b + AUX]!)) : [];
}

/** Registers that point to values with a lock keep their id, so that lock and unlock must name the same one. */
export function keepsId(env: Env, r: Regs, b: number): boolean {
  const type = r[b + TYPE]!;
  if (type === MAP_VALUE) return env.hasLock(r[b + AUX]!);
  return (
    isLocalObject(type) && localFields(localStruct(env, r[b + AUX]!)).some(({ kind }) => kind === 'bpf_spin_lock' || kind === RES_LOCK)
  );
}

/** A node of a list or tree, at its place in the object that holds it (kernel `mark_reg_graph_node`). */
export function markNode(env: Env, r: Regs, b: number, root: ValueField): void {
  const index = localIndex(env, root.target ?? '');
  markPointer(r, b, BTF_ID | ALLOC);
  r[b + AUX] = index;
  r[b + OFF] = root.nodeOff ?? 0;
}

/** The pointer borrows what a list or tree owns; a counted object cannot vanish before the lock is released (kernel `ref_set_non_owning`). */
export function lend(env: Env, r: Regs, b: number): void {
  r[b + TYPE]! |= NON_OWN;
  if (localFields(localStruct(env, r[b + AUX]!)).some(({ kind }) => kind === 'bpf_refcount')) r[b + TYPE]! |= RCU;
}

/** A load or store in an allocated object (kernel `btf_struct_access` of local types). */
export function accessLocal(env: Env, regno: number, off: number, size: number, value: number): void {
  const r = env.cur.frame.regs;
  const struct = localStruct(env, r[regno * REG + AUX]!);
  if (!struct) env.fail(EINVAL, 'verifier here has no types of the program\n');
  for (const field of localFields(struct)) {
    if (off < field.byteOff + field.size && field.byteOff < off + size)
      env.fail(EACCES, `direct access to ${FIELD_NAMES[field.kind] ?? field.kind} is disallowed\n`);
  }
  if (off + size > struct.size) env.fail(EACCES, `access beyond struct ${struct.name} at off ${off} size ${size}\n`);
  const member = struct.members.find((m) => off >= m.byteOff && off < m.byteOff + m.size);
  if (!member) env.fail(EINVAL, `struct ${struct.name} doesn't have field at offset ${off}\n`);
  const within = off - member.structOff;
  const isPointer = member.kind === 'pointer' || member.kind === 'memory';
  if (isPointer && (off !== member.byteOff || size !== member.size))
    env.fail(
      EACCES,
      `cannot access ptr member ${member.name} with moff ${member.byteOff - member.structOff} in struct ${member.struct} with off ${within} size ${size}\n`,
    );
  if (member.kind === 'scalar' && off + size > member.byteOff + member.size)
    env.fail(
      EACCES,
      `access beyond the end of member ${member.name} (mend:${member.byteOff + member.size - member.structOff}) in struct ${member.struct} with off ${within} size ${size}\n`,
    );
  if (value < 0) return;
  if (member.kind === 'memory') markPointer(r, value * REG, MEMORY | RDONLY | UNTRUSTED);
  else markUnknown(r, value * REG);
}

/** The kernel's words for fields (`btf_field_type_name`) where they differ from ours. */
const FIELD_NAMES: Readonly<Record<string, string>> = { kptr_untrusted: 'kptr', kptr: 'kptr', percpu_kptr: 'percpu_kptr' };
