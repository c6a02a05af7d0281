import type { InsnIdx } from '../base/units.ts';
import './accelerator.ts';
import type { Program } from '../bpf/program.ts';
import { progTypeName } from '../bpf/progtypes.ts';
import type { StateRow, VerifyOptions, VerifyResult } from './api.ts';
import {
  CfgWalk,
  checkAbnormalReturn,
  checkEncoding,
  checkStackDepth,
  checkSubprogs,
  computePostorder,
  computeScc,
  findSubprogs,
  noteFlow,
} from './cfg.ts';
import { checkAddressesLive, liveFunctions } from './deadcode.ts';
import { E2BIG, EINVAL, Env, EPERM, LIMIT_INSNS, Rejection } from './env.ts';
import { exploreFunction, Stopped } from './explore.ts';
import { growForLoops, markFastcallPatterns, settleFastcallStack } from './fastcall.ts';
import { checkDeviceFunctions } from './kfuncs.ts';
import { computeLiveRegs } from './liveness.ts';
import { prepareLoads } from './range.ts';
import { setRangeRules } from './range-rules.ts';
import { Snapshots } from './snapshots.ts';
import { trimSpare } from './state.ts';
import { checkStructOps, STRUCT_OPS } from './struct-ops.ts';
import { checkModelledType } from './unmodelled.ts';

/** Says about a program what the verifier of a kernel says to a user of some privilege; `rules.ts` holds how they differ. */
export function verify(program: Program, options: VerifyOptions): VerifyResult {
  return toEnd(judge(new Env(program, options)));
}

/**
 * As {@link verify}, in slices of a few milliseconds: a worker can hear a message before it asks for the next one, and need not ask. The
 * result comes with the last.
 */
export function verifyInSlices(program: Program, options: VerifyOptions): Generator<void, VerifyResult> {
  const env = new Env(program, options);
  env.pauses = true;
  return judge(env);
}

function* judge(env: Env): Generator<void, VerifyResult> {
  const startedMs = performance.now();
  const { options } = env;
  const snapshots = options.recordStates ? new Snapshots(env, options.recordVisits) : null;
  env.onVisit = snapshots ? (idx) => snapshots.take(idx) : null;
  let errno = 0;
  let stopped = false;
  try {
    yield* passes(env);
  } catch (e) {
    if (e instanceof Stopped) stopped = true;
    else if (e instanceof Rejection) errno = e.errno;
    else throw e;
  } finally {
    trimSpare();
  }
  return finish(env, errno, stopped, snapshots, startedMs);
}

function toEnd<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** All passes over the program, in the kernel's order. Throws {@link Rejection} or {@link Stopped}; `env` then holds what was known. */
export function runPasses(env: Env): void {
  toEnd(passes(env));
}

/** What one kernel's rules change in the arithmetic that all verifications share: another one may have run during a pause. */
function takeTurn(env: Env): void {
  setRangeRules(env.rules.ranges);
  prepareLoads();
}

function* passes(env: Env): Generator<void, void> {
  takeTurn(env);
  const count = env.insns.length;
  // Neither the kernel's verifier nor this one has a say: a loader gives up before.
  if (env.program.unloadable !== undefined) env.refuse(EINVAL, `cannot be judged: ${env.program.unloadable}`);
  if (count === 0 || count > env.rules.limitInsns) env.fail(E2BIG, '');
  checkPrivilege(env);
  checkDeviceFunctions(env);
  findSubprogs(env);
  checkSubprogs(env);
  checkAbnormalReturn(env);
  checkEncoding(env);
  new CfgWalk(env).run();
  noteFlow(env);
  computePostorder(env);
  checkAttach(env);
  computeScc(env);
  computeLiveRegs(env);
  markFastcallPatterns(env);
  yield* resumed(env, exploreFunction(env, 0));
  yield* exploreGlobals(env);
  settleFastcallStack(env);
  env.atEnd = true;
  checkStackDepth(env);
  growForLoops(env);
  checkAddressesLive(env);
  if (env.namelessCall) env.fail(EINVAL, 'invalid kernel function call not eliminated in verifier pass\n');
}

function* resumed(env: Env, work: Generator<void, void>): Generator<void, void> {
  while (!work.next().done) {
    yield;
    takeTurn(env);
  }
}

/** What needs no privilege at all: socket filters and cgroup skb programs. */
const OPEN_TYPES = new Set([1, 8]);
/** What CAP_PERFMON guards: programs that look into the kernel (kernel `is_perfmon_prog_type`). */
const PERFMON_TYPES = new Set([2, 5, 7, 17, 24, 26, 27, 28, 29]);

/** Program types that the kernel or the user does not have: refused before verification, without a log (kernel `bpf_prog_load`). */
function checkPrivilege(env: Env): void {
  const { progType } = env.program;
  const { rules } = env;
  const type = progTypeName(progType);
  if (env.profile) return;
  if (progType > rules.maxProgType) env.refuse(EINVAL, `Linux ${rules.kernel} has no ${type} programs`);
  if (!rules.bpfCapable && !OPEN_TYPES.has(progType)) env.refuse(EPERM, `${type} programs need CAP_BPF`);
  if (!rules.leaksPointers && PERFMON_TYPES.has(progType)) env.refuse(EPERM, `${type} programs need CAP_PERFMON`);
  checkModelledType(env, type);
  const map = env.maps.find(({ type: kind }) => kind > rules.maxMapType);
  if (map) env.refuse(EINVAL, `Linux ${rules.kernel} has no maps of type ${map.type}`);
}

const SYSCALL = 31;
const TRACING = 26;
/** The first of the attach types that name no function; 6.18 has none of them. */
const TRACE_FENTRY_MULTI = 59;
/** fentry, fexit, fmod_ret, iter. */
const SLEEPABLE_TRACING = new Set([24, 25, 26, 28]);

/** Only some kinds of programs may sleep (kernel `check_attach_btf_id`). */
function checkAttach(env: Env): void {
  const { progType, sleepable } = env.program;
  env.insnIdx = 0;
  if (progType === SYSCALL) {
    if (!sleepable) env.fail(EINVAL, 'Syscall programs can only be sleepable\n');
    return;
  }
  checkSleep(env);
  if (progType === TRACING && env.attachType >= TRACE_FENTRY_MULTI) env.fail(EINVAL, 'Tracing programs must provide btf_id\n');
  if (progType === STRUCT_OPS) checkStructOps(env);
}

function checkSleep(env: Env): void {
  const { progType, sleepable } = env.program;
  if (!sleepable || env.rules.sleepableTypes.includes(progType) || (progType === TRACING && SLEEPABLE_TRACING.has(env.attachType))) return;
  env.fail(EINVAL, 'Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable\n');
}

/** Global functions are verified once each, when verified code calls them. */
function* exploreGlobals(env: Env): Generator<void, void> {
  if (env.exceptionCallback >= 0) env.subprogs[env.exceptionCallback]!.called = true;
  for (let again = true; again; ) {
    again = false;
    for (const [i, sub] of env.subprogs.entries()) {
      if (!sub.isGlobal || (!sub.called && env.rules.lazyGlobals) || sub.verified) continue;
      yield* resumed(env, exploreFunction(env, i));
      if (env.log.paths) env.log.write(`Func#${i} ('${sub.name}') is safe for any args that match its prototype\n`);
      sub.verified = true;
      again = true;
    }
  }
}

function finish(env: Env, errno: number, stopped: boolean, snapshots: Snapshots | null, startedMs: number): VerifyResult {
  const { log } = env;
  const accepted = errno === 0 && !stopped;
  const depths = (accepted || env.deadRemoved ? liveFunctions(env) : env.subprogs).map((s) => s.stackDepth);
  // The kernel adds a function of its own that ends a program in which an exception was thrown.
  if (accepted && env.seenException && env.exceptionCallback < 0) depths.push(0);
  const stackDepth = depths.join('+');
  if (log.level & 4) log.write(`verification time ${Math.round((performance.now() - startedMs) * 1000)} usec\nstack depth ${stackDepth}\n`);
  log.write(
    `processed ${env.processed} insns (limit ${LIMIT_INSNS}) max_states_per_insn ${env.maxStatesPerInsn} total_states ${env.totalStates} peak_states ${env.peakStates} mark_read 0\n`,
  );
  let text: string | null = null;
  const lines = env.said.split('\n').filter((l) => l !== '');
  return {
    accepted,
    message: accepted ? null : stopped ? 'stopped' : (lines[lines.length - 1] ?? ''),
    insnIdx: accepted || env.atEnd ? null : env.insnIdx,
    errno,
    processed: env.processed,
    maxStatesPerInsn: env.maxStatesPerInsn,
    totalStates: env.totalStates,
    peakStates: env.peakStates,
    markRead: 0,
    stackDepth,
    get log() {
      text ??= log.text();
      return text;
    },
    logBytes: () => log.bytes(),
    visits: env.visits,
    states: env.kept,
    stateBefore: (insnIdx: InsnIdx, visit?: number): readonly StateRow[] | null => snapshots?.rows(insnIdx, visit) ?? null,
  };
}
