import type { Insn, ValueField } from '../bpf/program.ts';
import { ANY_INT, asyncMapCallback, clearCallerSaved, clearPacketPointers, pushAsyncCallback, pushCallback, ZERO } from './calls.ts';
import { sliceFlag } from './dynptr-slots.ts';
import { EACCES, EFAULT, EINVAL, type Env } from './env.ts';
import { checkReturnRange } from './exits.ts';
import { giveAway, isInsertion } from './graph.ts';
import { advanceIterator, destroyIterator, iteratesUnderRcu, iteratorRef } from './iterator-args.ts';
import { checkKfuncArgs, type KfuncMeta, NO_MAP } from './kfunc-args.ts';
import { changesPacket, isAsyncCallbackKfunc, kfuncAt } from './kfunc-table.ts';
import { keepsId, lend, localFields, markNode } from './local-objects.ts';
import { pushFailedLock, takesResilient } from './locks.ts';
import { mayAccessPacket } from './memory.ts';
import { boundsSync } from './range.ts';
import { acquireReference, dropReference } from './refs.ts';
import {
  ALLOC,
  AUX,
  AUX2,
  BTF_ID,
  ID,
  MAYBE_NULL,
  MEMORY,
  markConst,
  markNotInit,
  markPointer,
  markUnknown,
  PERCPU,
  RCU,
  RDONLY,
  REF,
  REG,
  type Regs,
  S32_MAX,
  S32_MIN,
  TRUSTED,
  TYPE,
  UNTRUSTED,
} from './reg.ts';
import { checkSections, inSleepable } from './sections.ts';
import type { Frame } from './state.ts';
import { checkModelledKfunc } from './unmodelled.ts';

/** Calls of kernel functions (kernel `check_kfunc_call`). */

const MAX_ERRNO = 4095;

/** Functions of a network device, for programs that are bound to one, which none here is (kernel `bpf_dev_bound_kfunc_check`). */
export function checkDeviceFunctions(env: Env): void {
  for (const [idx, name] of [...env.program.kfuncCalls].sort(([a], [b]) => a - b)) {
    if (!name.startsWith('bpf_xdp_metadata_')) continue;
    env.insnIdx = idx;
    env.fail(EINVAL, 'metadata kfuncs require device-bound program\n');
  }
}

/** A call that names no function is refused at the end, unless it turns out to be dead code. True when the call ends the program. */
export function checkKfunc(env: Env, insn: Insn): boolean {
  const name = env.program.kfuncCalls.get(env.insnIdx);
  if (name === undefined && insn.imm === 0) {
    env.namelessCall = true;
    return false;
  }
  if (name !== undefined) checkModelledKfunc(env, name);
  const kfunc = kfuncAt(env, env.insnIdx);
  if (!kfunc && env.profile)
    env.fail(
      EACCES,
      `calling kernel function ${name ?? 'kernel-function'} is not allowed in ${env.profile.hookName(env.attachType)} programs\n`,
    );
  if (!kfunc) env.fail(EACCES, `calling kernel function ${name ?? 'kernel-function'} is not allowed\n`);
  if (takesResilient(kfunc.name)) pushFailedLock(env);
  if (name === '__bpf_trap') env.fail(EFAULT, 'unexpected __bpf_trap() due to uninitialized variable?\n');
  if (kfunc.sleepable && !inSleepable(env)) env.fail(EACCES, `program must be sleepable to call sleepable kfunc ${kfunc.name}\n`);
  const meta: KfuncMeta = {
    kfunc,
    refId: 0,
    releaseRegno: 0,
    constant: -1,
    subprog: -1,
    dynptr: null,
    iterator: null,
    mapAux: NO_MAP,
    mapUid: 0,
    resultSize: 0,
    resultReadOnly: false,
    argStruct: -1,
    ownsArg: false,
    root: null,
  };
  checkKfuncArgs(env, meta);
  if (meta.iterator && kfunc.iterator !== 'new') meta.refId = iteratorRef(env, meta.iterator);
  if (kfunc.iterator === 'destroy') destroyIterator(env, meta.iterator!, kfunc.params[0]!.size / 8);
  if (isAsyncCallbackKfunc(kfunc.name)) {
    const isWork = kfunc.name !== 'bpf_wq_set_callback_impl';
    pushAsyncCallback(env, meta.subprog, true, asyncMapCallback(meta.mapAux, meta.mapUid), isWork ? ANY_INT : ZERO);
  }
  if (kfunc.name === 'bpf_rbtree_add_impl') pushCallback(env, meta.subprog, treeCallback(env, meta.root!));
  checkSections(env, kfunc);
  if (meta.releaseRegno && !dropReference(env, env.regs[meta.releaseRegno * REG + REF]!))
    env.fail(EINVAL, `kfunc ${kfunc.name}#0 reference has not been acquired before\n`);
  if (isInsertion(kfunc.name)) giveAway(env, env.regs[2 * REG + REF]!);
  const throws = kfunc.name === 'bpf_throw';
  if (throws) {
    env.seenException = true;
    if (env.exceptionCallback < 0) checkReturnRange(env, 1);
  }
  clearCallerSaved(env, env.regs);
  setResult(env, meta);
  if (changesPacket(kfunc.name)) clearPacketPointers(env, env.cur);
  if (kfunc.iterator === 'next') advanceIterator(env, meta.iterator!);
  return throws;
}

function setResult(env: Env, meta: KfuncMeta): void {
  const { kfunc } = meta;
  const { result } = kfunc;
  const r = env.regs;
  if (result.kind === 'void') return;
  if (result.kind === 'scalar') {
    if (takesResilient(kfunc.name)) markConst(r, 0, 0, 0);
    else markUnknown(r, 0);
    if (kfunc.isErrno) {
      r[S32_MIN] = -MAX_ERRNO;
      r[S32_MAX] = 0;
      boundsSync(r, 0);
    }
    return;
  }
  if (SPECIAL.has(kfunc.name)) setSpecialResult(env, meta);
  else if (meta.root) markNode(env, r, 0, meta.root);
  else if (NEW_OBJECT.test(kfunc.name)) newObject(env, meta);
  else if (result.to === 'void') markUnknown(r, 0);
  else if (result.to === 'struct') setStruct(env, meta);
  else setMemory(env, meta);
  // The kernel marks what it took for `void *` too.
  const mayBeNull = kfunc.resultMayBeNull && !(kfunc.name === 'bpf_refcount_acquire_impl' && meta.ownsArg);
  if (mayBeNull) {
    r[TYPE]! |= MAYBE_NULL;
    r[ID] = env.newId();
  }
  if (kfunc.acquires) {
    const ref = acquireReference(env, env.insnIdx);
    if (mayBeNull) r[ID] = ref;
    r[REF] = ref;
  } else if (meta.root) {
    lend(env, r, 0);
  }
  if (r[ID] === 0 && keepsId(env, r, 0)) r[ID] = env.newId();
}

function setStruct(env: Env, meta: KfuncMeta): void {
  const r = env.regs;
  const { kfunc } = meta;
  let type = BTF_ID;
  if (kfunc.iterator === 'next') type |= iteratesUnderRcu(env, meta.iterator!) ? RCU : TRUSTED;
  else if (kfunc.name === 'bpf_get_kmem_cache') type |= UNTRUSTED;
  markPointer(r, 0, type);
  r[AUX] = env.btfTypeIndex(kfunc.result.struct);
}

function setMemory(env: Env, meta: KfuncMeta): void {
  const r = env.regs;
  const isSized = meta.resultSize > 0;
  const isWritable = (isSized && !meta.resultReadOnly) || meta.kfunc.name === 'bpf_session_cookie';
  markPointer(r, 0, isWritable ? MEMORY : MEMORY | RDONLY);
  r[AUX] = isSized ? meta.resultSize : meta.kfunc.result.size;
  if (meta.refId) r[REF] = meta.refId;
}

const SPECIAL = new Set(['bpf_dynptr_slice', 'bpf_dynptr_slice_rdwr', 'bpf_cast_to_kern_ctx', 'bpf_rdonly_cast']);

/** Objects that programs allocate, and another reference to one. */
const NEW_OBJECT = /^bpf_((percpu_)?obj_new|refcount_acquire)_impl$/;
/** Objects for each processor are at most this large (kernel BPF_GLOBAL_PERCPU_MA_MAX_SIZE). */
const MOST_PERCPU = 512;

function newObject(env: Env, meta: KfuncMeta): void {
  const r = env.regs;
  const { name } = meta.kfunc;
  if (meta.argStruct >= 0) {
    markPointer(r, 0, BTF_ID | ALLOC);
    r[AUX] = meta.argStruct;
    return;
  }
  if (meta.constant > 0xffffffff) env.fail(EINVAL, 'local type ID argument must be in range [0, U32_MAX]\n');
  if (!env.program.localStructs) env.fail(EINVAL, 'bpf_obj_new/bpf_percpu_obj_new requires prog BTF\n');
  const struct = env.program.localStructs.get(meta.constant);
  if (!struct) env.fail(EINVAL, 'bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct\n');
  const isPercpu = name === 'bpf_percpu_obj_new_impl';
  if (isPercpu && struct.size > MOST_PERCPU)
    env.fail(EINVAL, `bpf_percpu_obj_new type size (${struct.size}) is greater than ${MOST_PERCPU}\n`);
  if (isPercpu && !struct.isScalar) env.fail(EINVAL, 'bpf_percpu_obj_new type ID argument must be of a struct of scalars\n');
  if (isPercpu && localFields(struct).length > 0) env.fail(EINVAL, 'bpf_percpu_obj_new type ID argument must not contain special fields\n');
  markPointer(r, 0, BTF_ID | ALLOC | (isPercpu ? PERCPU : 0));
  r[AUX] = env.btfTypeIndex(struct.name, -meta.constant);
}

/** Context of a tree insertion's comparison: two borrowed nodes. */
function treeCallback(env: Env, root: ValueField): (caller: Regs, callee: Frame) => void {
  return (_, callee) => {
    for (const i of [1, 2]) {
      markNode(env, callee.regs, i * REG, root);
      lend(env, callee.regs, i * REG);
    }
    for (let i = 3; i <= 5; i++) markNotInit(callee.regs, i * REG);
    callee.isCallback = true;
    callee.callbackMin = 0;
    callee.callbackMax = 1;
  };
}

/** Context structures of the kernel behind those that programs see. */
const KERNEL_CONTEXTS: Readonly<Record<number, string>> = {
  1: 'sk_buff',
  3: 'sk_buff',
  4: 'sk_buff',
  6: 'xdp_buff',
  8: 'sk_buff',
  10: 'sk_buff',
  11: 'sk_buff',
  12: 'sk_buff',
  14: 'sk_buff',
  19: 'sk_buff',
  9: 'sock',
  13: 'bpf_sock_ops_kern',
  16: 'sk_msg',
  18: 'bpf_sock_addr_kern',
  2: 'pt_regs',
  7: 'bpf_perf_event_data_kern',
  15: 'bpf_cgroup_dev_ctx',
  21: 'sk_reuseport_kern',
  22: 'bpf_flow_dissector',
  23: 'bpf_sysctl_kern',
  25: 'bpf_sockopt_kern',
  30: 'bpf_sk_lookup_kern',
  32: 'bpf_nf_ctx',
};

function setSpecialResult(env: Env, meta: KfuncMeta): void {
  const r = env.regs;
  const { name } = meta.kfunc;
  if (name === 'bpf_cast_to_kern_ctx') {
    const struct = KERNEL_CONTEXTS[env.program.progType];
    if (struct === undefined) env.fail(EINVAL, 'verifier here does not know the kernel context of this program type\n');
    markPointer(r, 0, BTF_ID | TRUSTED);
    r[AUX] = env.btfTypeIndex(struct);
    return;
  }
  if (name === 'bpf_rdonly_cast') {
    castReadOnly(env, meta.constant);
    return;
  }
  const dynptr = meta.dynptr!;
  const isWritable = name === 'bpf_dynptr_slice_rdwr';
  if (isWritable && !mayAccessPacket(env, true, null)) env.fail(EINVAL, 'the prog does not allow writes to packet data\n');
  markPointer(r, 0, MEMORY | sliceFlag(dynptr.kind) | (isWritable ? 0 : RDONLY));
  r[AUX] = meta.constant;
  r[AUX2] = dynptr.id;
}

/** A pointer of any type that may be read but not trusted; the number is the type's id in the kernel's BTF. */
function castReadOnly(env: Env, typeId: number): void {
  const r = env.regs;
  if (typeId === 0) {
    markPointer(r, 0, MEMORY | RDONLY | UNTRUSTED);
    return;
  }
  const types = env.kernelTypes();
  if (!types) env.fail(EINVAL, 'verifier here has no types of the kernel for bpf_rdonly_cast\n');
  const id = types.btf.skip(typeId);
  if (!types.isStruct(id)) env.fail(EINVAL, 'kfunc bpf_rdonly_cast type ID argument must be of a struct or void\n');
  markPointer(r, 0, BTF_ID | UNTRUSTED);
  r[AUX] = env.btfTypeIndex(types.btf.at(id).name, id);
}
