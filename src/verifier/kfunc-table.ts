import { CALL, JMP, PSEUDO_KFUNC_CALL } from '../bpf/insn.ts';
import type { Insn } from '../bpf/program.ts';
import { KFUNC_ROWS } from './kfuncs-data.ts';
import { PROFILES } from './profile.ts';

/** The table of kernel functions in the form that the checks use. */

/** What a parameter or result is. */
export interface KfuncType {
  readonly kind: 'void' | 'scalar' | 'pointer';
  /** Of a pointer: what it points to. */
  readonly to: 'void' | 'scalar' | 'struct' | 'func' | 'other';
  /** Structure that a pointer points to. */
  readonly struct: string;
  /** Bytes of a scalar, of the scalar or of the structure of scalars behind a pointer; 0 for other structures, -1 for too deep ones. */
  readonly size: number;
}

export interface KfuncParam extends KfuncType {
  /** Suffix of the parameter's name: `szk`, `uninit`, `nullable`, …; '' for none. */
  readonly suffix: string;
}

export interface Kfunc {
  readonly name: string;
  readonly result: KfuncType;
  readonly params: readonly KfuncParam[];
  readonly acquires: boolean;
  readonly releases: boolean;
  readonly resultMayBeNull: boolean;
  readonly trustedArgs: boolean;
  readonly rcuArgs: boolean;
  readonly sleepable: boolean;
  readonly rcuProtected: boolean;
  readonly iterator: 'new' | 'next' | 'destroy' | null;
  readonly progTypes: ReadonlySet<number>;
  /** The result is 0 or a negative errno, as s32. */
  readonly isErrno?: boolean;
}

function parseType(text: string): KfuncType {
  const none = { to: 'void', struct: '', size: 0 } as const;
  if (text === 'void') return { ...none, kind: 'void' };
  if (!text.startsWith('*')) return { ...none, kind: 'scalar', size: Number(text.slice(1)) };
  const target = text.slice(1);
  if (target === 'void') return { ...none, kind: 'pointer' };
  if (target === 'func') return { ...none, kind: 'pointer', to: 'func' };
  if (/^i\d+$/.test(target)) return { kind: 'pointer', to: 'scalar', struct: '', size: Number(target.slice(1)) };
  if (target.startsWith('?')) return { kind: 'pointer', to: 'other', struct: '', size: Number(target.slice(1)) };
  const [struct, size] = target.split(':') as [string, string];
  return { kind: 'pointer', to: 'struct', struct, size: Number(size) };
}

function parseParam(text: string): KfuncParam {
  const at = text.search(
    /(?<=.)__(szk|sz|k|uninit|opt|ign|map|alloc|refcounted_kptr|nullable|str|iter|irq_flag|prog|rdonly_buf_size|rdwr_buf_size)$/,
  );
  return at < 0 ? { ...parseType(text), suffix: '' } : { ...parseType(text.slice(0, at)), suffix: text.slice(at + 2) };
}

function parseRanges(text: string): Set<number> {
  const set = new Set<number>();
  for (const part of text.split(',')) {
    const [from, to = from] = part.split('-').map(Number) as [number, number?];
    for (let i = from; i <= to!; i++) set.add(i);
  }
  return set;
}

const ITERATOR = { N: 'new', X: 'next', D: 'destroy' } as const;
const cache = new Map<string, Kfunc>();

/** A kernel function by name; undefined when no program may call it. */
export function kfuncNamed(name: string): Kfunc | undefined {
  const known = cache.get(name);
  if (known) return known;
  const row = Object.hasOwn(KFUNC_ROWS, name) ? KFUNC_ROWS[name] : undefined;
  if (!row) return undefined;
  const [result, params, flags, types] = row;
  const role = /[NXD]/.exec(flags)?.[0] as keyof typeof ITERATOR | undefined;
  const made: Kfunc = {
    name,
    result: parseType(result),
    params: params === '' ? [] : params.split(' ').map(parseParam),
    acquires: flags.includes('a'),
    releases: flags.includes('r'),
    resultMayBeNull: flags.includes('n'),
    // What is released must be trusted.
    trustedArgs: /[tr]/.test(flags),
    rcuArgs: flags.includes('c'),
    sleepable: flags.includes('s'),
    rcuProtected: flags.includes('p'),
    iterator: role ? ITERATOR[role] : null,
    progTypes: parseRanges(types),
  };
  cache.set(name, made);
  return made;
}

const TRACE_ITER = 28;
/** Sessions of kprobes and uprobes. */
const SESSIONS = new Set([56, 57]);

export interface KfuncCalls {
  readonly program: { readonly progType: number; readonly expectedAttachType: number; readonly kfuncCalls: ReadonlyMap<number, string> };
}

/** The function that the call at `idx` names, when the program may call it. */
export function kfuncAt(env: KfuncCalls, idx: number): Kfunc | undefined {
  const name = env.program.kfuncCalls.get(idx);
  const profile = PROFILES.get(env.program.progType);
  if (profile) return name === undefined ? undefined : profile.functionNamed(env.program.expectedAttachType, name);
  const kfunc = name === undefined ? undefined : kfuncNamed(name);
  if (!kfunc?.progTypes.has(env.program.progType)) return undefined;
  const { expectedAttachType } = env.program;
  if (kfunc.name === 'bpf_sock_destroy' && expectedAttachType !== TRACE_ITER) return undefined;
  return kfunc.name.startsWith('bpf_session_') && !SESSIONS.has(expectedAttachType) ? undefined : kfunc;
}

export const isKfuncCall = (insn: Insn): boolean => insn.opcode === (JMP | CALL) && insn.src === PSEUDO_KFUNC_CALL;

/** The call that decides whether a loop over an iterator goes on. */
export function isIterNext(env: KfuncCalls & { readonly insns: readonly Insn[] }, idx: number): boolean {
  return isKfuncCall(env.insns[idx]!) && kfuncAt(env, idx)?.iterator === 'next';
}

/** Functions that run a callback before they return, and those that leave one to run later. */
export const isSyncCallbackKfunc = (name: string): boolean => name === 'bpf_rbtree_add_impl';
export const isAsyncCallbackKfunc = (name: string): boolean =>
  name === 'bpf_wq_set_callback_impl' || name.startsWith('bpf_task_work_schedule_');

const GRAPH =
  /^bpf_(list_(push_(front|back)_impl|pop_(front|back)|front|back)|rbtree_(add_impl|remove|first|root|left|right)|refcount_acquire_impl)$/;

export const isGraphKfunc = (name: string): boolean => GRAPH.test(name);

/** Packet pointers are void behind the call (kernel `is_kfunc_pkt_changing`). */
export const changesPacket = (name: string): boolean => name === 'bpf_xdp_pull_data';

/** What may be called while a lock is held (kernel `kfunc_spin_allowed`). */
export const allowedUnderLock = (name: string): boolean => isGraphKfunc(name) || /^bpf_(iter_num_|res_spin_)/.test(name);
