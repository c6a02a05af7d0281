import { helperName } from '../bpf/helper-names.ts';
import { EINVAL, type Env } from './env.ts';
import type { HelperProto } from './protos.ts';

/**
 * What the rules of other kernels and privileges do not cover yet: programs that attach to kernel functions, kernel functions other
 * than the iterator over numbers, and helpers that take dynptrs, timers or kernel pointers. They changed from version to version; a refusal of our own says so.
 */
const OBJECTS = new Set(['dynptr', 'timer', 'kptr']);
const NUM_ITERATOR = /^bpf_iter_num_(new|next|destroy)$/;

const isBase = ({ rules }: Env): boolean => rules.kernel === '6.18' && rules.leaksPointers;
const whose = ({ rules }: Env): string => `${rules.kernel}${rules.leaksPointers ? '' : ' without CAP_PERFMON'}`;

export function checkModelledHelper(env: Env, proto: HelperProto): void {
  if (isBase(env)) return;
  if (proto.args.some(({ kind }) => OBJECTS.has(kind)) || proto.result === 'dynptr_mem' || proto.id === USER_RINGBUF_DRAIN)
    env.fail(EINVAL, `verifier here does not know how ${helperName(proto.id)} is checked by ${whose(env)}\n`);
}

const USER_RINGBUF_DRAIN = 209;

export function checkModelledKfunc(env: Env, name: string): void {
  if (isBase(env)) return;
  if (NUM_ITERATOR.test(name) && env.rules.numIterator) return;
  env.fail(EINVAL, `verifier here does not know how kernel function ${name} is checked by ${whose(env)}\n`);
}

/** tracing, struct_ops, ext, LSM: what they see is typed by the kernel's own BTF. */
const BTF_TYPES = new Set([26, 27, 28, 29]);

export function checkModelledType(env: Env, name: string): void {
  if (isBase(env) || !BTF_TYPES.has(env.program.progType)) return;
  env.refuse(EINVAL, `verifier here does not know how ${name} programs are checked by ${whose(env)}`);
}
