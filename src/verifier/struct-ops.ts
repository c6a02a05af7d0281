import { type BtfId, KIND_FUNC, KIND_FUNC_PROTO, KIND_PTR, KIND_STRUCT } from '../object/btf.ts';
import { EACCES, EINVAL, ENOTSUPP, type Env } from './env.ts';
import type { TypeReader } from './kernel-types.ts';

/**
 * Programs that stand in for functions of a kernel structure (struct_ops). Which structures the kernel lets them into it says in its BTF
 * (`bpf_struct_ops_NAME`); which members, and what may be written, is code of the subsystem, here as data.
 */

export const STRUCT_OPS = 27;

interface Rules {
  /** Members that the kernel gives to nobody. */
  readonly unsupported: readonly string[];
  /** Members whose programs may sleep. */
  readonly sleepable?: readonly string[];
  /** A structure in the arguments that stands for a larger one. */
  readonly promotes?: readonly [from: string, to: string];
  /** Structure that programs may write to, and the fields (of it or of one that it begins with). */
  readonly writes: string;
  readonly fields?: readonly (readonly [struct: string, path: string])[];
}

const OPERATIONS: Readonly<Record<string, Rules>> = {
  // net/ipv4/bpf_tcp_ca.c
  tcp_congestion_ops: {
    unsupported: ['get_info'],
    promotes: ['sock', 'tcp_sock'],
    writes: 'tcp_sock',
    fields: [
      ['sock', 'sk_pacing_rate'],
      ['sock', 'sk_pacing_status'],
      ['inet_connection_sock', 'icsk_ca_priv'],
      ['inet_connection_sock', 'icsk_ack.pending'],
      ['tcp_sock', 'snd_cwnd'],
      ['tcp_sock', 'snd_cwnd_cnt'],
      ['tcp_sock', 'snd_cwnd_stamp'],
      ['tcp_sock', 'snd_ssthresh'],
      ['tcp_sock', 'ecn_flags'],
      ['tcp_sock', 'app_limited'],
    ],
  },
  // net/bpf/bpf_dummy_struct_ops.c
  bpf_dummy_ops: { unsupported: [], sleepable: ['test_sleepable'], writes: 'bpf_dummy_ops_state' },
};

export interface Member {
  readonly struct: string;
  readonly name: string;
  readonly params: readonly { readonly name: string; readonly type: BtfId }[];
  /** Type of the result; 0 for none. */
  readonly result: BtfId;
  readonly promotes: Rules['promotes'];
}

const members = new WeakMap<Env, Member | null>();

/** The member that the program stands in for; null for other programs. */
export function memberOf(env: Env): Member | null {
  return members.get(env) ?? null;
}

/** What the kernel says about a program's place before it looks at the code (kernel `check_struct_ops_btf_id`). */
export function checkStructOps(env: Env): void {
  const types = env.kernelTypes();
  const struct = env.program.attachTo;
  if (!env.gplCompatible) env.fail(EINVAL, 'struct ops programs must have a GPL compatible license\n');
  // Nothing says what it is for: the kernel refuses it without a word.
  if (struct === undefined) env.fail(ENOTSUPP, '');
  if (!types) env.refuse(EINVAL, "struct_ops programs are typed by the kernel's BTF, which is not at hand");
  const { btf } = types;
  const id = btf.find(KIND_STRUCT, struct);
  const rules = Object.hasOwn(OPERATIONS, struct) ? OPERATIONS[struct] : undefined;
  if (id === 0 || btf.find(KIND_STRUCT, `bpf_struct_ops_${struct}`) === 0)
    env.fail(ENOTSUPP, `attach_btf_id ${id} is not a supported struct\n`);
  if (!rules) env.refuse(EINVAL, `verifier here does not know the operations ${struct}`);
  const index = env.program.expectedAttachType;
  const member = btf.at(id).members[index];
  if (!member) env.fail(EINVAL, `attach to invalid member idx ${index} of struct ${struct}\n`);
  const pointer = btf.at(btf.skip(member.type));
  const proto = btf.at(btf.skip(pointer.type));
  if (pointer.kind !== KIND_PTR || proto.kind !== KIND_FUNC_PROTO)
    env.fail(EINVAL, `attach to invalid member ${member.name}(@idx ${index}) of struct ${struct}\n`);
  const mayNotSleep = rules.sleepable !== undefined && env.program.sleepable && !rules.sleepable.includes(member.name);
  if (rules.unsupported.includes(member.name) || mayNotSleep)
    env.fail(ENOTSUPP, `attach to unsupported member ${member.name} of struct ${struct}\n`);
  members.set(env, {
    struct,
    name: member.name,
    params: named(types, struct, member.name, proto.members),
    result: btf.skip(proto.type),
    promotes: rules.promotes,
  });
}

/** Names of the parameters are those of the kernel's stub, where there is one: suffixes in them say what may be null. */
function named(types: TypeReader, struct: string, member: string, params: Member['params']): Member['params'] {
  const stub = types.btf.at(types.btf.find(KIND_FUNC, `${struct}__${member}`));
  const names = types.btf.at(stub.type).members;
  return params.map((param, i) => ({ ...param, name: names[i]?.name ?? param.name }));
}

/** A program without a result returns whatever is in r0 (kernel `check_return_code`). */
export const returnsNothing = (env: Env): boolean => env.program.progType === STRUCT_OPS && memberOf(env)?.result === 0;

/** A write through a pointer to a kernel object (`btf_struct_access` of the operations). */
export function checkOperationWrite(env: Env, types: TypeReader, struct: string, off: number, size: number): void {
  const rules = OPERATIONS[memberOf(env)?.struct ?? ''];
  if (!rules) env.fail(EACCES, 'only read is supported\n');
  if (!rules.fields) {
    if (struct !== rules.writes) env.fail(EACCES, `only access to ${rules.writes} is supported\n`);
    const whole = types.btf.at(types.structNamed(struct)).size;
    if (off + size > whole) env.fail(EACCES, `write access for struct ${struct} at off ${off} with size ${size}\n`);
    return;
  }
  if (struct !== rules.writes) env.fail(EACCES, 'only read is supported\n');
  for (const [owner, path] of rules.fields) {
    const field = types.fieldAt(owner, path);
    if (!field) continue;
    // A place inside the private area counts, other fields are written from their beginning.
    const inside = path === PRIVATE ? off >= field.byteOff && off < field.byteOff + field.size : off === field.byteOff;
    if (!inside) continue;
    const end = field.byteOff + field.size;
    if (off + size > end) env.fail(EACCES, `write access at off ${off} with size ${size} beyond the member of ${struct} ended at ${end}\n`);
    return;
  }
  env.fail(EACCES, `no write support to ${struct} at off ${off}\n`);
}

const PRIVATE = 'icsk_ca_priv';

/** What a congestion control may call besides what all programs may: socket options and storage, acknowledgements, the coarse clock. */
const CONGESTION_HELPERS = new Set([49, 57, 107, 108, 116, 160]);
/** A congestion control's `release` may not touch socket options, nor read them. */
const SOCKET_OPTIONS = new Set([49, 57]);

/** Iterators over sockets of these kinds reach the socket's options (`get_func_proto` of the iterators). */
const SOCKET_ITERATORS = ['tcp', 'unix'];
const TRACING = 26;
const TRACE_ITER = 28;

/** Where the program stands allows it to call a helper. */
export function isHelperForPlace(env: Env, id: number): boolean {
  const { progType, attachTo = '' } = env.program;
  if (progType === TRACING && SOCKET_OPTIONS.has(id)) return env.attachType === TRACE_ITER && SOCKET_ITERATORS.includes(attachTo);
  const member = memberOf(env);
  if (!member) return true;
  if (CONGESTION_HELPERS.has(id) && member.struct !== 'tcp_congestion_ops') return false;
  return member.name !== 'release' || !SOCKET_OPTIONS.has(id);
}
