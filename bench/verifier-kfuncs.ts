/**
 * The table of kernel functions: `npm run long verifier-kfuncs` asks the running kernel which functions programs may call (BTF declaration
 * tag `bpf_kfunc`), with what prototypes, and which program types it lets call each, and writes src/verifier/kfuncs-data.ts.
 * The flags are those of the kernel's registration tables; the kernel's own answers confirm them in kfuncs.kernel.test.ts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Insn, Program } from '../src/bpf/program.ts';
import { openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import {
  type Btf,
  type BtfId,
  KIND_ARRAY,
  KIND_DECL_TAG,
  KIND_ENUM,
  KIND_ENUM64,
  KIND_FUNC_PROTO,
  KIND_INT,
  KIND_PTR,
  KIND_STRUCT,
  KIND_UNION,
  readBtf,
} from '../src/object/btf.ts';

/** a acquires · r releases · n result may be null · t trusted arguments · c trusted or RCU arguments · s may sleep · p iterator needs RCU · N X D iterator's new, next, destroy. */
const FLAGS: Readonly<Record<string, string>> = {
  t: 'bpf_ct_change_status bpf_ct_change_timeout bpf_ct_set_nat_info bpf_ct_set_status bpf_ct_set_timeout bpf_dynptr_from_skb bpf_dynptr_from_skb_meta bpf_map_sum_elem_count bpf_path_d_path bpf_send_signal_task bpf_sk_assign_tcp_reqsk bpf_sock_destroy bpf_sock_ops_enable_tx_tstamp bpf_stream_vprintk_impl bpf_task_work_schedule_resume_impl bpf_task_work_schedule_signal_impl bpf_xdp_metadata_rx_hash bpf_xdp_metadata_rx_timestamp bpf_xdp_metadata_rx_vlan_tag',
  ts: 'bpf_arena_alloc_pages bpf_arena_free_pages bpf_arena_reserve_pages bpf_get_dentry_xattr bpf_get_file_xattr bpf_set_dentry_xattr bpf_remove_dentry_xattr bpf_copy_from_user_task_dynptr bpf_copy_from_user_task_str_dynptr',
  s: 'bpf_copy_from_user_dynptr bpf_copy_from_user_str bpf_copy_from_user_str_dynptr bpf_copy_from_user_task_str css_rstat_flush',
  acn: 'bpf_cgroup_acquire bpf_cgroup_ancestor bpf_crypto_ctx_acquire bpf_refcount_acquire_impl bpf_task_acquire bpf_task_get_cgroup1',
  an: 'bpf_cgroup_from_id bpf_cpumask_create bpf_list_pop_back bpf_list_pop_front bpf_lookup_system_key bpf_obj_new_impl bpf_percpu_obj_new_impl bpf_rbtree_remove bpf_skb_ct_alloc bpf_skb_ct_lookup bpf_task_from_pid bpf_task_from_vpid bpf_xdp_ct_alloc bpf_xdp_ct_lookup bpf_xdp_get_xfrm_state',
  ans: 'bpf_crypto_ctx_create bpf_lookup_user_key',
  ant: 'bpf_get_task_exe_file',
  arn: 'bpf_ct_insert_entry',
  at: 'bpf_cpumask_acquire',
  c: 'bpf_cgroup_read_xattr bpf_cpumask_and bpf_cpumask_any_and_distribute bpf_cpumask_any_distribute bpf_cpumask_clear bpf_cpumask_clear_cpu bpf_cpumask_copy bpf_cpumask_empty bpf_cpumask_equal bpf_cpumask_first bpf_cpumask_first_and bpf_cpumask_first_zero bpf_cpumask_full bpf_cpumask_intersects bpf_cpumask_or bpf_cpumask_populate bpf_cpumask_set_cpu bpf_cpumask_setall bpf_cpumask_subset bpf_cpumask_test_and_clear_cpu bpf_cpumask_test_and_set_cpu bpf_cpumask_test_cpu bpf_cpumask_weight bpf_cpumask_xor bpf_crypto_decrypt bpf_crypto_encrypt bpf_task_under_cgroup',
  n: 'bpf_dynptr_slice bpf_dynptr_slice_rdwr bpf_get_kmem_cache bpf_list_back bpf_list_front bpf_rbtree_first bpf_rbtree_left bpf_rbtree_right bpf_rbtree_root bpf_res_spin_lock bpf_res_spin_lock_irqsave',
  r: 'bpf_cgroup_release bpf_cpumask_release bpf_crypto_ctx_release bpf_ct_release bpf_key_put bpf_kfunc_call_memb_release bpf_kfunc_call_test_release bpf_obj_drop_impl bpf_percpu_obj_drop_impl bpf_put_file bpf_task_release bpf_xdp_xfrm_state_release',
  N: 'bpf_iter_bits_new bpf_iter_num_new',
  Nt: 'bpf_iter_css_task_new',
  Ntp: 'bpf_iter_css_new bpf_iter_task_new',
  Nc: 'bpf_iter_task_vma_new',
  Ns: 'bpf_iter_dmabuf_new bpf_iter_kmem_cache_new',
  Xn: 'bpf_iter_bits_next bpf_iter_css_next bpf_iter_css_task_next bpf_iter_num_next bpf_iter_task_next bpf_iter_task_vma_next',
  Xns: 'bpf_iter_dmabuf_next bpf_iter_kmem_cache_next',
  D: 'bpf_iter_bits_destroy bpf_iter_css_destroy bpf_iter_css_task_destroy bpf_iter_num_destroy bpf_iter_task_destroy bpf_iter_task_vma_destroy',
  Ds: 'bpf_iter_dmabuf_destroy bpf_iter_kmem_cache_destroy',
};

/** Attach types that the kernel wants before it looks at the instructions. */
const ATTACH: Readonly<Record<number, number>> = { 9: 2, 15: 6, 18: 8, 21: 39, 23: 18, 25: 21, 30: 36, 32: 45 };
const TRACEPOINT = 5;
const SYSCALL = 31;
const LSM = 29;
const TRACING = 26;
const STRUCT_OPS = 27;
const EXTENSION = 28;
const LIRC = 20;
/** Types that cannot be loaded without a kernel function to attach to, or with a context that no machine here has. */
const UNMEASURED = [LIRC, TRACING, STRUCT_OPS, EXTENSION, LSM];
/** Functions for iterator programs, which no test load here can be. */
const ITERATORS_ONLY = new Set(['bpf_sock_destroy']);
/** Functions of program and attach types that no test load here can be: their sets in the kernel's source. */
const SETS: readonly (readonly [names: RegExp, types: readonly number[]])[] = [
  [/^(bbr|cubictcp|dctcp)_|^tcp_(reno_|slow_start$|cong_avoid_ai$)/, [STRUCT_OPS]],
  [/^bpf_session_(cookie|is_return)$/, [2]],
  [/^bpf_(get_task_exe_file|put_file|path_d_path|(get|set|remove)_(dentry|file)_xattr)$/, [LSM]],
];
const MOST_NESTED = 3;

/** Bytes of a structure that is made of scalars alone, 0 for any other, -1 when it nests too deep to tell (kernel `__btf_type_is_scalar_struct`). */
function scalarSize(btf: Btf, id: BtfId, depth = 0): number {
  const type = btf.at(id);
  if (type.kind !== KIND_STRUCT && type.kind !== KIND_UNION) return 0;
  for (const member of type.members) {
    let at = btf.skip(member.type);
    if (btf.at(at).kind === KIND_STRUCT || btf.at(at).kind === KIND_UNION) {
      if (depth >= MOST_NESTED) return -1;
      const inner = scalarSize(btf, at, depth + 1);
      if (inner <= 0 && btf.at(at).size > 0) return inner;
      continue;
    }
    if (btf.at(at).kind === KIND_ARRAY) {
      if (btf.at(at).elements === 0) return 0;
      at = btf.skip(btf.at(at).type);
    }
    if (!isScalar(btf, at)) return 0;
  }
  return type.size;
}

const isScalar = (btf: Btf, id: BtfId): boolean => [KIND_INT, KIND_ENUM, KIND_ENUM64].includes(btf.at(id).kind);

/** A type in the table's notation. */
function typeText(btf: Btf, id: BtfId): string {
  const at = btf.skip(id);
  if (at === 0) return 'void';
  if (isScalar(btf, at)) return `i${btf.at(at).size}`;
  if (btf.at(at).kind !== KIND_PTR) return '?';
  const to = btf.skip(btf.at(at).type);
  if (to === 0) return '*void';
  if (isScalar(btf, to)) return `*i${btf.at(to).size}`;
  const target = btf.at(to);
  if (target.kind === KIND_FUNC_PROTO) return '*func';
  if (target.kind === KIND_STRUCT || target.kind === KIND_UNION) return `*${target.name}:${scalarSize(btf, to)}`;
  return `*?${btf.sizeOf(to)}`;
}

/** Name suffixes that mean something to the verifier (Documentation/bpf/kfuncs.rst). */
const SUFFIX = /__(szk|sz|k|uninit|opt|ign|map|alloc|refcounted_kptr|nullable|str|iter|irq_flag|prog)$/;
const BUFFER_SIZE = /^(rdonly|rdwr)_buf_size$/;

function prototypeText(btf: Btf, func: BtfId): [result: string, params: string] {
  const proto = btf.at(btf.at(func).type);
  const params = proto.members.map((param) => {
    const suffix = SUFFIX.exec(param.name)?.[1] ?? (BUFFER_SIZE.test(param.name) ? param.name : '');
    return typeText(btf, param.type) + (suffix ? `__${suffix}` : '');
  });
  return [typeText(btf, proto.type), params.join(' ')];
}

function caller(name: string, progType: number): Program {
  const insn = (opcode: number, src = 0): Insn => ({ opcode, dst: 0, src, off: 0, imm: 0 });
  const insns = [insn(0x85, 2), insn(0xb7), insn(0x95)];
  return {
    name: 'probe',
    section: '',
    progType,
    expectedAttachType: ATTACH[progType] ?? 0,
    sleepable: progType === SYSCALL,
    loadFlags: 0,
    license: 'GPL',
    insns,
    subprogs: [{ name: 'main', start: 0, linkage: 'global' }],
    maps: [],
    lineInfo: [],
    origins: [],
    insnOrigins: insns.map(() => []),
    kfuncCalls: new Map([[0, name]]),
  };
}

function ranges(types: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < types.length; ) {
    let j = i;
    while (types[j + 1] === types[j]! + 1) j++;
    parts.push(i === j ? String(types[i]) : `${types[i]}-${types[j]}`);
    i = j + 1;
  }
  return parts.join();
}

const MOST_TYPES = 32;

export default async function measure(): Promise<unknown> {
  const kernel = await openKernel();
  if (!kernel) throw new Error(`no kernel: ${whyNoKernel()}`);
  const btf = readBtf(new Uint8Array(readFileSync('/sys/kernel/btf/vmlinux')), 'vmlinux');
  const flagsOf = new Map(Object.entries(FLAGS).flatMap(([flags, names]) => names.split(' ').map((name) => [name, flags] as const)));
  const functions = btf.types.filter((t) => t.kind === KIND_DECL_TAG && t.name === 'bpf_kfunc').map((t) => t.type);
  const rows: string[] = [];
  for (const func of functions.sort((a, b) => (btf.at(a).name < btf.at(b).name ? -1 : 1))) {
    const { name } = btf.at(func);
    const types: number[] = [];
    for (let type = 1; type <= MOST_TYPES; type++) {
      if (UNMEASURED.includes(type)) continue;
      const { log } = await kernel.load(caller(name, type), { logLevel: 1, logSize: 1 << 16 });
      if (!log.includes(`calling kernel function ${name} is not allowed`)) types.push(type);
    }
    if (ITERATORS_ONLY.has(name)) types.push(TRACING);
    types.push(...SETS.flatMap(([names, list]) => (names.test(name) ? list : [])));
    if (types.length === 0) continue;
    const isCommon = types.length === MOST_TYPES - UNMEASURED.length;
    // Tracing and LSM programs share the tracepoints' set; struct_ops programs have their own, which those for tracing are registered for too.
    if (isCommon) types.push(...UNMEASURED);
    else if (types.includes(TRACEPOINT)) types.push(TRACING, STRUCT_OPS, LSM);
    const [result, params] = prototypeText(btf, func);
    rows.push(`  ${name}: ['${result}', '${params}', '${flagsOf.get(name) ?? ''}', '${ranges(types.sort((a, b) => a - b))}'],`);
  }
  kernel.close();
  const text = `/**
 * Kernel functions that programs may call on 6.18: result, parameters, flags, program types. Written by \`npm run long verifier-kfuncs\`.
 *
 * Types: \`iN\` a scalar of N bytes, \`*iN\` a pointer to one, \`*NAME:SIZE\` a pointer to a structure (SIZE bytes when it holds scalars alone,
 * else 0, or -1 where it nests too deep), \`*void\`, \`*func\`; then \`__\` and the suffix of the parameter's name. Flags: \`a\` acquires, \`r\` releases,
 * \`n\` the result may be null, \`t\` trusted arguments, \`c\` trusted or RCU arguments, \`s\` may sleep, \`p\` an iterator that needs RCU, \`N\`, \`X\`, \`D\`
 * an iterator's new, next and destroy.
 */
export type KfuncRow = readonly [result: string, params: string, flags: string, progTypes: string];

export const KFUNC_ROWS: Readonly<Record<string, KfuncRow>> = {
${rows.join('\n')}
};
`;
  writeFileSync(fileURLToPath(new URL('../src/verifier/kfuncs-data.ts', import.meta.url)), text);
  return { functions: rows.length };
}
