import { helperName } from '../bpf/helper-names.ts';
import { MAP_FLAG_RDONLY_PROG, MAP_TYPE_ARRAY, MAP_TYPE_PERCPU_ARRAY, MAP_TYPE_PROG_ARRAY } from '../bpf/maps.ts';
import type { Insn, MapDef, ValueField } from '../bpf/program.ts';
import { readReg } from './args.ts';
import { structMatches } from './btf-match.ts';
import {
  asyncMapCallback,
  clearPacketPointers,
  drainCallback,
  leaveFrame,
  loopCallback,
  mapElementCallback,
  pushAsyncCallback,
  pushCallback,
  vmaCallback,
} from './calls.ts';
import { DYNPTR_SLOTS, KIND_LOCAL, KIND_META, KIND_RINGBUF, KIND_SKB, releaseDynptr, slotOf } from './dynptr-slots.ts';
import { checkDynptrArg, dynptrAt } from './dynptrs.ts';
import { EACCES, EFAULT, EINVAL, ENOTSUPP, type Env } from './env.ts';
import { checkResourceLeak } from './exits.ts';
import { isKptr } from './fields.ts';
import { isFormat } from './format-string.ts';
import { helperHere } from './helper-here.ts';
import { hasTrampoline } from './helper-rules.ts';
import { checkHelperMemory, checkSizeArg } from './helpermem.ts';
import { checkKptrType, isKernelStruct, kptrIndex, noKptr } from './kptrs.ts';
import { keepSecret } from './leaks.ts';
import { fieldsBehind, keepsId } from './local-objects.ts';
import { checkSpinLock } from './locks.ts';
import { mapAllows } from './mapcompat.ts';
import { checkMapField } from './mapfields.ts';
import { checkAlignment, checkMapAccess, checkMemAccess, mayAccessPacket } from './memory.ts';
import { pushPath } from './paths.ts';
import { markPrecise, markSlotPrecise } from './precision.ts';
import { type ArgProto, changesPacketData, FUNC, type HelperProto, MAX_HELPER } from './protos.ts';
import { boundsSync } from './range.ts';
import { acquireReference, dropReference } from './refs.ts';
import {
  ALLOC,
  ARENA,
  AUX,
  AUX2,
  BTF_ID,
  BUF,
  baseType,
  CTX,
  DYN_MASK,
  DYNPTR,
  FRAMENO,
  FUNC as FUNC_PTR,
  ID,
  isConst,
  isConstScalar,
  isNull,
  isPacket,
  MAP_KEY,
  MAP_PTR,
  MAP_VALUE,
  MAYBE_NULL,
  MEMORY,
  markNotInit,
  markPointer,
  markUnknown,
  NON_OWN,
  NOT_INIT,
  OFF,
  PACKET,
  PACKET_META,
  PERCPU,
  RCU,
  RDONLY,
  REF,
  REG,
  RINGBUF,
  S32_MAX,
  S32_MIN,
  SCALAR,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  SOCK_COMMON,
  SOCKET,
  STACK,
  TCP_SOCK,
  TRUSTED,
  TYPE,
  typeName,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
  VALUE_HI,
  VALUE_LO,
  XDP_SOCK,
} from './reg.ts';
import { inSleepable } from './sections.ts';
import type { RawAccess } from './stack.ts';
import { isSpilledScalar, SLOT_SPILL, SLOT_ZERO } from './state.ts';
import { checkModelledHelper } from './unmodelled.ts';
import { checkUnmodified } from './unmodified.ts';
import { toSigned, toUnsigned } from './w64.ts';

/** What the arguments of one call revealed (kernel `bpf_call_arg_meta`). */
interface Meta extends RawAccess {
  proto: HelperProto;
  map: MapDef | null;
  mapAux: number;
  refId: number;
  releaseRegno: number;
  memSize: number;
  maxSize: number;
  subprog: number;
  /** Constant key of an array, or -1. */
  constKey: number;
  btfType: number;
  /** Tells inner maps apart that came from different lookups. */
  mapUid: number;
  dynptrId: number;
  changesPacket: boolean;
  /** Field whose pointer is exchanged. */
  kptr: ValueField | null;
}

const MEM_TYPES = [STACK, PACKET, PACKET_META, MAP_KEY, MAP_VALUE, MEMORY, MEMORY | RINGBUF, BUF, BTF_ID | TRUSTED];
const SOCK_TYPES = [SOCK_COMMON, SOCKET, TCP_SOCK, XDP_SOCK];

/** Register types that an argument kind accepts, in the order of the kernel's message. */
const ACCEPTS: Readonly<Record<string, readonly number[]>> = {
  key: MEM_TYPES,
  value: MEM_TYPES,
  mem: MEM_TYPES,
  fixed: MEM_TYPES,
  size: [SCALAR],
  size0: [SCALAR],
  alloc_size: [SCALAR],
  map: [MAP_PTR],
  ctx: [CTX],
  sock_common: SOCK_TYPES,
  sk: [...SOCK_TYPES, BTF_ID, BTF_ID | TRUSTED],
  socket: [SOCKET],
  btf: [BTF_ID, BTF_ID | TRUSTED, BTF_ID | RCU],
  spin_lock: [MAP_VALUE, BTF_ID | ALLOC],
  ringbuf_mem: [MEMORY | RINGBUF],
  percpu_btf: [BTF_ID | PERCPU, BTF_ID | PERCPU | RCU, BTF_ID | PERCPU | TRUSTED],
  func: [FUNC_PTR],
  stack: [STACK],
  str: [MAP_VALUE],
  timer: [MAP_VALUE],
  kptr: [MAP_VALUE, BTF_ID | ALLOC],
  dynptr: [STACK, DYNPTR],
};

const EARLY_MEM = MEM_TYPES.filter((type) => type !== (BTF_ID | TRUSTED));
const EARLY_KEYS = EARLY_MEM.slice(0, 5);

/** The same up to 6.1. */
const EARLY_ACCEPTS: Readonly<Record<string, readonly number[]>> = {
  key: EARLY_KEYS,
  value: EARLY_KEYS,
  mem: EARLY_MEM,
  fixed: EARLY_MEM,
  sk: [...SOCK_TYPES, BTF_ID],
  btf: [BTF_ID],
};

const ANY_OFFSET = new Set([
  STACK,
  PACKET,
  PACKET_META,
  MAP_KEY,
  MAP_VALUE,
  MEMORY,
  MEMORY | RDONLY,
  MEMORY | RINGBUF,
  BUF,
  BUF | RDONLY,
  ARENA,
  SCALAR,
]);

const MAX_ERRNO = 4095;

const nameOf = (id: number): string => helperName(id) ?? 'unknown';

const SYSCALL = 31;
/** Storage of sockets and paths: what a tracing program attaches to decides, and syscall programs attach to nothing. */
const TRACING_ONLY = new Set<number>([FUNC.skStorageGet, FUNC.skStorageDelete, 147]);

/** A call of a helper function (kernel `check_helper_call`). */
export function checkHelperCall(env: Env, insn: Insn): void {
  const id = insn.imm;
  if (id < 0 || id > Math.min(MAX_HELPER, env.rules.maxHelper)) env.fail(EINVAL, `invalid func ${nameOf(id)}#${id}\n`);
  const proto = helperHere(env, id);
  if (!proto) {
    if (env.profile) env.fail(EINVAL, `${env.profile.hookName(env.attachType)} programs cannot use helper ${nameOf(id)}#${id}\n`);
    const { saysUnknownFunc } = env.rules;
    env.fail(
      EINVAL,
      saysUnknownFunc ? `unknown func ${nameOf(id)}#${id}\n` : `program of this type cannot use helper ${nameOf(id)}#${id}\n`,
    );
  }
  checkModelledHelper(env, proto);
  if (proto.gplOnly && !env.gplCompatible) env.fail(EINVAL, 'cannot call GPL-restricted function from non-GPL compatible program\n');
  if (env.program.progType === SYSCALL && TRACING_ONLY.has(id)) env.fail(EINVAL, 'helper call is not allowed in probe\n');
  if (proto.mightSleep) {
    if (!inSleepable(env)) env.fail(EINVAL, 'helper call might sleep in a non-sleepable prog\n');
    const { cur } = env;
    const section = cur.activeRcu
      ? 'rcu_read_lock region'
      : cur.activePreempt
        ? 'non-preemptible region'
        : cur.activeIrq
          ? 'IRQ-disabled region'
          : '';
    if (section) env.fail(EINVAL, `sleepable helper ${nameOf(id)}#${id} in ${section}\n`);
  }
  const meta: Meta = {
    proto,
    map: null,
    mapAux: -1,
    rawMode: false,
    accessSize: 0,
    regno: 0,
    refId: 0,
    releaseRegno: 0,
    memSize: 0,
    maxSize: 0,
    subprog: -1,
    constKey: -1,
    btfType: -1,
    mapUid: 0,
    dynptrId: 0,
    changesPacket: false,
    kptr: null,
  };
  for (let i = 0; i < proto.args.length; i++) checkArg(env, proto.args[i]!, i + 1, meta);
  recordMap(env, meta, id);
  for (let i = 0; i < meta.accessSize; i++) checkMemAccess(env, env.insnIdx, meta.regno, i, 1, 'write', -1, false, false);
  release(env, meta, id);
  beforeReturn(env, meta, id);
  setResult(env, meta, id);
}

function checkType(env: Env, arg: ArgProto, regno: number, meta: Meta): void {
  const r = env.regs;
  const type = r[regno * REG + TYPE]!;
  const early = env.rules.early;
  const accepts = (early ? EARLY_ACCEPTS[arg.kind] : undefined) ?? ACCEPTS[arg.kind]!;
  let seen = type;
  if (arg.readOnly) seen &= ~RDONLY;
  if (arg.mayBeNull) seen &= ~MAYBE_NULL;
  if (meta.kptr && type & ALLOC) seen &= ~(ALLOC | PERCPU);
  if (arg.kind === 'mem' || arg.kind === 'fixed') seen &= ~DYN_MASK;
  if (!accepts.includes(seen)) {
    const name = (one: number): string => (early ? typeName(one).replace('ringbuf_', 'alloc_') : typeName(one));
    env.fail(EACCES, `R${regno} type=${name(type)} expected=${accepts.map(name).join(', ')}\n`);
  }
  if (baseType(type) !== BTF_ID) return;
  if (accepts === MEM_TYPES || accepts === EARLY_MEM) {
    if (!arg.readOnly) env.fail(EACCES, `${nameOf(meta.proto.id)}() may write into memory pointed by R${regno} type=${typeName(type)}\n`);
    return;
  }
  if (arg.kind === 'spin_lock' || arg.kind === 'kptr') return;
  if (type & MAYBE_NULL && !(type & ALLOC) && (!arg.mayBeNull || arg.released))
    env.fail(EACCES, `Possibly NULL pointer passed to helper arg${regno}\n`);
  if (meta.kptr) {
    checkKptrType(env, meta.kptr, regno);
    return;
  }
  const wanted = arg.kind === 'sk' ? 'sock_common' : arg.kind === 'btf' ? arg.btfType : '';
  if (wanted === '' || type & PERCPU) return;
  const found = env.btfTypes[r[regno * REG + AUX]!] ?? '';
  const strict = arg.released && meta.proto.id !== FUNC.skRelease;
  if (!structMatches(env, r[regno * REG + AUX]!, r[regno * REG + OFF]!, wanted, strict))
    env.fail(EACCES, `R${regno} is of type ${found} but ${wanted} is expected\n`);
}

/** Pointers to kernel objects that may be passed at a fixed offset. */
const FIXED_OFFSET = new Set([
  BTF_ID,
  BTF_ID | ALLOC,
  BTF_ID | TRUSTED,
  BTF_ID | RCU,
  BTF_ID | ALLOC | NON_OWN,
  BTF_ID | ALLOC | NON_OWN | RCU,
]);

/** Offsets that an argument may have (kernel `check_func_arg_reg_off`). */
export function checkArgOffset(env: Env, regno: number, released: boolean, isDynptr: boolean): void {
  const r = env.regs;
  const b = regno * REG;
  const type = r[b + TYPE]!;
  if (released) {
    if (isDynptr && type === STACK) return;
    if (r[b + OFF] && !env.rules.early)
      env.fail(EINVAL, `R${regno} must have zero offset when passed to release func or trusted arg to kfunc\n`);
    checkUnmodified(env, r, b, regno, false);
    return;
  }
  if (ANY_OFFSET.has(type)) return;
  checkUnmodified(env, r, b, regno, FIXED_OFFSET.has(type));
}

function checkArg(env: Env, declared: ArgProto, regno: number, meta: Meta): void {
  readReg(env, regno);
  if (declared.kind === 'any') {
    keepSecret(env, regno, 'into helper function');
    return;
  }
  const r = env.regs;
  const b = regno * REG;
  const type = r[b + TYPE]!;
  if (isPacket(type) && !mayAccessPacket(env, false, meta.proto.acceptsPacket))
    env.fail(EACCES, 'helper access to the packet is not allowed\n');
  const arg = declared.kind === 'value' ? resolveValue(env, declared, meta) : declared;
  if (!(isNull(r, b) && arg.mayBeNull)) {
    checkType(env, arg, regno, meta);
    checkArgOffset(env, regno, arg.released, arg.kind === 'dynptr');
  }
  if (arg.released) {
    if (arg.kind === 'dynptr') {
      if (type !== STACK) env.fail(EINVAL, 'cannot release unowned const bpf_dynptr\n');
      const spi = slotOf(env, r, b, 'dynptr', DYNPTR_SLOTS);
      if (spi < 0 || !env.frameOf(r, b).spills[spi * REG + REF]) env.fail(EINVAL, `arg ${regno} is an unacquired reference\n`);
    } else if (r[b + REF] === 0 && !isNull(r, b)) env.fail(EINVAL, `R${regno} must be referenced when passed to release function\n`);
    meta.releaseRegno = regno;
  }
  if (r[b + REF] !== 0 && arg.kind !== 'kptr') {
    if (meta.refId) env.fail(EACCES, `more than one arg with ref_obj_id R${regno} ${r[b + REF]} ${meta.refId}`);
    meta.refId = r[b + REF]!;
  }
  checkKind(env, arg, regno, meta);
}

const SOCKMAP = 15;
const SOCKHASH = 18;
const BLOOM = 30;

/** Values of some maps are no plain memory. */
function resolveValue(env: Env, arg: ArgProto, meta: Meta): ArgProto {
  const type = meta.map?.type;
  if (type === SOCKMAP || type === SOCKHASH) {
    if (arg.uninit) env.fail(EINVAL, 'invalid arg_type for sockmap/sockhash\n');
    return { ...arg, kind: 'sk' };
  }
  if (type === BLOOM && meta.proto.id === FUNC.mapPeek) return { ...arg, uninit: false, written: false };
  return arg;
}

function checkKind(env: Env, arg: ArgProto, regno: number, meta: Meta): void {
  const r = env.regs;
  const b = regno * REG;
  const access = arg.written ? 'write' : 'read';
  switch (arg.kind) {
    case 'map':
      if (meta.map && (meta.mapAux !== r[b + AUX] || meta.mapUid !== r[b + AUX2]))
        env.fail(EINVAL, `timer pointer in R1 map_uid=${meta.mapUid} doesn't match map pointer in R2 map_uid=${r[b + AUX2]}\n`);
      meta.mapUid = r[b + AUX2]!;
      meta.mapAux = r[b + AUX]!;
      meta.map = env.mapAt(meta.mapAux);
      return;
    case 'key':
      checkHelperMemory(env, regno, meta.map!.keySize, 'read', false, null);
      if (hasFixedSize(meta.map!)) meta.constKey = constantKey(env, regno, meta.map!.keySize);
      return;
    case 'value':
      if (arg.mayBeNull && isNull(r, b)) return;
      meta.rawMode = arg.uninit;
      checkHelperMemory(env, regno, meta.map!.valueSize, access, false, meta);
      return;
    case 'func':
      meta.subprog = r[b + AUX]!;
      return;
    case 'mem':
      meta.rawMode = arg.uninit;
      return;
    case 'fixed':
      meta.rawMode = arg.uninit;
      checkHelperMemory(env, regno, arg.size, access, false, meta);
      if (arg.aligned) checkAlignment(env, r, b, 0, arg.size, true);
      return;
    case 'size':
    case 'size0': {
      const memory = meta.proto.args[regno - 2]!;
      meta.maxSize = toUnsigned(r[b + UMAX_LO]!, r[b + UMAX_HI]!);
      checkSizeArg(env, regno, memory.written ? 'write' : 'read', arg.kind === 'size0', meta);
      return;
    }
    case 'alloc_size':
      if (!isConst(r, b)) env.fail(EACCES, `R${regno} is not a known constant'\n`);
      meta.memSize = r[b + VALUE_LO]!;
      markPrecise(env, regno);
      return;
    case 'str':
      checkConstString(env, regno);
      return;
    case 'spin_lock':
      checkSpinLock(env, regno, meta.proto.id === FUNC.spinLock);
      return;
    case 'timer':
      checkMapField(env, regno, 'bpf_timer');
      meta.mapAux = r[b + AUX]!;
      meta.mapUid = r[b + AUX2]!;
      meta.map = env.mapAt(meta.mapAux);
      return;
    case 'dynptr':
      checkDynptrArg(env, regno, {
        uninit: arg.uninit,
        readOnly: arg.readOnly,
        kind: DYNPTR_KINDS[meta.proto.id] ?? 0,
        cloneRef: 0,
      });
      return;
    case 'kptr':
      meta.kptr = checkKptrArg(env, regno);
  }
}

/** Kinds of dynptrs that helpers make or take; others take any. */
const DYNPTR_KINDS: Readonly<Record<number, number>> = {
  [FUNC.dynptrFromMem]: KIND_LOCAL,
  [FUNC.ringbufReserveDynptr]: KIND_RINGBUF,
  [FUNC.ringbufSubmitDynptr]: KIND_RINGBUF,
  [FUNC.ringbufDiscardDynptr]: KIND_RINGBUF,
};

/** A pointer field of a map value that a helper exchanges (kernel `process_kptr_func`). */
function checkKptrArg(env: Env, regno: number): ValueField {
  const r = env.regs;
  const b = regno * REG;
  if (!isConst(r, b)) env.fail(EINVAL, `R${regno} doesn't have constant offset. kptr has to be at the constant offset\n`);
  const fields = fieldsBehind(env, r, b);
  if (!fields.some(isKptr)) noKptr(env, regno);
  const off = r[b + OFF]! + toSigned(r[b + VALUE_LO]!, r[b + VALUE_HI]!);
  const field = fields.find((f) => isKptr(f) && f.byteOff === off);
  if (!field) env.fail(EACCES, `off=${off} doesn't point to kptr\n`);
  if (field.kind !== 'kptr' && field.kind !== 'percpu_kptr') env.fail(EACCES, `off=${off} kptr isn't referenced kptr\n`);
  return field;
}

const FLAG_INNER_MAP = 1 << 12;

/** An array with as many entries as its definition says; inner maps may be promised to differ (kernel `can_elide_value_nullness`). */
const hasFixedSize = ({ type, flags }: MapDef): boolean =>
  (type === MAP_TYPE_ARRAY || type === MAP_TYPE_PERCPU_ARRAY) && (flags & FLAG_INNER_MAP) === 0;

/** A key of an array map that is a known number: the lookup cannot fail (kernel `get_constant_map_key`). */
function constantKey(env: Env, regno: number, keySize: number): number {
  const r = env.regs;
  const b = regno * REG;
  if (r[b + TYPE] !== STACK || !isConst(r, b)) return -1;
  const frame = env.frameOf(r, b);
  const slot = -(r[b + OFF]! + r[b + VALUE_LO]!) - 1;
  const spi = slot >> 3;
  let zeros = 0;
  for (let i = slot & 7; i >= 0 && frame.types[spi * 8 + i] === SLOT_ZERO; i--) zeros++;
  if (zeros >= keySize) return 0;
  if (!isSpilledScalar(frame, spi)) return -1;
  let spilled = 0;
  for (let i = slot & 7; i >= 0 && frame.types[spi * 8 + i] === SLOT_SPILL; i--) spilled++;
  if (spilled !== keySize || !isConst(frame.spills, spi * REG)) return -1;
  markSlotPrecise(env, r[b + FRAMENO]!, spi);
  const key = toSigned(frame.spills[spi * REG + VALUE_LO]!, frame.spills[spi * REG + VALUE_HI]!);
  return key < 0 ? -1 : key;
}

export function checkConstString(env: Env, regno: number): void {
  const r = env.regs;
  const b = regno * REG;
  const map = env.mapAt(r[b + AUX]!);
  if (!(map.frozen && map.flags & MAP_FLAG_RDONLY_PROG)) env.fail(EACCES, `R${regno} does not point to a readonly map'\n`);
  if (!isConst(r, b)) env.fail(EACCES, `R${regno} is not a constant address'\n`);
  checkMapAccess(env, regno, r[b + OFF]!, map.valueSize - r[b + OFF]!, false, false);
  const from = r[b + OFF]! + r[b + VALUE_LO]!;
  if (!map.data || map.data.indexOf(0, from) < 0) env.fail(EINVAL, 'string is not zero-terminated\n');
}

const NEEDS_MAP = new Set<number>([
  FUNC.tailCall,
  FUNC.mapLookup,
  FUNC.mapUpdate,
  FUNC.mapDelete,
  FUNC.mapPush,
  FUNC.mapPop,
  FUNC.mapPeek,
  FUNC.forEachMapElem,
  FUNC.redirectMap,
  FUNC.mapLookupPercpu,
]);
const WRITES_MAP = new Set<number>([FUNC.mapDelete, FUNC.mapUpdate, FUNC.mapPush, FUNC.mapPop]);

function recordMap(env: Env, meta: Meta, id: number): void {
  if (NEEDS_MAP.has(id) && meta.map && meta.map.flags & MAP_FLAG_RDONLY_PROG && WRITES_MAP.has(id))
    env.fail(EACCES, 'write into map forbidden\n');
  if (id !== FUNC.tailCall) return;
  if (meta.map?.type !== MAP_TYPE_PROG_ARRAY)
    env.fail(EINVAL, env.rules.early ? 'kernel subsystem misconfigured verifier\n' : 'expected prog array map for tail call');
  const r = env.regs;
  const b = 3 * REG;
  if (isConstScalar(r, b, false) && r[b + VALUE_HI] === 0 && r[b + VALUE_LO]! >>> 0 < meta.map.maxEntries) markPrecise(env, 3);
}

function release(env: Env, meta: Meta, id: number): void {
  if (!meta.releaseRegno) return;
  if (meta.proto.args[meta.releaseRegno - 1]!.kind === 'dynptr') {
    const r = env.regs;
    const b = meta.releaseRegno * REG;
    releaseDynptr(env, env.frameOf(r, b), slotOf(env, r, b, 'dynptr', DYNPTR_SLOTS));
    return;
  }
  if (meta.refId ? dropReference(env, meta.refId) : isNull(env.regs, meta.releaseRegno * REG)) return;
  env.fail(EINVAL, `func ${nameOf(id)}#${id} reference has not been acquired before\n`);
}

const latin1 = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');

/** What a call of `bpf_snprintf` prints with: the format lies in a constant, the size of the arguments is one. */
function checkFormat(env: Env): void {
  const r = env.regs;
  const b = 3 * REG;
  const { data } = env.mapAt(r[b + AUX]!);
  const from = r[b + OFF]! + r[b + VALUE_LO]!;
  const text = latin1(data!.subarray(from, data!.indexOf(0, from)));
  if (!isFormat(text, r[5 * REG + VALUE_LO]! >>> 3)) env.fail(EINVAL, 'Invalid format string\n');
}

const SNPRINTF = 165;
const GET_FUNC_IP = 173;
const KPROBE = 2;
const TRACING = 26;

function beforeReturn(env: Env, meta: Meta, id: number): void {
  const r = env.regs;
  const { progType } = env.program;
  if (id === GET_FUNC_IP && progType !== KPROBE && progType !== TRACING)
    env.fail(ENOTSUPP, `func ${nameOf(id)}#${id} not supported for program type ${progType}\n`);
  if (id === GET_FUNC_IP && progType === TRACING && !hasTrampoline(env.attachType))
    env.fail(ENOTSUPP, `func ${nameOf(id)}#${id} supported only for fentry/fexit/fmod_ret programs\n`);
  if (id === FUNC.tailCall) {
    checkResourceLeak(env, true, 'tail_call');
  } else if (id === FUNC.getLocalStorage) {
    if (!isNull(r, 2 * REG)) env.fail(EINVAL, "get_local_storage() doesn't support non-zero flags\n");
  } else if (id === SNPRINTF) {
    checkFormat(env);
  } else if (id === FUNC.loop) {
    noteLoopInline(env, meta.subprog);
    markPrecise(env, 1);
    const frame = env.cur.frame;
    const max = toUnsigned(r[REG + UMAX_LO]!, r[REG + UMAX_HI]!);
    if (frame.callbackDepth < max) {
      pushCallback(env, meta.subprog, loopCallback);
    } else {
      frame.callbackDepth = 0;
      if (env.log.detail) env.log.write(`frame${env.cur.curFrame} bpf_loop iteration limit reached\n`);
    }
  } else if (id === FUNC.forEachMapElem) {
    pushCallback(env, meta.subprog, mapElementCallback);
  } else if (id === FUNC.findVma) {
    pushCallback(env, meta.subprog, vmaCallback(env.btfTypeIndex('task_struct'), env.btfTypeIndex('vm_area_struct')));
  } else if (id === FUNC.userRingbufDrain) {
    pushCallback(
      env,
      meta.subprog,
      drainCallback(() => env.newId()),
    );
  } else if (id === FUNC.timerSetCallback) {
    pushAsyncCallback(env, meta.subprog, false, asyncMapCallback(r[REG + AUX]!, r[REG + AUX2]!));
  } else if (id === FUNC.dynptrFromMem) {
    if (r[REG + TYPE] !== MAP_VALUE) env.fail(EACCES, `Unsupported reg type ${typeName(r[REG + TYPE]!)} for bpf_dynptr_from_mem data\n`);
  } else if (id === FUNC.dynptrData) {
    const dynptr = dynptrAt(env, 1);
    meta.dynptrId = dynptr.id;
    meta.refId = dynptr.ref;
  } else if (id === FUNC.dynptrWrite) {
    const { kind } = dynptrAt(env, 1);
    meta.changesPacket = kind === KIND_SKB || kind === KIND_META;
  }
}

/** A loop with one callback and no flags becomes code in place of the call (kernel `update_loop_inline_state`). */
function noteLoopInline(env: Env, subprog: number): void {
  const known = env.loopInline.get(env.insnIdx);
  if (known !== undefined && known < 0) return;
  const noFlags = isNull(env.regs, 4 * REG);
  if (noFlags) markPrecise(env, 4);
  const fits = noFlags && (known === undefined || known === subprog);
  env.loopInline.set(env.insnIdx, fits ? subprog : -1);
}

/** Helpers that hand out something that must be released. */
function acquires(id: number, map: MapDef | null): boolean {
  if (id === FUNC.skLookupTcp || id === FUNC.skLookupUdp || id === FUNC.skcLookupTcp || id === FUNC.ringbufReserve) return true;
  if (id === FUNC.kptrXchg) return true;
  return id === FUNC.mapLookup && (map?.type === SOCKMAP || map?.type === SOCKHASH);
}

/** Helpers that view a pointer as another type and keep its reference. */
const CASTS = new Set<number>([FUNC.tcpSock, FUNC.skFullsock, 136, 137, 138, 139, 140, 178]);

function setResult(env: Env, meta: Meta, id: number): void {
  const { proto, map } = meta;
  const r = env.regs;
  for (let i = 0; i < 6; i++) {
    markNotInit(r, i * REG);
    env.scratchReg(i);
  }
  let flag = proto.resultMayBeNull ? MAYBE_NULL : 0;
  switch (proto.result.split(':')[0]) {
    case 'int':
      markUnknown(r, 0);
      break;
    case 'void':
      r[TYPE] = NOT_INIT;
      break;
    case 'map_value':
      if (!map) env.fail(EFAULT, 'verifier bug: unexpected null map_ptr\n');
      if (id === FUNC.mapLookup && meta.constKey >= 0 && meta.constKey < map.maxEntries && env.rules.constantKeys) flag = 0;
      markPointer(r, 0, MAP_VALUE | flag);
      r[AUX] = meta.mapAux;
      r[AUX2] = meta.mapUid;
      if (!flag && keepsId(env, r, 0)) r[ID] = env.newId();
      break;
    case 'socket':
      markPointer(r, 0, SOCKET | flag);
      break;
    case 'sock_common':
      markPointer(r, 0, SOCK_COMMON | flag);
      break;
    case 'tcp_sock':
      markPointer(r, 0, TCP_SOCK | flag);
      break;
    case 'ringbuf_mem':
      markPointer(r, 0, MEMORY | RINGBUF | flag);
      r[AUX] = meta.memSize;
      break;
    case 'mem':
    case 'dynptr_mem':
      markPointer(r, 0, MEMORY | flag);
      r[AUX] = meta.memSize;
      break;
    case 'mem_or_btf':
      markPointer(r, 0, MEMORY | RDONLY | flag);
      r[AUX] = 8;
      break;
    default:
      markPointer(r, 0, BTF_ID | (proto.result.startsWith('btf_trusted') ? TRUSTED : 0) | flag);
      r[AUX] = meta.kptr ? kptrIndex(env, meta.kptr) : env.btfTypeIndex(proto.result.split(':')[1] ?? '');
      if (meta.kptr && !isKernelStruct(env, meta.kptr.target ?? '')) r[TYPE]! |= ALLOC | (meta.kptr.kind === 'percpu_kptr' ? PERCPU : 0);
  }
  if (r[TYPE]! & MAYBE_NULL) r[ID] = env.newId();
  if (id === FUNC.dynptrData) {
    r[AUX2] = meta.dynptrId;
    r[REF] = meta.refId;
  } else if (CASTS.has(id)) {
    r[REF] = meta.refId;
  } else if (acquires(id, map)) {
    const ref = acquireReference(env, env.insnIdx);
    r[ID] = ref;
    r[REF] = ref;
  }
  refineResult(env, meta, id);
  if (map && !mapAllows(env, map, id)) env.fail(EINVAL, `cannot pass map_type ${map.type} into func ${nameOf(id)}#${id}\n`);
  finishCall(env, id);
  if (meta.changesPacket) clearPacketPointers(env, env.cur);
}

/** Results with known bounds (kernel `do_refine_retval_range`). */
function refineResult(env: Env, meta: Meta, id: number): void {
  const r = env.regs;
  if (id === FUNC.smpProcessorId) {
    if (!env.rules.boundsProcessorId) return;
    const max = env.cpus - 1;
    for (const at of [SMAX_LO, UMAX_LO, S32_MAX, U32_MAX]) r[at] = max;
    for (const at of [SMAX_HI, UMAX_HI, SMIN_LO, SMIN_HI, UMIN_LO, UMIN_HI, S32_MIN, U32_MIN]) r[at] = 0;
    boundsSync(r, 0);
    return;
  }
  const isRead =
    id === FUNC.getStack ||
    id === FUNC.getTaskStack ||
    id === FUNC.probeReadStr ||
    id === FUNC.probeReadKernelStr ||
    id === FUNC.probeReadUserStr;
  if (!isRead) return;
  r[SMAX_LO] = meta.maxSize | 0;
  r[SMAX_HI] = Math.floor(meta.maxSize / 4294967296);
  r[S32_MAX] = meta.maxSize | 0;
  r[SMIN_LO] = -MAX_ERRNO;
  r[SMIN_HI] = -1;
  r[S32_MIN] = -MAX_ERRNO;
  boundsSync(r, 0);
}

function finishCall(env: Env, id: number): void {
  if (id === FUNC.tailCall && env.cur.curFrame > 0) {
    // The call may succeed, which ends this function in another program, or fail and go on.
    env.scratchReg(0);
    pushPath(env, env.insnIdx + 1, env.insnIdx);
    clearPacketPointers(env, env.cur);
    markUnknown(env.regs, 0);
    leaveFrame(env);
    env.insnIdx--;
    return;
  }
  if (changesPacketData(id) && id !== FUNC.tailCall) clearPacketPointers(env, env.cur);
}
