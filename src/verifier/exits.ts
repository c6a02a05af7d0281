import { KIND_FUNC } from '../object/btf.ts';
import { readReg } from './args.ts';
import { failRange, leaveFrame, outOfRange } from './calls.ts';
import { EINVAL, type Env } from './env.ts';
import { keepSecret } from './leaks.ts';
import { hookRange } from './lsm.ts';
import { markPrecise } from './precision.ts';
import { REG, S32_MAX, S32_MIN, SCALAR, TYPE, typeName } from './reg.ts';
import { returnsNothing } from './struct-ops.ts';

/** Nothing may be held at the end: references, locks, sections (kernel `check_resource_leak`). */
export function checkResourceLeak(env: Env, checkLock: boolean, where: string, everyFrame = false): void {
  const state = env.cur;
  if (checkLock && state.activeLocks) env.fail(EINVAL, `${where} cannot be used inside bpf_spin_lock-ed region\n`);
  if (state.curFrame === 0 || everyFrame) {
    const held = state.refs.filter((r) => r.kind === 'ptr');
    for (const ref of held) env.say(`Unreleased reference id=${ref.id} alloc_insn=${ref.insnIdx}\n`);
    if (held.length > 0 && env.rules.namesLeakOnly && where.startsWith('BPF_EXIT')) env.fail(EINVAL, '');
    if (held.length > 0 && env.rules.namesLeakOnly && where.startsWith('BPF_LD'))
      env.fail(EINVAL, `${where} cannot be mixed with socket references\n`);
    if (held.length > 0) env.fail(EINVAL, `${where} would lead to reference leak\n`);
  }
  if (checkLock && state.activeIrq) env.fail(EINVAL, `${where} cannot be used inside bpf_local_irq_save-ed region\n`);
  if (checkLock && state.activeRcu) env.fail(EINVAL, `${where} cannot be used inside bpf_rcu_read_lock-ed region\n`);
  if (checkLock && state.activePreempt) env.fail(EINVAL, `${where} cannot be used inside bpf_preempt_disable-ed region\n`);
}

const SOCK_ADDR = 18;
const CGROUP_SKB = 8;
const SK_LOOKUP = 30;
const RAW_TRACEPOINT = 17;
const TRACING = 26;
const NETFILTER = 32;
const KPROBE = 2;
/** Sessions of kprobes and uprobes: the entry says whether the return is of interest. */
const SESSIONS = new Set([56, 57]);
const LSM = 29;
const LSM_CGROUP = 43;
/** recvmsg, getpeername and getsockname of IPv4, IPv6 and Unix sockets. */
const ONE_ONLY = new Set([19, 20, 51, 29, 30, 52, 31, 32, 53]);
const BIND = new Set([8, 9]);
const INET_EGRESS = 1;
const FENTRY = 24;
const FEXIT = 25;
const ITER = 28;

/** What a program type may return; null when anything goes. */
export function returnRange(progType: number, attachType: number): readonly [number, number] | null {
  switch (progType) {
    case SOCK_ADDR:
      if (ONE_ONLY.has(attachType)) return [1, 1];
      if (BIND.has(attachType)) return [0, 3];
      return [0, 1];
    case CGROUP_SKB:
      return attachType === INET_EGRESS ? [0, 3] : [0, 1];
    case 9:
    case 13:
    case 15:
    case 23:
    case 25:
    case SK_LOOKUP:
    case NETFILTER:
      return [0, 1];
    case KPROBE:
      return SESSIONS.has(attachType) ? [0, 1] : null;
    case RAW_TRACEPOINT:
      return null;
    case TRACING:
      if (attachType === FENTRY || attachType === FEXIT) return [0, 0];
      return attachType === ITER ? [0, 1] : null;
    default:
      return null;
  }
}

/** The result of the function that an LSM program attaches to; null where it is not known. */
function hookResult(env: Env): number | null {
  const types = env.program.progType === LSM ? env.kernelTypes() : null;
  if (!types) return null;
  const { btf } = types;
  const id = btf.find(KIND_FUNC, `bpf_lsm_${env.program.attachTo ?? ''}`);
  return id === 0 ? null : btf.skip(btf.at(btf.at(id).type).type);
}

const hookReturnsNothing = (env: Env): boolean => env.attachType !== LSM_CGROUP && hookResult(env) === 0;

function programRange(env: Env): readonly [number, number] | null {
  if (env.program.progType !== LSM) return returnRange(env.program.progType, env.attachType);
  if (env.attachType === LSM_CGROUP) return hookResult(env) === 0 ? [1, 1] : [0, 1];
  return hookRange(env.program.attachTo ?? '');
}

/** The value that the program, or a function verified apart, returns in a register (kernel `check_return_code`). */
export function checkReturnRange(env: Env, regno: number): void {
  const frame = env.cur.frames[0]!;
  const isMain = frame.subprogno === 0 || frame.subprogno === env.exceptionCallback;
  if (isMain && !frame.isAsyncCallback && (returnsNothing(env) || hookReturnsNothing(env))) return;
  readReg(env, regno);
  keepSecret(env, regno, 'as return value');
  const r = env.regs;
  const b = regno * REG;
  const type = r[b + TYPE]!;
  const isAsync = frame.isAsyncCallback;
  if (!isMain && !isAsync) {
    if (type !== SCALAR) env.fail(EINVAL, `At subprogram exit the register R${regno} is not a scalar value (${typeName(type)})\n`);
    return;
  }
  const where = isAsync ? 'At async callback return' : 'At program exit';
  const { profile } = env;
  const range = isAsync ? ([frame.callbackMin, frame.callbackMax] as const) : (profile?.returns(env.attachType) ?? programRange(env));
  if (!range) return;
  if (type !== SCALAR) env.fail(EINVAL, `${where} the register R${regno} is not a known value (${typeName(type)})\n`);
  markPrecise(env, regno);
  const isInt = (profile !== null || (env.program.progType === LSM && env.attachType !== LSM_CGROUP)) && !isAsync;
  const outside = isInt ? r[b + S32_MIN]! < range[0] || r[b + S32_MAX]! > range[1] : outOfRange(env, r, b, range[0], range[1]);
  if (outside) failRange(env, r, b, range[0], range[1], where, regno);
}

/** An exception leaves all functions at once. */
export function checkThrow(env: Env): void {
  checkResourceLeak(env, true, 'bpf_throw', true);
}

/** An exit. True when the path ends; false when it goes on in the caller. */
export function checkExit(env: Env): boolean {
  checkResourceLeak(env, env.cur.curFrame === 0, 'BPF_EXIT instruction in main prog');
  if (env.cur.curFrame > 0) {
    leaveFrame(env);
    return false;
  }
  checkReturnRange(env, 0);
  return true;
}
