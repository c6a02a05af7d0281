import type { ValueField } from '../bpf/program.ts';
import { structMatches } from './btf-match.ts';
import { EACCES, EINVAL, type Env } from './env.ts';
import { KFUNC_ROWS } from './kfuncs-data.ts';
import { localFields, localIndex, localStruct } from './local-objects.ts';
import { ALLOC, AUX, BTF_ID, baseType, MAYBE_NULL, NON_OWN, OFF, PERCPU, RCU, REG, TRUSTED, TYPE, typeName, UNTRUSTED } from './reg.ts';
import { inRcuSection } from './sections.ts';
import { checkUnmodified } from './unmodified.ts';

/** Pointers to objects that map values keep: kernel objects, or those that programs allocate. */

/** Objects that outlive their last reference until RCU readers are done (kernel `rcu_protected_types`). */
const RCU_PROTECTED = new Set(['prog_test_ref_kfunc', 'cgroup', 'bpf_cpumask', 'task_struct', 'bpf_crypto_ctx']);

/** Structures that the kernel's functions deal in: known to be its own even where its types are not at hand. */
const KERNEL_STRUCTS = new Set(
  Object.values(KFUNC_ROWS).flatMap((row) => [...`${row[0]} ${row[1]}`.matchAll(/\*(\w+):/g)].map((match) => match[1]!)),
);

/** The structure is the kernel's; otherwise it is the program's own. */
export function isKernelStruct(env: Env, name: string): boolean {
  const types = env.kernelTypes();
  return types ? types.structNamed(name) !== 0 : KERNEL_STRUCTS.has(name);
}

/** Flags of a pointer that is loaded from a field (kernel `btf_ld_kptr_type`). */
export function loadedFlags(env: Env, field: ValueField): number {
  const name = field.target ?? '';
  const isKernel = isKernelStruct(env, name);
  const isSafe = field.kind === 'percpu_kptr' || (field.kind === 'kptr' && (!isKernel || RCU_PROTECTED.has(name)));
  if (!isSafe || !inRcuSection(env)) return MAYBE_NULL | UNTRUSTED;
  if (field.kind === 'percpu_kptr') return MAYBE_NULL | RCU | PERCPU;
  if (isKernel) return MAYBE_NULL | RCU;
  const isNode = localFields(localStruct(env, localIndex(env, name))).some(
    ({ kind }) => kind === 'bpf_list_node' || kind === 'bpf_rb_node',
  );
  return MAYBE_NULL | RCU | ALLOC | (isNode ? NON_OWN : 0);
}

/** A pointer that may be kept in a field (kernel `map_kptr_match_type`). */
export function checkKptrType(env: Env, field: ValueField, regno: number): void {
  const r = env.regs;
  const b = regno * REG;
  const type = r[b + TYPE]!;
  const wanted = field.target ?? '';
  const isUntrustedField = field.kind === 'kptr_untrusted';
  const isObject = baseType(type) === BTF_ID;
  const struct = r[b + AUX]!;
  const isLocal = (type & ALLOC) !== 0;
  let allowed = isLocal ? MAYBE_NULL | ALLOC : MAYBE_NULL | TRUSTED | RCU;
  if (!isLocal && isUntrustedField) allowed |= UNTRUSTED;
  if (field.kind === 'percpu_kptr') allowed |= PERCPU;
  const fits = isObject && (type & ~0xff & ~allowed) === 0 && (field.kind === 'percpu_kptr') === ((type & PERCPU) !== 0);
  if (fits) {
    checkUnmodified(env, r, b, regno, true);
    if (structMatches(env, struct, r[b + OFF]!, wanted, !isUntrustedField)) return;
  }
  const name = fits ? (env.btfTypes[struct] ?? '') : '';
  const or = isUntrustedField ? ` or untrusted_ptr_${wanted}` : '';
  env.fail(EACCES, `invalid kptr access, R${regno} type=${typeName(type)}${name} expected=ptr_${wanted}${or}\n`);
}

/** Number of the structure behind a field's pointer. */
export function kptrIndex(env: Env, field: ValueField): number {
  const name = field.target ?? '';
  return isKernelStruct(env, name) ? env.btfTypeIndex(name) : localIndex(env, name);
}

export const noKptr = (env: Env, regno: number): never => env.fail(EINVAL, `R${regno} has no valid kptr\n`);
