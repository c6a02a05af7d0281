import type { ValueField } from '../bpf/program.ts';
import { EINVAL, type Env } from './env.ts';
import type { Kfunc } from './kfunc-table.ts';
import { fieldsBehind, isLocalObject, LOCAL_LOCK, lend } from './local-objects.ts';
import { releaseReference } from './refs.ts';
import { ALLOC, AUX, BTF_ID, baseType, ID, isConst, MAP_VALUE, NON_OWN, OFF, REF, REG, TYPE, VALUE_LO } from './reg.ts';
import { isLock } from './state.ts';

/** Lists and trees of allocated objects: their heads lie in map values or objects beside the lock that guards them. */

/** In the comparison that a tree insertion calls (kernel `in_rbtree_lock_required_cb`). */
export function inTreeCallback(env: Env): boolean {
  const { frame } = env.cur;
  if (!frame.isCallback) return false;
  return env.program.kfuncCalls.get(frame.callsite) === 'bpf_rbtree_add_impl';
}

/** Head of a list or root of a tree as an argument. */
export function checkRoot(env: Env, regno: number, name: 'bpf_list_head' | 'bpf_rb_root'): ValueField {
  const r = env.regs;
  const b = regno * REG;
  const type = r[b + TYPE]!;
  if (type !== MAP_VALUE && type !== (BTF_ID | ALLOC))
    env.fail(EINVAL, `arg#${regno - 1} expected pointer to map value or allocated object\n`);
  if (type !== MAP_VALUE && !r[b + REF]) env.fail(EINVAL, 'allocated object must be referenced\n');
  if (!isConst(r, b)) env.fail(EINVAL, `R${regno} doesn't have constant offset. ${name} has to be at the constant offset\n`);
  const off = r[b + OFF]! + r[b + VALUE_LO]!;
  const fields = fieldsBehind(env, r, b);
  const field = fields.find((f) => f.kind === name && f.byteOff === off);
  if (!field) env.fail(EINVAL, `${name} not found at offset=${off >>> 0}\n`);
  checkLocked(env, b, fields, name);
  return field;
}

function checkLocked(env: Env, b: number, fields: readonly ValueField[], name: string): void {
  const { cur } = env;
  const r = env.regs;
  const ptr = r[b + TYPE] === MAP_VALUE ? r[b + AUX]! : LOCAL_LOCK;
  if (cur.activeLocks && cur.refs.some((ref) => isLock(ref) && ref.id === r[b + ID] && ref.ptr === ptr)) return;
  if (cur.activeLocks) env.say('held lock and object are not in the same allocation\n');
  const lock = fields.find((f) => f.kind === 'bpf_spin_lock');
  env.fail(EINVAL, `bpf_spin_lock at off=${lock?.byteOff ?? -EINVAL} must be held for ${name}\n`);
}

/** Node of a list or tree as an argument; `root` is what it goes into or comes from. */
export function checkNode(env: Env, kfunc: Kfunc, regno: number, name: 'bpf_list_node' | 'bpf_rb_node', root: ValueField): void {
  const r = env.regs;
  const b = regno * REG;
  const type = r[b + TYPE]!;
  const isInsertion = name === 'bpf_list_node' || kfunc.name === 'bpf_rbtree_add_impl';
  if (isInsertion) {
    if (type !== (BTF_ID | ALLOC)) env.fail(EINVAL, `arg#${regno - 1} expected pointer to allocated object\n`);
    if (!r[b + REF]) env.fail(EINVAL, 'allocated object must be referenced\n');
  } else {
    if (!(type & NON_OWN) && !r[b + REF]) env.fail(EINVAL, `${kfunc.name} can only take non-owning or refcounted bpf_rb_node pointer\n`);
    if (inTreeCallback(env)) env.fail(EINVAL, `${kfunc.name} not allowed in rbtree cb\n`);
  }
  if (!isConst(r, b)) env.fail(EINVAL, `R${regno} doesn't have constant offset. ${name} has to be at the constant offset\n`);
  const off = r[b + OFF]! + r[b + VALUE_LO]!;
  if (!fieldsBehind(env, r, b).some((f) => f.kind === name && f.byteOff === off))
    env.fail(EINVAL, `${name} not found at offset=${off >>> 0}\n`);
  const found = isLocalObject(type) ? (env.btfTypes[r[b + AUX]!] ?? '') : '';
  if (found !== root.target)
    env.fail(
      EINVAL,
      `operation on ${root.kind} expects arg#1 ${name} at offset=${root.nodeOff} in struct ${root.target}, but arg is at offset=${off} in struct ${found}\n`,
    );
  if (off !== root.nodeOff)
    env.fail(EINVAL, `arg#1 offset=${off}, but expected ${name} at offset=${root.nodeOff} in struct ${root.target}\n`);
}

export const isInsertion = (name: string): boolean => name.startsWith('bpf_list_push_') || name === 'bpf_rbtree_add_impl';

/** The list or tree owns the object now; pointers to it are borrowed (kernel `ref_convert_owning_non_owning`). */
export function giveAway(env: Env, ref: number): void {
  env.cur.forEachReg((r, b) => {
    if (r[b + REF] !== ref) return;
    r[b + REF] = 0;
    if (baseType(r[b + TYPE]!) === BTF_ID) lend(env, r, b);
  });
  releaseReference(env.cur, ref);
}
