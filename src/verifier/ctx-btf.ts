import { type BtfId, KIND_PTR, KIND_TYPE_TAG } from '../object/btf.ts';
import { ITERATOR_ARGS, TRACEPOINT_NULLS } from './ctx-btf-data.ts';
import type { Env } from './env.ts';
import type { TypeReader } from './kernel-types.ts';
import { hookIsTrusted } from './lsm.ts';
import { BTF_ID, BUF, MAYBE_NULL, PERCPU, RDONLY, SCALAR, TRUSTED, USER } from './reg.ts';
import { memberOf, STRUCT_OPS } from './struct-ops.ts';

/** Contexts that are the arguments of a kernel function: tracepoints with BTF, iterators, functions (kernel `btf_ctx_access`). */
const TRACING = 26;
const LSM = 29;
const TRACE_RAW_TP = 23;
const TRACE_FENTRY = 24;
const TRACE_FEXIT = 25;
const MODIFY_RETURN = 26;
const TRACE_ITER = 28;
/** Bytes of the context: twelve arguments. */
const CONTEXT_SIZE = 96;
/** `struct bpf_nf_ctx` of netfilter programs: two pointers. */
const NETFILTER = 32;
const NETFILTER_FIELDS = ['nf_hook_state', 'sk_buff'] as const;

export const hasBtfContext = ({ program }: Env): boolean => [TRACING, LSM, STRUCT_OPS, NETFILTER].includes(program.progType);

export interface ContextValue {
  readonly type: number;
  /** Structure behind a pointer. */
  readonly struct: BtfId;
}

const NUMBER: ContextValue = { type: SCALAR, struct: 0 };

interface Target {
  readonly name: string;
  readonly params: readonly { readonly name: string; readonly type: BtfId }[];
  readonly trusted: boolean;
  readonly isTracepoint: boolean;
}

/** Attach types of struct_ops programs are numbers of members. */
const isTracing = ({ program }: Env): boolean => program.progType === TRACING;
const isRawTracepoint = (env: Env): boolean => isTracing(env) && env.attachType === TRACE_RAW_TP;
const isIterator = (env: Env): boolean => isTracing(env) && env.attachType === TRACE_ITER;

function targetOf(env: Env, types: TypeReader): Target | null {
  const name = env.program.attachTo ?? '';
  const make = (func: string, params: Target['params'] | null, trusted: boolean): Target | null =>
    params ? { name: func, params, trusted, isTracepoint: isRawTracepoint(env) } : null;
  if (env.program.progType === LSM) return make(`bpf_lsm_${name}`, types.functionParams(`bpf_lsm_${name}`), hookIsTrusted(name));
  if (env.program.progType === STRUCT_OPS) {
    const member = memberOf(env);
    return member && make(member.name, member.params, true);
  }
  switch (env.attachType) {
    case TRACE_RAW_TP:
      return make(name, types.tracepointParams(name), true);
    case TRACE_ITER:
      return make(`bpf_iter_${name}`, types.functionParams(`bpf_iter_${name}`), true);
    case TRACE_FENTRY:
    case TRACE_FEXIT:
    case MODIFY_RETURN:
      return make(name, types.functionParams(name), false);
    default:
      return null;
  }
}

/** What a read of the context yields; null when it is not allowed. */
export function btfContext(env: Env, types: TypeReader, off: number, size: number, write: boolean): ContextValue | null {
  if (env.program.progType === NETFILTER) return netfilterContext(types, off, size, write);
  if (off < 0 || off >= CONTEXT_SIZE || write || off % size !== 0) return null;
  const target = targetOf(env, types);
  if (!target) {
    env.say('verifier here does not know what the program attaches to\n');
    return null;
  }
  const { btf } = types;
  if (off % 8 !== 0) {
    env.say(`func '${target.name}' offset ${off} is not multiple of 8\n`);
    return null;
  }
  const arg = argumentAt(types, target, off);
  const param = target.params[arg];
  if (!param) {
    if (arg === target.params.length && seesResult(env)) return NUMBER;
    env.say(`func '${target.name}' doesn't have ${arg + 1}-th argument\n`);
    return null;
  }
  const id = btf.skip(param.type);
  if (types.isScalar(id) || types.isStruct(id)) return NUMBER;
  const pointer = btf.at(id);
  if (pointer.kind !== KIND_PTR) {
    env.say(`func '${target.name}' arg${arg} '${pointer.name}' has type ${types.word(id)}. Only pointer access is allowed\n`);
    return null;
  }
  if (size !== 8) {
    env.say(`func '${target.name}' size ${size} must be 8\n`);
    return null;
  }
  const known = isIterator(env) ? ITERATOR_ARGS[env.program.attachTo ?? '']?.[off] : undefined;
  if (known === 'buf' || known === 'rdbuf') return { type: BUF | MAYBE_NULL | (known === 'rdbuf' ? RDONLY : 0), struct: 0 };
  const struct = btf.skip(pointer.type);
  if (struct === 0 || types.isInteger(struct)) return NUMBER;
  if (known) return { type: BTF_ID | MAYBE_NULL | (known === 'trusted' ? TRUSTED : 0), struct };
  return pointerArgument(env, types, target, arg, pointer.type, param.name);
}

/** Kernel `nf_is_valid_access`. */
function netfilterContext(types: TypeReader, off: number, size: number, write: boolean): ContextValue | null {
  const struct = NETFILTER_FIELDS[off / 8];
  return struct && size === 8 && !write ? { type: BTF_ID | TRUSTED, struct: types.structNamed(struct) } : null;
}

/** Programs that run behind the function, or in place of it, find its result behind the arguments. */
const seesResult = (env: Env): boolean =>
  env.program.progType === LSM || (isTracing(env) && (env.attachType === TRACE_FEXIT || env.attachType === MODIFY_RETURN));

/**
 * Number of the argument at an offset; structures take several words. Behind the arguments lies the result; tracepoints return nothing, but
 * the kernel still counts the argument that it keeps to itself (kernel `get_ctx_arg_idx`).
 */
function argumentAt(types: TypeReader, target: Target, off: number): number {
  let end = 0;
  for (let i = 0; i < target.params.length; i++) {
    end += Math.max(8, Math.ceil(types.btf.sizeOf(target.params[i]!.type) / 8) * 8);
    if (off < end) return i;
  }
  const count = target.params.length;
  if (off < end + 8) return count;
  return count + (target.isTracepoint ? 2 : 1);
}

function pointerArgument(env: Env, types: TypeReader, target: Target, arg: number, to: BtfId, paramName: string): ContextValue | null {
  const { btf } = types;
  let type = BTF_ID | (target.trusted ? TRUSTED : 0);
  if (paramName.endsWith('__nullable')) type |= MAYBE_NULL;
  let isError = false;
  if (isRawTracepoint(env)) {
    const marks = TRACEPOINT_NULLS[target.name]?.split(' ').find((mark) => mark.startsWith(String(arg)));
    if (marks?.includes('?')) type |= MAYBE_NULL;
    isError = marks?.includes('!') ?? false;
  }
  const tag = btf.at(to);
  if (tag.kind === KIND_TYPE_TAG && tag.name === 'user') type |= USER;
  if (tag.kind === KIND_TYPE_TAG && tag.name === 'percpu') type |= PERCPU;
  const struct = btf.skip(to);
  if (!types.isStruct(struct)) {
    env.say(`func '${target.name}' arg${arg} type ${types.word(struct)} is not a struct\n`);
    return null;
  }
  env.log.write(`func '${target.name}' arg${arg} has btf_id ${struct} type ${types.word(struct)} '${btf.at(struct).name}'\n`);
  const promotes = memberOf(env)?.promotes;
  if (promotes && type === (BTF_ID | TRUSTED) && btf.at(struct).name === promotes[0])
    return { type, struct: types.structNamed(promotes[1]) };
  if (!isError) return { type, struct };
  env.log.write(`marking pointer arg${arg} as scalar as it may encode error`);
  return NUMBER;
}
