import type { ValueField } from '../bpf/program.ts';
import { markNotNull } from './branches.ts';
import { isNocastAlias, isProjection, structMatches } from './btf-match.ts';
import { checkMemoryBoth } from './calls.ts';
import { KIND_META, KIND_SKB, KIND_XDP } from './dynptr-slots.ts';
import { checkDynptrArg, dynptrAt } from './dynptrs.ts';
import { EACCES, EFAULT, EINVAL, type Env, Rejection } from './env.ts';
import { fieldOf } from './fields.ts';
import { checkNode, checkRoot } from './graph.ts';
import { checkSizeArg } from './helpermem.ts';
import { checkArgOffset, checkConstString } from './helpers.ts';
import { checkIteratorArg, type IteratorPlace } from './iterator-args.ts';
import type { Kfunc, KfuncParam } from './kfunc-table.ts';
import { fieldsBehind, isLocalObject } from './local-objects.ts';
import { checkResilientLock } from './locks.ts';
import { checkMapField } from './mapfields.ts';
import { markPrecise } from './precision.ts';
import {
  ALLOC,
  AUX,
  AUX2,
  BTF_ID,
  baseType,
  CTX,
  DYNPTR,
  FUNC,
  isConst,
  isNull,
  isTrusted,
  isUnsafe,
  MAP_PTR,
  MAP_VALUE,
  MAYBE_NULL,
  NON_OWN,
  OFF,
  PERCPU,
  RCU,
  REF,
  REG,
  SCALAR,
  SOCK_COMMON,
  SOCKET,
  TCP_SOCK,
  TRUSTED_FLAGS,
  TYPE,
  typeName,
  VALUE_LO,
} from './reg.ts';
import { checkIrqFlag, inSleepable } from './sections.ts';
import { toUnsigned } from './w64.ts';

/** What the arguments of one call of a kernel function revealed (kernel `bpf_kfunc_call_arg_meta`). */
export interface KfuncMeta {
  readonly kfunc: Kfunc;
  refId: number;
  releaseRegno: number;
  /** Value of the one argument that must be a known number, or -1. */
  constant: number;
  subprog: number;
  dynptr: { readonly id: number; readonly ref: number; readonly kind: number } | null;
  iterator: IteratorPlace | null;
  mapAux: number;
  mapUid: number;
  resultSize: number;
  resultReadOnly: boolean;
  /** Number of the structure that a counted or allocated argument is, and whether the argument owns it. */
  argStruct: number;
  ownsArg: boolean;
  /** List or tree that the call works on. */
  root: ValueField | null;
}

/** Structures behind registers that have a type of their own (kernel `reg2btf_ids`). */
const REG_STRUCTS: Readonly<Record<number, string>> = {
  [SOCKET]: 'sock',
  [SOCK_COMMON]: 'sock_common',
  [TCP_SOCK]: 'tcp_sock',
  [MAP_PTR]: 'bpf_map',
};

/** As for kernel objects, and registers with a type of their own always are. */
function isTrustedArg(env: Env, b: number): boolean {
  const r = env.regs;
  const type = r[b + TYPE]!;
  return isTrusted(type, r[b + REF]!) || (REG_STRUCTS[baseType(type)] !== undefined && !isUnsafe(type));
}

const SKB_TYPES = new Set([1, 3, 4, 8, 10, 11, 12, 14, 19]);

/** The parameter is the program's own context, by the name of its structure (kernel `btf_is_prog_ctx_type`). */
function isContext(env: Env, param: KfuncParam): boolean {
  if (param.to !== 'struct') return false;
  if (env.profile) return param.struct === env.profile.contextStruct;
  if (param.struct === '__sk_buff') return SKB_TYPES.has(env.program.progType);
  return param.struct === 'xdp_md' && env.program.progType === 6;
}

type ArgKind =
  | 'ctx'
  | 'null'
  | 'alloc'
  | 'refcounted'
  | 'dynptr'
  | 'iter'
  | 'list_head'
  | 'list_node'
  | 'rb_root'
  | 'rb_node'
  | 'str'
  | 'map'
  | 'wq'
  | 'task_work'
  | 'irq_flag'
  | 'res_lock'
  | 'btf'
  | 'callback'
  | 'mem'
  | 'mem_size';

const BY_STRUCT: Readonly<Record<string, ArgKind>> = {
  bpf_dynptr: 'dynptr',
  bpf_list_head: 'list_head',
  bpf_list_node: 'list_node',
  bpf_rb_root: 'rb_root',
  bpf_rb_node: 'rb_node',
  bpf_wq: 'wq',
  bpf_task_work: 'task_work',
  bpf_res_spin_lock: 'res_lock',
};
const BY_SUFFIX: Readonly<Record<string, ArgKind>> = {
  alloc: 'alloc',
  refcounted_kptr: 'refcounted',
  str: 'str',
  map: 'map',
  irq_flag: 'irq_flag',
};

function structWord(param: KfuncParam): string {
  if (param.to === 'void') return 'UNKNOWN ';
  if (param.to === 'struct') return `STRUCT ${param.struct}`;
  return 'INT ';
}

/** Kernel `get_kfunc_ptr_arg_type`. */
function kindOf(env: Env, kfunc: Kfunc, i: number): ArgKind {
  const r = env.regs;
  const param = kfunc.params[i]!;
  const b = (i + 1) * REG;
  if (kfunc.name === 'bpf_cast_to_kern_ctx' || isContext(env, param)) return 'ctx';
  if (param.suffix === 'nullable' && isNull(r, b)) return 'null';
  if (kfunc.iterator && i === 0) return 'iter';
  const known = BY_SUFFIX[param.suffix] ?? BY_STRUCT[param.struct];
  if (known) return known;
  const base = baseType(r[b + TYPE]!);
  if (base === BTF_ID || REG_STRUCTS[base] !== undefined) {
    if (param.to !== 'struct')
      env.fail(EINVAL, `kernel function ${kfunc.name} args#${i} pointer type ${structWord(param)} is not supported\n`);
    return 'btf';
  }
  if (param.to === 'func') return 'callback';
  const next = kfunc.params[i + 1];
  const sized = next !== undefined && (next.suffix === 'sz' || next.suffix === 'szk') && r[b + REG + TYPE] === SCALAR;
  if (param.size === -1) env.say('max struct nesting depth exceeded\n');
  if (param.size <= 0 && !(sized && param.to === 'void'))
    env.fail(EINVAL, `arg#${i} pointer type ${structWord(param)} must point to ${sized ? 'void, ' : ''}scalar, or struct with scalar\n`);
  return sized ? 'mem_size' : 'mem';
}

/** All arguments of a call (kernel `check_kfunc_args`). */
export function checkKfuncArgs(env: Env, meta: KfuncMeta): void {
  const { kfunc } = meta;
  for (let i = 0; i < kfunc.params.length; i++) {
    const param = kfunc.params[i]!;
    if (param.suffix === 'ign' || param.suffix === 'prog') continue;
    if (param.kind === 'scalar') checkScalar(env, meta, param, i + 1);
    else if (checkPointer(env, meta, param, i)) i++;
  }
  if (kfunc.releases && !meta.releaseRegno) env.fail(EINVAL, `release kernel function ${kfunc.name} expects refcounted PTR_TO_BTF_ID\n`);
}

function checkScalar(env: Env, meta: KfuncMeta, param: KfuncParam, regno: number): void {
  const r = env.regs;
  const b = regno * REG;
  if (r[b + TYPE] !== SCALAR) env.fail(EINVAL, `R${regno} is not a scalar\n`);
  if (param.suffix === 'k') {
    if (!isConst(r, b)) env.fail(EINVAL, `R${regno} must be a known constant\n`);
    markPrecise(env, regno);
    meta.constant = toUnsigned(r[b + VALUE_LO]!, r[b + VALUE_LO + 1]!);
  } else if (param.suffix.endsWith('buf_size')) {
    if (!isConst(r, b)) env.fail(EINVAL, `R${regno} is not a const\n`);
    meta.resultReadOnly = param.suffix === 'rdonly_buf_size';
    meta.resultSize = toUnsigned(r[b + VALUE_LO]!, r[b + VALUE_LO + 1]!);
    if (meta.resultSize > 0xffffffff) env.fail(EINVAL, `R${regno} rdonly/rdwr_buf_size exceeds u32 max\n`);
    markPrecise(env, regno);
  }
}

/** True when the argument took the next one, its size, along. */
function checkPointer(env: Env, meta: KfuncMeta, param: KfuncParam, i: number): boolean {
  const { kfunc } = meta;
  const r = env.regs;
  const regno = i + 1;
  const b = regno * REG;
  const type = r[b + TYPE]!;
  const isTrustedCall = kfunc.trustedArgs || kfunc.rcuArgs;
  if (isTrustedCall && (isNull(r, b) || type & MAYBE_NULL) && param.suffix !== 'nullable')
    env.fail(EACCES, `Possibly NULL pointer passed to trusted arg${i}\n`);
  if (r[b + REF] !== 0) {
    if (kfunc.releases && meta.refId) env.fail(EFAULT, `more than one arg with ref_obj_id R${regno} ${r[b + REF]} ${meta.refId}\n`);
    meta.refId = r[b + REF]!;
    if (kfunc.releases) meta.releaseRegno = regno;
  }
  const kind = kindOf(env, kfunc, i);
  if (kind === 'null') return false;
  if (kind === 'map') noteMap(env, meta, regno);
  if ((kind === 'map' || kind === 'alloc' || kind === 'btf') && isTrustedCall && !isTrustedArg(env, b)) {
    if (!kfunc.rcuArgs) env.fail(EINVAL, `R${regno} must be referenced or trusted\n`);
    if (!(type & RCU)) env.fail(EINVAL, `R${regno} must be a rcu pointer\n`);
  }
  checkArgOffset(env, regno, kfunc.releases && r[b + REF] !== 0, false);
  return checkKind(env, meta, param, i, kind);
}

function noteMap(env: Env, meta: KfuncMeta, regno: number): void {
  const r = env.regs;
  const b = regno * REG;
  const base = baseType(r[b + TYPE]!);
  // What the kernel looks at is not empty for a pointer to a kernel object either, whose type is checked next.
  if (base === BTF_ID) return;
  if (base !== MAP_PTR && base !== MAP_VALUE) env.fail(EINVAL, `pointer in R${regno} isn't map pointer\n`);
  if (meta.mapAux !== NO_MAP) {
    const map = env.mapAt(r[b + AUX]!);
    const word = fieldOf(map, 'bpf_wq') ? 'workqueue' : fieldOf(map, 'bpf_task_work') ? 'bpf_task_work' : '';
    if (word && (meta.mapAux !== r[b + AUX] || meta.mapUid !== r[b + AUX2]))
      env.fail(
        EINVAL,
        `${word} pointer in R${word === 'workqueue' ? 1 : 2} map_uid=${meta.mapUid} doesn't match map pointer in R${word === 'workqueue' ? 2 : 3} map_uid=${r[b + AUX2]}\n`,
      );
  }
  meta.mapAux = r[b + AUX]!;
  meta.mapUid = r[b + AUX2]!;
}

export const NO_MAP = -2147483648;

function checkKind(env: Env, meta: KfuncMeta, param: KfuncParam, i: number, kind: ArgKind): boolean {
  const { kfunc } = meta;
  const r = env.regs;
  const regno = i + 1;
  const b = regno * REG;
  const type = r[b + TYPE]!;
  switch (kind) {
    case 'ctx':
      if (type !== CTX) env.fail(EINVAL, `arg#${i} expected pointer to ctx, but got ${typeName(type)}\n`);
      return false;
    case 'dynptr':
      checkDynptr(env, meta, param, regno);
      return false;
    case 'iter':
      if (kfunc.name === 'bpf_iter_css_task_new' && !allowsCssTask(env))
        env.fail(EINVAL, 'css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs\n');
      meta.iterator = checkIteratorArg(env, kfunc);
      return false;
    case 'map':
      if (baseType(type) === BTF_ID) {
        checkBtfPointer(env, meta, { ...param, struct: 'bpf_map' }, i);
        return false;
      }
      if (type !== MAP_PTR) env.fail(EINVAL, `arg#${i} is ${typeName(type)} expected ${typeName(baseType(type))} or socket\n`);
      return false;
    case 'btf':
      checkBtfPointer(env, meta, param, i);
      return false;
    case 'mem':
      checkMemoryBoth(env, regno, param.size);
      return false;
    case 'mem_size':
      checkSized(env, meta, param, i);
      return true;
    case 'callback':
      if (type !== FUNC) env.fail(EINVAL, `arg${i} expected pointer to func\n`);
      meta.subprog = r[b + AUX]!;
      return false;
    case 'str':
      if (type !== MAP_VALUE) env.fail(EINVAL, `arg#${i} doesn't point to a const string\n`);
      checkConstString(env, regno);
      return false;
    case 'wq':
    case 'task_work':
      if (type !== MAP_VALUE) env.fail(EINVAL, `arg#${i} doesn't point to a map value\n`);
      checkMapField(env, regno, param.struct);
      meta.mapAux = r[b + AUX]!;
      meta.mapUid = r[b + AUX2]!;
      return false;
    case 'alloc':
      checkAllocated(env, meta, i);
      return false;
    case 'refcounted':
      checkCounted(env, meta, i);
      return false;
    case 'list_head':
      meta.root = checkRoot(env, regno, 'bpf_list_head');
      return false;
    case 'rb_root':
      meta.root = checkRoot(env, regno, 'bpf_rb_root');
      return false;
    case 'list_node':
      checkNode(env, kfunc, regno, 'bpf_list_node', meta.root!);
      return false;
    case 'rb_node':
      checkNode(env, kfunc, regno, 'bpf_rb_node', meta.root!);
      return false;
    case 'irq_flag':
      checkIrqFlag(env, kfunc, regno);
      return false;
    case 'res_lock':
      checkResilientLock(env, kfunc, regno);
      return false;
    default:
      return env.fail(EINVAL, `verifier here does not know the arguments of ${kfunc.name}\n`);
  }
}

/** An object that is freed. */
function checkAllocated(env: Env, meta: KfuncMeta, i: number): void {
  const r = env.regs;
  const b = (i + 1) * REG;
  const type = r[b + TYPE]!;
  const { name } = meta.kfunc;
  if (type === (BTF_ID | ALLOC)) {
    if (name !== 'bpf_obj_drop_impl') env.fail(EINVAL, `arg#${i} expected for bpf_obj_drop_impl()\n`);
  } else if (type === (BTF_ID | ALLOC | PERCPU)) {
    if (name !== 'bpf_percpu_obj_drop_impl') env.fail(EINVAL, `arg#${i} expected for bpf_percpu_obj_drop_impl()\n`);
  } else {
    env.fail(EINVAL, `arg#${i} expected pointer to allocated object\n`);
  }
  if (!r[b + REF]) env.fail(EINVAL, 'allocated object must be referenced\n');
}

/** An object with a reference count, owned or borrowed. */
function checkCounted(env: Env, meta: KfuncMeta, i: number): void {
  const r = env.regs;
  const b = (i + 1) * REG;
  const type = r[b + TYPE]!;
  if (!isLocalObject(type)) env.fail(EINVAL, `arg#${i} is neither owning or non-owning ref\n`);
  if (!(type & NON_OWN) && r[b + REF]) meta.ownsArg = true;
  if (!fieldsBehind(env, r, b).some(({ kind }) => kind === 'bpf_refcount'))
    env.fail(EINVAL, `arg#${i} doesn't point to a type with bpf_refcount field\n`);
  meta.argStruct = r[b + AUX]!;
}

const LSM = 29;
const TRACING = 26;
const TRACE_ITER = 28;

const allowsCssTask = (env: Env): boolean =>
  env.program.progType === LSM || (env.program.progType === TRACING && env.attachType === TRACE_ITER) || inSleepable(env);

function checkDynptr(env: Env, meta: KfuncMeta, param: KfuncParam, regno: number): void {
  const { name } = meta.kfunc;
  const uninit = param.suffix === 'uninit';
  let kind = 0;
  let cloneRef = 0;
  if (name === 'bpf_dynptr_from_skb') kind = KIND_SKB;
  else if (name === 'bpf_dynptr_from_xdp') kind = KIND_XDP;
  else if (name === 'bpf_dynptr_from_skb_meta') kind = KIND_META;
  else if (name === 'bpf_dynptr_clone' && uninit) {
    kind = meta.dynptr!.kind;
    cloneRef = meta.dynptr!.ref;
  }
  checkDynptrArg(env, regno, { uninit, readOnly: env.regs[regno * REG + TYPE] === DYNPTR, kind, cloneRef });
  if (!uninit) meta.dynptr = dynptrAt(env, regno);
}

/** Number of the structure that a register points to. */
function structBehind(env: Env, b: number): number {
  const type = env.regs[b + TYPE]!;
  return baseType(type) === BTF_ID ? env.regs[b + AUX]! : env.btfTypeIndex(REG_STRUCTS[baseType(type)] ?? '');
}

/** Kernel `process_kf_arg_ptr_to_btf_id`. */
function checkBtfPointer(env: Env, meta: KfuncMeta, param: KfuncParam, i: number): void {
  const { kfunc } = meta;
  const r = env.regs;
  const b = (i + 1) * REG;
  const type = r[b + TYPE]!;
  if ((baseType(type) !== BTF_ID || (isUnsafe(type) && !(type & RCU))) && REG_STRUCTS[baseType(type)] === undefined) {
    const expected = typeName(baseType(type) | (type & TRUSTED_FLAGS));
    env.fail(EINVAL, `arg#${i} is ${typeName(type)} expected ${expected} or socket\n`);
  }
  const struct = structBehind(env, b);
  const found = env.btfTypes[struct] ?? '';
  const strict = (kfunc.releases && r[b + REF] !== 0) || isNocastAlias(found, param.struct);
  if (structMatches(env, struct, r[b + OFF]!, param.struct, strict) || isProjection(param.struct, found)) return;
  env.fail(
    EINVAL,
    `kernel function ${kfunc.name} args#${i} expected pointer to STRUCT ${param.struct} but R${i + 1} has a pointer to STRUCT ${found}\n`,
  );
}

/** Memory and the size that follows it (kernel `check_kfunc_mem_size_reg`). */
function checkSized(env: Env, meta: KfuncMeta, param: KfuncParam, i: number): void {
  const r = env.regs;
  const b = (i + 1) * REG;
  const sizeReg = i + 2;
  if (!(isNull(r, b) && param.suffix === 'opt')) {
    const saved = r.slice(b, b + REG);
    const mayBeNull = (r[b + TYPE]! & MAYBE_NULL) !== 0;
    if (mayBeNull) markNotNull(env, r, b);
    const raw = { rawMode: false, accessSize: 0, regno: 0 };
    try {
      checkSizeArg(env, sizeReg, 'read', true, raw);
      checkSizeArg(env, sizeReg, 'write', true, raw);
    } catch (e) {
      if (e instanceof Rejection) env.say(`arg#${i} arg#${i + 1} memory, len pair leads to invalid memory access\n`);
      throw e;
    }
    if (mayBeNull) r.set(saved, b);
  }
  if (meta.kfunc.params[i + 1]!.suffix !== 'szk') return;
  if (!isConst(r, sizeReg * REG)) env.fail(EINVAL, `R${sizeReg} must be a known constant\n`);
  meta.constant = toUnsigned(r[sizeReg * REG + VALUE_LO]!, r[sizeReg * REG + VALUE_LO + 1]!);
}
