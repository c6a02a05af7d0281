/** Byte order of networks on a little-endian machine. */
export const BPF_ENDIAN_H = `#ifndef __BPF_ENDIAN__
#define __BPF_ENDIAN__
#define bpf_htons(x) ((__be16)__builtin_bswap16(x))
#define bpf_ntohs(x) ((__u16)__builtin_bswap16(x))
#define bpf_htonl(x) ((__be32)__builtin_bswap32(x))
#define bpf_ntohl(x) ((__u32)__builtin_bswap32(x))
#define bpf_cpu_to_be64(x) ((__be64)__builtin_bswap64(x))
#define bpf_be64_to_cpu(x) ((__u64)__builtin_bswap64(x))
#define bpf_cpu_to_be32(x) bpf_htonl(x)
#define bpf_be32_to_cpu(x) bpf_ntohl(x)
#define bpf_cpu_to_be16(x) bpf_htons(x)
#define bpf_be16_to_cpu(x) bpf_ntohs(x)
#define __bpf_htons(x) bpf_htons(x)
#define __bpf_ntohs(x) bpf_ntohs(x)
#define __bpf_htonl(x) bpf_htonl(x)
#define __bpf_ntohl(x) bpf_ntohl(x)
#endif
`;

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);

/** `BPF_PROG(name, a, b)` gives each argument its type out of the array of numbers that such programs get. */
const castArgs = (prefix: string, item: (i: number) => string, most: number): string =>
  numbers(most + 1)
    .map((n) =>
      n === 0
        ? `#define ${prefix}0() ctx`
        : `#define ${prefix}${n}(${numbers(n)
            .map((i) => `a${i}`)
            .join(', ')}) ctx, ${numbers(n).map(item).join(', ')}`,
    )
    .join('\n');

/** Where system calls on x86-64 find their arguments. */
const SYSCALL_REGS = ['di', 'si', 'dx', 'r10', 'r8', 'r9'];

/** Arguments of traced functions on x86-64 (System V calling convention), and programs that name them. */
export const BPF_TRACING_H = `#ifndef __BPF_TRACING_H__
#define __BPF_TRACING_H__
#include <bpf/bpf_helpers.h>
#include <linux/ptrace.h>
#define PT_REGS_PARM1(x) ((x)->di)
#define PT_REGS_PARM2(x) ((x)->si)
#define PT_REGS_PARM3(x) ((x)->dx)
#define PT_REGS_PARM4(x) ((x)->cx)
#define PT_REGS_PARM5(x) ((x)->r8)
#define PT_REGS_PARM6(x) ((x)->r9)
#define PT_REGS_PARM1_SYSCALL(x) PT_REGS_PARM1(x)
#define PT_REGS_PARM2_SYSCALL(x) PT_REGS_PARM2(x)
#define PT_REGS_PARM3_SYSCALL(x) PT_REGS_PARM3(x)
#define PT_REGS_PARM4_SYSCALL(x) ((x)->r10)
#define PT_REGS_PARM5_SYSCALL(x) PT_REGS_PARM5(x)
#define PT_REGS_RC(x) ((x)->ax)
#define PT_REGS_RET(x) ((x)->sp)
#define PT_REGS_FP(x) ((x)->bp)
#define PT_REGS_SP(x) ((x)->sp)
#define PT_REGS_IP(x) ((x)->ip)

${castArgs('___bpf_ctx_cast', (i) => `(void *)ctx[${i}]`, 10)}
#define ___bpf_ctx_cast(args...) ___bpf_apply(___bpf_ctx_cast, ___bpf_narg(args))(args)
#define BPF_PROG(name, args...) \\
name(unsigned long long *ctx); \\
static __always_inline typeof(name(0)) ____##name(unsigned long long *ctx, ##args); \\
typeof(name(0)) name(unsigned long long *ctx) \\
{ _Pragma("clang diagnostic push") _Pragma("clang diagnostic ignored \\"-Wint-conversion\\"") \\
  return ____##name(___bpf_ctx_cast(args)); _Pragma("clang diagnostic pop") } \\
static __always_inline typeof(name(0)) ____##name(unsigned long long *ctx, ##args)

${castArgs('___bpf_kprobe_args', (i) => `(void *)PT_REGS_PARM${i + 1}(ctx)`, 5)}
#define ___bpf_kprobe_args(args...) ___bpf_apply(___bpf_kprobe_args, ___bpf_narg(args))(args)
#define BPF_KPROBE(name, args...) \\
name(struct pt_regs *ctx); \\
static __always_inline typeof(name(0)) ____##name(struct pt_regs *ctx, ##args); \\
typeof(name(0)) name(struct pt_regs *ctx) \\
{ _Pragma("clang diagnostic push") _Pragma("clang diagnostic ignored \\"-Wint-conversion\\"") \\
  return ____##name(___bpf_kprobe_args(args)); _Pragma("clang diagnostic pop") } \\
static __always_inline typeof(name(0)) ____##name(struct pt_regs *ctx, ##args)
#define ___bpf_kretprobe_args0() ctx
#define ___bpf_kretprobe_args1(x) ctx, (void *)PT_REGS_RC(ctx)
#define BPF_KRETPROBE(name, args...) \\
name(struct pt_regs *ctx); \\
static __always_inline typeof(name(0)) ____##name(struct pt_regs *ctx, ##args); \\
typeof(name(0)) name(struct pt_regs *ctx) \\
{ _Pragma("clang diagnostic push") _Pragma("clang diagnostic ignored \\"-Wint-conversion\\"") \\
  return ____##name(___bpf_apply(___bpf_kretprobe_args, ___bpf_narg(args))(args)); _Pragma("clang diagnostic pop") } \\
static __always_inline typeof(name(0)) ____##name(struct pt_regs *ctx, ##args)
/* Entries of system calls get the registers of the caller as their only argument. */
#define ___bpf_kernel_reg(field) ({ unsigned long __reg = 0; bpf_probe_read_kernel(&__reg, sizeof(__reg), &(field)); __reg; })
${castArgs('___bpf_syscall_args', (i) => `(void *)___bpf_kernel_reg(regs->${SYSCALL_REGS[i]})`, 6)}
#define ___bpf_syscall_args(args...) ___bpf_apply(___bpf_syscall_args, ___bpf_narg(args))(args)
#define BPF_KSYSCALL(name, args...) \\
name(struct pt_regs *ctx); \\
static __always_inline typeof(name(0)) ____##name(struct pt_regs *ctx, ##args); \\
typeof(name(0)) name(struct pt_regs *ctx) \\
{ struct pt_regs *regs = (struct pt_regs *)PT_REGS_PARM1(ctx); (void)regs; \\
  _Pragma("clang diagnostic push") _Pragma("clang diagnostic ignored \\"-Wint-conversion\\"") \\
  return ____##name(___bpf_syscall_args(args)); _Pragma("clang diagnostic pop") } \\
static __always_inline typeof(name(0)) ____##name(struct pt_regs *ctx, ##args)
#define BPF_KPROBE_SYSCALL BPF_KSYSCALL
#define BPF_UPROBE(name, args...) BPF_KPROBE(name, ##args)
#define BPF_URETPROBE(name, args...) BPF_KRETPROBE(name, ##args)
#endif
`;

/** `BPF_CORE_READ(p, a, b, c)` follows one pointer after another with a relocated read each. */
const reads = (name: string, read: string): string => {
  const letters = 'abcdefghi'.slice(0, 9).split('');
  return letters
    .map((_, i) => {
      const args = letters.slice(0, i + 1);
      const steps = args.map((field, at) => {
        const from = at === 0 ? 'src' : `__t${at - 1}`;
        const path = at === 0 ? `(src)->${field}` : `((typeof(${typePath(args.slice(0, at))}))__t${at - 1})->${field}`;
        return at === i
          ? `${read}(&__r, sizeof(__r), &${path});`
          : `const void *__t${at}; ${read}(&__t${at}, sizeof(__t${at}), &${path}); (void)${from};`;
      });
      return `#define ___${name}${i + 1}(src, ${args.join(', ')}) ({ typeof(${typePath(args)}) __r; ${steps.join(' ')} __r; })`;
    })
    .join('\n');
};
const typePath = (fields: readonly string[]): string => `(src)->${fields.join('->')}`;

export const BPF_CORE_READ_H = `#ifndef __BPF_CORE_READ_H__
#define __BPF_CORE_READ_H__
#include <bpf/bpf_helpers.h>
enum bpf_field_info_kind {
  BPF_FIELD_BYTE_OFFSET, BPF_FIELD_BYTE_SIZE, BPF_FIELD_EXISTS, BPF_FIELD_SIGNED, BPF_FIELD_LSHIFT_U64, BPF_FIELD_RSHIFT_U64
};
enum bpf_type_id_kind { BPF_TYPE_ID_LOCAL, BPF_TYPE_ID_TARGET };
enum bpf_type_info_kind { BPF_TYPE_EXISTS, BPF_TYPE_SIZE, BPF_TYPE_MATCHES };
enum bpf_enum_value_kind { BPF_ENUMVAL_EXISTS, BPF_ENUMVAL_VALUE };
#define __CORE_RELO(src, field, info) __builtin_preserve_field_info((src)->field, BPF_FIELD_##info)
#define ___bpf_field_ref1(field) (field)
#define ___bpf_field_ref2(type, field) (((typeof(type) *)0)->field)
#define ___bpf_field_ref(args...) ___bpf_apply(___bpf_field_ref, ___bpf_narg(args))(args)
#define bpf_core_field_exists(field...) __builtin_preserve_field_info(___bpf_field_ref(field), BPF_FIELD_EXISTS)
#define bpf_core_field_size(field...) __builtin_preserve_field_info(___bpf_field_ref(field), BPF_FIELD_BYTE_SIZE)
#define bpf_core_field_offset(field...) __builtin_preserve_field_info(___bpf_field_ref(field), BPF_FIELD_BYTE_OFFSET)
#define bpf_core_type_id_local(type) __builtin_btf_type_id(*(typeof(type) *)0, BPF_TYPE_ID_LOCAL)
#define bpf_core_type_id_kernel(type) __builtin_btf_type_id(*(typeof(type) *)0, BPF_TYPE_ID_TARGET)
#define bpf_core_type_exists(type) __builtin_preserve_type_info(*(typeof(type) *)0, BPF_TYPE_EXISTS)
#define bpf_core_type_matches(type) __builtin_preserve_type_info(*(typeof(type) *)0, BPF_TYPE_MATCHES)
#define bpf_core_type_size(type) __builtin_preserve_type_info(*(typeof(type) *)0, BPF_TYPE_SIZE)
#define bpf_core_enum_value_exists(type, value) __builtin_preserve_enum_value(*(typeof(type) *)(value), BPF_ENUMVAL_EXISTS)
#define bpf_core_enum_value(type, value) __builtin_preserve_enum_value(*(typeof(type) *)(value), BPF_ENUMVAL_VALUE)
#define bpf_core_cast(ptr, type) ((typeof(type) *)bpf_rdonly_cast((ptr), bpf_core_type_id_kernel(type)))
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __weak __ksym;
#define bpf_core_read(dst, size, src) bpf_probe_read_kernel(dst, size, (const void *)__builtin_preserve_access_index(src))
#define bpf_core_read_user(dst, size, src) bpf_probe_read_user(dst, size, (const void *)__builtin_preserve_access_index(src))
#define bpf_core_read_str(dst, size, src) bpf_probe_read_kernel_str(dst, size, (const void *)__builtin_preserve_access_index(src))
#define BPF_CORE_READ_BITFIELD_PROBED(s, field) ({ unsigned long long val = 0; \\
  bpf_probe_read_kernel(&val, __CORE_RELO(s, field, BYTE_SIZE), (const char *)(s) + __CORE_RELO(s, field, BYTE_OFFSET)); \\
  val <<= __CORE_RELO(s, field, LSHIFT_U64); \\
  if (__CORE_RELO(s, field, SIGNED)) val = ((long long)val) >> __CORE_RELO(s, field, RSHIFT_U64); \\
  else val = val >> __CORE_RELO(s, field, RSHIFT_U64); val; })
${reads('core_read', 'bpf_core_read')}
#define BPF_CORE_READ(src, a, ...) ___bpf_apply(___core_read, ___bpf_narg(a, ##__VA_ARGS__))(src, a, ##__VA_ARGS__)
#define BPF_CORE_READ_INTO(dst, src, a, ...) ({ *(dst) = BPF_CORE_READ(src, a, ##__VA_ARGS__); 0; })
${reads('core_read_user', 'bpf_core_read_user')}
#define BPF_CORE_READ_USER(src, a, ...) ___bpf_apply(___core_read_user, ___bpf_narg(a, ##__VA_ARGS__))(src, a, ##__VA_ARGS__)
${reads('probe_read', 'bpf_probe_read_kernel')}
#define BPF_PROBE_READ(src, a, ...) ___bpf_apply(___probe_read, ___bpf_narg(a, ##__VA_ARGS__))(src, a, ##__VA_ARGS__)
${reads('probe_read_user', 'bpf_probe_read_user')}
#define BPF_PROBE_READ_USER(src, a, ...) ___bpf_apply(___probe_read_user, ___bpf_narg(a, ##__VA_ARGS__))(src, a, ##__VA_ARGS__)
#endif
`;
