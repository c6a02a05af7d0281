import { EACCES, EINVAL, type Env, EPERM } from './env.ts';
import { tnumText } from './format.ts';
import type { TypeReader, Walked } from './kernel-types.ts';
import { accessLocal } from './local-objects.ts';
import {
  ALLOC,
  AUX,
  BTF_ID,
  ID,
  isConst,
  isTrusted,
  MAYBE_NULL,
  MEMORY,
  markPointer,
  markUnknown,
  PERCPU,
  RCU,
  REF,
  REG,
  TRUSTED,
  TYPE,
  UNTRUSTED,
  USER,
  VALUE_HI,
  VALUE_LO,
} from './reg.ts';
import { inRcuSection } from './sections.ts';
import type { Access } from './stack.ts';
import { checkOperationWrite, STRUCT_OPS } from './struct-ops.ts';

/** A load through a pointer to a kernel object (kernel `check_ptr_to_btf_access`). `off` counts from the object's start. */
export function accessObject(env: Env, regno: number, off: number, size: number, access: Access, value: number): void {
  const r = env.cur.frame.regs;
  const b = regno * REG;
  const type = r[b + TYPE]!;
  const name = env.btfTypes[r[b + AUX]!] ?? '';
  const isLocal = (type & ALLOC) !== 0;
  const types = isLocal ? null : env.kernelTypes();
  const struct = types ? env.btfStruct(r[b + AUX]!) : 0;
  if (!env.rules.leaksPointers) env.fail(EPERM, `'struct ${name}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN\n`);
  if (!env.gplCompatible && types) env.fail(EINVAL, `Cannot access kernel 'struct ${name}' from non-GPL compatible program\n`);
  if (off < 0) env.fail(EACCES, `R${regno} is ptr_${name} invalid negative access: off=${off}\n`);
  if (!isConst(r, b) || (r[b + VALUE_LO]! | r[b + VALUE_HI]!) !== 0)
    env.fail(EACCES, `R${regno} is ptr_${name} invalid variable offset: off=${off}, var_off=${tnumText(r, b)}\n`);
  if (type & USER) env.fail(EACCES, `R${regno} is ptr_${name} access user memory: off=${off}\n`);
  if (type & PERCPU) env.fail(EACCES, `R${regno} is ptr_${name} access percpu memory: off=${off}\n`);
  if (access === 'write' && !isLocal && types && env.program.progType === STRUCT_OPS) {
    if (type & UNTRUSTED) env.fail(EACCES, 'only read is supported\n');
    checkOperationWrite(env, types, name, off, size);
    return;
  }
  if (access === 'write' && (!isLocal || type & UNTRUSTED)) {
    if (!types || type & UNTRUSTED || !CONNTRACK_WRITERS.has(env.program.progType)) env.fail(EACCES, 'only read is supported\n');
    writeConnection(env, types, name, off, size);
    return;
  }
  if (isLocal) {
    accessLocal(env, regno, off, size, access === 'read' ? value : -1);
    return;
  }
  if (!types || struct === 0) {
    readUnknown(env, r[b + AUX]!, off, size, value);
    return;
  }
  readField(env, types, types.access(struct, off, size), value, (found) => pointerFlags(env, b, name, found));
}

/** What a load from a kernel object yields; `flagsOf` says how far a pointer in it is trusted. */
export function readField(env: Env, types: TypeReader, found: Walked, value: number, flagsOf: (found: Walked) => number): void {
  const r = env.cur.frame.regs;
  if (found.kind === 'error') env.fail(EACCES, found.text);
  if (value < 0) return;
  const v = value * REG;
  if (found.kind === 'scalar') {
    markUnknown(r, v);
    return;
  }
  if (found.kind === 'memory') {
    markPointer(r, v, MEMORY | found.flags);
    return;
  }
  const flags = flagsOf(found);
  markPointer(r, v, BTF_ID | flags);
  r[v + AUX] = env.btfTypeIndex(types.btf.at(found.id).name, found.id);
  if (flags & MAYBE_NULL) r[v + ID] = env.newId();
}

/** tc and xdp programs may set a tracked connection's mark. */
const CONNTRACK_WRITERS = new Set([3, 4, 6]);

/** Kernel `nf_conntrack_btf_struct_access`, which tc and xdp programs are checked by. */
function writeConnection(env: Env, types: TypeReader, name: string, off: number, size: number): void {
  if (name !== 'nf_conn' && name !== 'nf_conn___init') env.fail(EACCES, '');
  const mark = types.memberOf('nf_conn', 'mark');
  if (!mark || off !== mark.byteOff) env.fail(EACCES, `no write support to nf_conn at off ${off}\n`);
  const end = mark.byteOff + mark.size;
  if (off + size > end) env.fail(EACCES, `write access at off ${off} with size ${size} beyond the member of nf_conn ended at ${end}\n`);
}

/** Without the kernel's types: what is known of the structure's size, and an unknown number. */
function readUnknown(env: Env, struct: number, off: number, size: number, value: number): void {
  const bytes = env.btfSizes.get(struct);
  if (bytes !== undefined && off + size > bytes)
    env.fail(EACCES, `access beyond struct ${env.btfTypes[struct]} at off ${off} size ${size}\n`);
  if (value >= 0) markUnknown(env.cur.frame.regs, value * REG);
}

/** How far a pointer is trusted that was read from an object: as the kernel vouches for the field, or as RCU protects it. */
function pointerFlags(
  env: Env,
  b: number,
  struct: string,
  found: { readonly field: string; readonly id: number; readonly flags: number },
): number {
  const r = env.cur.frame.regs;
  const type = r[b + TYPE]!;
  const types = env.kernelTypes()!;
  if (type & UNTRUSTED) return UNTRUSTED;
  const vouched = (list: string): boolean => types.vouchesFor(struct, found.field, found.id, list);
  const { flags } = found;
  const plain = flags & ~(ALLOC | TRUSTED | RCU);
  if (!isTrusted(type, r[b + REF]!) && !(type & RCU)) return plain;
  if (vouched('__safe_trusted')) return flags | TRUSTED;
  if (vouched('__safe_trusted_or_null')) return flags | TRUSTED | MAYBE_NULL;
  if (!inRcuSection(env) || type & MAYBE_NULL) return UNTRUSTED;
  if (vouched('__safe_rcu')) return flags | RCU;
  const orNull = vouched('__safe_rcu_or_null');
  if (flags & RCU || orNull) return (orNull ? flags & ~UNTRUSTED : flags) | RCU | MAYBE_NULL;
  if (flags & (PERCPU | USER)) return flags;
  return plain;
}
