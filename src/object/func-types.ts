import type { ArgType, Subprog } from '../bpf/program.ts';
import { PROG_TYPE_KPROBE, PROG_TYPE_XDP } from '../bpf/progtypes.ts';
import {
  type Btf,
  type BtfId,
  type BtfType,
  KIND_DECL_TAG,
  KIND_ENUM,
  KIND_ENUM64,
  KIND_FUNC,
  KIND_FUNC_PROTO,
  KIND_FWD,
  KIND_INT,
  KIND_PTR,
  KIND_STRUCT,
  KIND_TYPEDEF,
  kindWord,
  LINKAGE_GLOBAL,
} from './btf.ts';

/** Names by which the kernel knows a context (btf_get_prog_ctx_type: the type of the program's context in user space). */
const CONTEXT_NAMES: Readonly<Record<number, string | readonly string[]>> = {
  [PROG_TYPE_XDP]: 'xdp_md',
  [PROG_TYPE_KPROBE]: ['bpf_user_pt_regs_t', 'pt_regs'],
  1: '__sk_buff',
  3: '__sk_buff',
  4: '__sk_buff',
  7: 'bpf_perf_event_data',
  8: '__sk_buff',
  9: 'bpf_sock',
  10: '__sk_buff',
  11: '__sk_buff',
  12: '__sk_buff',
  13: 'bpf_sock_ops',
  14: '__sk_buff',
  15: 'bpf_cgroup_dev_ctx',
  16: 'sk_msg_md',
  17: 'bpf_raw_tracepoint_args',
  18: 'bpf_sock_addr',
  19: '__sk_buff',
  21: 'sk_reuseport_md',
  22: '__sk_buff',
  23: 'bpf_sysctl',
  24: 'bpf_raw_tracepoint_args',
  25: 'bpf_sockopt',
  30: 'bpf_sk_lookup',
};

/** `arg:…` declaration tags of BTF by function and argument. */
export function argTags(btf: Btf): ReadonlyMap<string, ReadonlySet<string>> {
  const tags = new Map<string, Set<string>>();
  for (const type of btf.types) {
    if (type.kind !== KIND_DECL_TAG || !type.name.startsWith('arg:')) continue;
    const key = `${type.type}/${type.extra}`;
    const list = tags.get(key) ?? new Set();
    list.add(type.name.slice(4));
    tags.set(key, list);
  }
  return tags;
}

const EXCEPTION_CALLBACK = 'exception_callback:';

/** Names in `exception_callback:…` declaration tags of a function. */
export function exceptionCallbacks(btf: Btf, funcId: BtfId): string[] {
  return btf.types
    .filter((type) => type.kind === KIND_DECL_TAG && type.type === funcId && type.extra === -1 && type.name.startsWith(EXCEPTION_CALLBACK))
    .map((type) => type.name.slice(EXCEPTION_CALLBACK.length));
}

/** True when a pointer leads to the context structure of the program type, through typedefs that bear its name. */
function pointsToContext(btf: Btf, pointee: BtfId, progType: number): boolean {
  const names = CONTEXT_NAMES[progType];
  if (names === undefined) return false;
  let id = pointee;
  for (let depth = 0; depth < 64; depth++) {
    const type = btf.at(id);
    if (
      (typeof names === 'string' ? type.name === names : names.includes(type.name)) &&
      (type.kind === KIND_STRUCT || type.kind === KIND_TYPEDEF)
    )
      return true;
    const next = type.kind === KIND_TYPEDEF || btf.skip(id) !== id ? type.type : 0;
    if (next === 0) return false;
    id = next;
  }
  return false;
}

/** A function takes five arguments; a few more are kept so that the verifier can refuse them. */
const MAX_ARGS = 8;

const NO_TAGS: ReadonlySet<string> = new Set();

/** What follows three underscores is a flavour of the kernel's structure. */
const kernelName = ({ name }: BtfType): string => name.replace(/___.*$/s, '');

/** Read as memory of any size, not as an object of the kernel. */
const isPlain = ({ kind }: BtfType): boolean => kind === 0 || isScalar(kind);

const isScalar = (kind: number): boolean => kind === KIND_INT || kind === KIND_ENUM || kind === KIND_ENUM64;

/** What the kernel's btf_prepare_func_args makes of a BTF function; undefined fields where BTF has no such function. */
export function functionTypes(
  btf: Btf,
  tags: ReadonlyMap<string, ReadonlySet<string>>,
  funcId: BtfId,
  progType: number,
): Pick<Subprog, 'args' | 'returns' | 'unfit'> & { readonly isGlobal: boolean } {
  const func = btf.at(funcId);
  const proto = btf.at(func.type);
  if (func.kind !== KIND_FUNC || proto.kind !== KIND_FUNC_PROTO) return { isGlobal: false };
  const args = proto.members.slice(0, MAX_ARGS).map((param, component): ArgType => {
    const id = btf.skip(param.type);
    const type = btf.at(id);
    const tagged = tags.get(`${funcId}/${component}`);
    if (isScalar(type.kind)) return { kind: 'scalar' };
    // Anything else that is no pointer the kernel refuses; size 0 says that nothing is known of it.
    if (type.kind !== KIND_PTR) return { kind: 'mem', size: 0, nonNull: false };
    if (tagged?.has('ctx') || pointsToContext(btf, type.type, progType)) return { kind: 'ctx' };
    const target = btf.at(btf.skip(type.type));
    if (target.kind === KIND_STRUCT && target.name === 'bpf_dynptr') return { kind: 'dynptr' };
    if (tagged?.has('trusted')) return { kind: 'btf', struct: kernelName(target), mayBeNull: tagged.has('nullable') };
    if (tagged?.has('untrusted')) return { kind: 'untrusted', ...(isPlain(target) ? {} : { struct: kernelName(target) }) };
    if (tagged?.has('arena')) return { kind: 'arena' };
    return { kind: 'mem', size: btf.sizeOf(type.type), nonNull: tagged?.has('nonnull') ?? false };
  });
  const unfit = objection(btf, func.name, proto, args, (component) => tags.get(`${funcId}/${component}`) ?? NO_TAGS);
  return {
    args,
    returns: btf.skip(proto.type) === 0 ? 'void' : 'scalar',
    isGlobal: func.extra === LINKAGE_GLOBAL,
    ...(unfit ? { unfit } : {}),
  };
}

/** A call has at most five arguments. */
const MOST_PASSED = 5;

/** What the kernel says against a prototype; null for one that it takes. */
function objection(
  btf: Btf,
  name: string,
  proto: BtfType,
  args: readonly ArgType[],
  tagsOf: (component: number) => ReadonlySet<string>,
): string | null {
  const count = proto.members.length;
  if (count > MOST_PASSED) return `Global function ${name}() with ${count} > ${MOST_PASSED} args. Buggy compiler.`;
  if (!isScalar(btf.at(btf.skip(proto.type)).kind)) return `Global function ${name}() doesn't return scalar. Only those are supported.`;
  for (const [i, arg] of args.entries()) {
    const wrong = tagObjection(i, arg, btf.at(btf.skip(proto.members[i]!.type)).kind === KIND_PTR, tagsOf(i));
    if (wrong) return wrong;
    if (arg.kind !== 'mem') continue;
    const type = btf.at(btf.skip(proto.members[i]!.type));
    if (type.kind !== KIND_PTR) return `Arg#${i} type ${kindWord(type.kind)} in ${name}() is not supported yet.`;
    const target = btf.at(btf.skip(type.type));
    if (!HAS_NO_SIZE.has(target.kind)) continue;
    return `arg#${i} reference type('${kindWord(target.kind)} ${target.name}') size cannot be determined: -22`;
  }
  return null;
}

/** Tags that the kernel knows; each kind of argument goes with few of them. */
const KNOWN_TAGS = new Set(['ctx', 'nonnull', 'trusted', 'untrusted', 'nullable', 'arena']);

/** What the kernel says against the tags of an argument. */
function tagObjection(i: number, arg: ArgType, isPointer: boolean, tags: ReadonlySet<string>): string | null {
  const allows = (...kinds: readonly string[]): boolean => [...tags].every((tag) => kinds.includes(tag));
  if (!allows(...KNOWN_TAGS)) return `arg#${i} has unsupported set of tags`;
  if (!isPointer) return tags.size === 0 ? null : `arg#${i} has pointer tag, but is not a pointer type`;
  const invalid = `arg#${i} has invalid combination of tags`;
  switch (arg.kind) {
    case 'ctx':
      return allows('ctx') ? null : invalid;
    case 'dynptr':
      return tags.size === 0 ? null : invalid;
    case 'btf':
      return tags.has('nonnull') ? invalid : null;
    case 'untrusted':
      return allows('untrusted') ? null : `arg#${i} untrusted cannot be combined with any other tags`;
    case 'arena':
      return allows('arena') ? null : `arg#${i} arena cannot be combined with any other tags`;
    default:
      return tags.has('nullable') ? invalid : null;
  }
}

const HAS_NO_SIZE = new Set([0, KIND_FWD, KIND_FUNC, KIND_FUNC_PROTO]);
