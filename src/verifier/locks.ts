import { EACCES, EINVAL, type Env } from './env.ts';
import { inTreeCallback } from './graph.ts';
import type { Kfunc } from './kfunc-table.ts';
import { fieldsBehind, isLocalObject, LOCAL_LOCK } from './local-objects.ts';
import { pushPath } from './paths.ts';
import { boundsSync } from './range.ts';
import {
  ALLOC,
  AUX,
  BTF_ID,
  ID,
  isConst,
  MAP_VALUE,
  markNotInit,
  markUnknown,
  NON_OWN,
  OFF,
  REG,
  type Regs,
  S32_MAX,
  S32_MIN,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  TYPE,
  VALUE_HI,
  VALUE_LO,
} from './reg.ts';
import { isLock, type LockKind, State } from './state.ts';
import { toSigned } from './w64.ts';

/** Spin locks in map values and allocated objects: plain ones, one at a time, and resilient ones, which nest and can fail. */

/** A helper's lock argument (kernel `process_spin_lock`). */
export function checkSpinLock(env: Env, regno: number, take: boolean): void {
  if (inTreeCallback(env)) env.fail(EACCES, "can't spin_{lock,unlock} in rbtree cb\n");
  checkOffset(env, regno, 'bpf_spin');
  change(env, regno, 'lock', 'bpf_spin', take);
}

/** The lock argument of a kernel function for resilient locks. */
export function checkResilientLock(env: Env, kfunc: Kfunc, regno: number): void {
  const type = env.regs[regno * REG + TYPE]!;
  if (type !== MAP_VALUE && type !== (BTF_ID | ALLOC))
    env.fail(EINVAL, `arg#${regno - 1} doesn't point to map value or allocated object\n`);
  checkOffset(env, regno, 'bpf_res_spin');
  change(env, regno, kfunc.name.includes('irq') ? 'res_irq' : 'res', 'bpf_res_spin', takesResilient(kfunc.name));
}

export const takesResilient = (name: string): boolean => /^bpf_res_spin_lock(_irqsave)?$/.test(name);

/** Errors of the kernel (MAX_ERRNO). */
const MOST_ERRNO = 4095;

/** The way on when a resilient lock could not be taken: a negative number, and nothing held. */
export function pushFailedLock(env: Env): void {
  const r = pushPath(env, env.insnIdx + 1, env.insnIdx).frame.regs;
  for (let i = 0; i < 6; i++) markNotInit(r, i * REG);
  markUnknown(r, 0);
  r[S32_MIN] = r[SMIN_LO] = -MOST_ERRNO;
  r[S32_MAX] = r[SMAX_LO] = -1;
  r[SMIN_HI] = r[SMAX_HI] = -1;
  boundsSync(r, 0);
}

function checkOffset(env: Env, regno: number, word: string): void {
  if (!isConst(env.regs, regno * REG))
    env.fail(EINVAL, `R${regno} doesn't have constant offset. ${word}_lock has to be at the constant offset\n`);
}

/** The register's id and map name the lock. */
function change(env: Env, regno: number, kind: LockKind, word: string, take: boolean): void {
  const r = env.regs;
  const b = regno * REG;
  const isLocal = isLocalObject(r[b + TYPE]!);
  const ptr = isLocal ? LOCAL_LOCK : r[b + AUX]!;
  const at = fieldsBehind(env, r, b).find((field) => field.kind === `${word}_lock`)?.byteOff;
  if (at === undefined)
    env.fail(EINVAL, `${isLocal ? `local 'kptr'` : `map '${env.mapAt(r[b + AUX]!).name}'`} has no valid ${word}_lock\n`);
  const off = toSigned(r[b + VALUE_LO]!, r[b + VALUE_HI]!) + r[b + OFF]!;
  if (at !== off) env.fail(EINVAL, `off ${off} doesn't point to 'struct ${word}_lock' that is at ${at}\n`);
  if (take) acquire(env, r[b + ID]!, kind, ptr);
  else release(env, r, b, kind, word, ptr);
}

function acquire(env: Env, id: number, kind: LockKind, ptr: number): void {
  const { cur } = env;
  if (kind === 'lock') {
    if (cur.refs.some((ref) => ref.kind === 'lock')) env.fail(EINVAL, 'Locking two bpf_spin_locks are not allowed\n');
  } else if (cur.refs.some((ref) => isLock(ref) && ref.kind !== 'lock' && ref.id === id && ref.ptr === ptr)) {
    env.fail(EINVAL, 'Acquiring the same lock again, AA deadlock detected\n');
  }
  cur.refs = [...cur.refs, { kind, id, insnIdx: env.insnIdx, ptr }];
  cur.activeLocks++;
  cur.activeLockId = id;
  cur.activeLockPtr = ptr;
}

function release(env: Env, r: Regs, b: number, kind: LockKind, word: string, ptr: number): void {
  const { cur } = env;
  const id = r[b + ID]!;
  if (!cur.activeLocks) env.fail(EINVAL, `${word}_unlock without taking a lock\n`);
  const held = cur.refs.findIndex((ref) => ref.kind === kind && ref.id === id && ref.ptr === ptr);
  if (held < 0) env.fail(EINVAL, `${word}_unlock of different lock\n`);
  if (id !== cur.activeLockId || ptr !== cur.activeLockPtr) env.fail(EINVAL, `${word}_unlock cannot be out of order\n`);
  const outer = cur.refs.slice(0, held).filter(isLock).at(-1);
  cur.refs = cur.refs.filter((_, i) => i !== held);
  cur.activeLocks--;
  cur.activeLockId = outer?.id ?? 0;
  cur.activeLockPtr = outer?.ptr ?? -1;
  // What a list or tree owns may be gone once its lock is released.
  cur.forEachReg((x, at) => {
    if (x[at + TYPE]! & NON_OWN) State.invalidate(x, at, env.rules.leaksPointers);
  });
}
