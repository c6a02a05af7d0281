/** What libbpf's header of this name gives to programs, in our own words: sections, map definitions, attributes, printing. */
export const BPF_HELPERS_H = `#ifndef __BPF_HELPERS__
#define __BPF_HELPERS__
#include <linux/types.h>
#include <bpf/bpf_helper_defs.h>

#define SEC(name) __attribute__((section(name), used))

/* Attributes of a map are read from the types of a definition's members. */
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __array(name, val) typeof(val) *name[]
#define __ulong(name, val) enum { name##__value__ = val } name

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#ifndef __weak
#define __weak __attribute__((weak))
#endif
#ifndef __hidden
#define __hidden __attribute__((visibility("hidden")))
#endif
#ifndef __noreturn
#define __noreturn __attribute__((noreturn))
#endif
#define __kconfig __attribute__((section(".kconfig")))
#define __ksym __attribute__((section(".ksyms")))
#define __kptr __attribute__((btf_type_tag("kptr")))
#define __kptr_untrusted __attribute__((btf_type_tag("kptr_untrusted")))
#define __percpu_kptr __attribute__((btf_type_tag("percpu_kptr")))
#define __uptr __attribute__((btf_type_tag("uptr")))
#define __arg_ctx __attribute__((btf_decl_tag("arg:ctx")))
#define __arg_nonnull __attribute__((btf_decl_tag("arg:nonnull")))
#define __arg_nullable __attribute__((btf_decl_tag("arg:nullable")))
#define __arg_trusted __attribute__((btf_decl_tag("arg:trusted")))
#define __arg_arena __attribute__((btf_decl_tag("arg:arena")))
#ifndef likely
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif
#ifndef container_of
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#endif

/* The optimiser neither moves memory accesses over barrier() nor sees through barrier_var(). */
#ifndef barrier
#define barrier() __asm__ volatile("" ::: "memory")
#endif
#ifndef barrier_var
#define barrier_var(var) __asm__ volatile("" : "+r"(var))
#endif

#define bpf_ksym_exists(sym) ({ (bool)(&(sym)); })

enum libbpf_pin_type { LIBBPF_PIN_NONE, LIBBPF_PIN_BY_NAME };
enum libbpf_tristate { TRI_NO = 0, TRI_YES = 1, TRI_MODULE = 2 };

#define ___bpf_pick(_0, _1, _2, _3, _4, _5, _6, _7, _8, _9, _a, _b, _c, N, ...) N
#define ___bpf_narg(...) ___bpf_pick(_, ##__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define ___bpf_concat(a, b) a##b
#define ___bpf_apply(fn, n) ___bpf_concat(fn, n)
#define ___bpf_fill0(arr, p)
#define ___bpf_fill1(arr, p, x) arr[p] = (unsigned long long)(x)
#define ___bpf_fill2(arr, p, x, args...) arr[p] = (unsigned long long)(x); ___bpf_fill1(arr, p + 1, args)
#define ___bpf_fill3(arr, p, x, args...) arr[p] = (unsigned long long)(x); ___bpf_fill2(arr, p + 1, args)
#define ___bpf_fill4(arr, p, x, args...) arr[p] = (unsigned long long)(x); ___bpf_fill3(arr, p + 1, args)
#define ___bpf_fill5(arr, p, x, args...) arr[p] = (unsigned long long)(x); ___bpf_fill4(arr, p + 1, args)
#define ___bpf_fill6(arr, p, x, args...) arr[p] = (unsigned long long)(x); ___bpf_fill5(arr, p + 1, args)
#define ___bpf_fill7(arr, p, x, args...) arr[p] = (unsigned long long)(x); ___bpf_fill6(arr, p + 1, args)
#define ___bpf_fill8(arr, p, x, args...) arr[p] = (unsigned long long)(x); ___bpf_fill7(arr, p + 1, args)
#define ___bpf_fill9(arr, p, x, args...) arr[p] = (unsigned long long)(x); ___bpf_fill8(arr, p + 1, args)
#define ___bpf_fill10(arr, p, x, args...) arr[p] = (unsigned long long)(x); ___bpf_fill9(arr, p + 1, args)
#define ___bpf_fill11(arr, p, x, args...) arr[p] = (unsigned long long)(x); ___bpf_fill10(arr, p + 1, args)
#define ___bpf_fill12(arr, p, x, args...) arr[p] = (unsigned long long)(x); ___bpf_fill11(arr, p + 1, args)
#define ___bpf_fill(arr, args...) ___bpf_apply(___bpf_fill, ___bpf_narg(args))(arr, 0, args)

/* Up to three values go in registers, more in an array (kernel 5.16). */
#define ___bpf_printk_few(fmt, args...) \\
  ({ static const char ____fmt[] = fmt; bpf_trace_printk(____fmt, sizeof(____fmt), ##args); })
#define ___bpf_printk_many(fmt, args...) \\
  ({ static const char ____fmt[] = fmt; unsigned long long ____param[___bpf_narg(args)]; ___bpf_fill(____param, args); \\
     bpf_trace_vprintk(____fmt, sizeof(____fmt), ____param, sizeof(____param)); })
#define ___bpf_printk_for(...) \\
  ___bpf_pick(_, ##__VA_ARGS__, ___bpf_printk_many, ___bpf_printk_many, ___bpf_printk_many, ___bpf_printk_many, ___bpf_printk_many, \\
              ___bpf_printk_many, ___bpf_printk_many, ___bpf_printk_many, ___bpf_printk_many, ___bpf_printk_few, ___bpf_printk_few, \\
              ___bpf_printk_few, ___bpf_printk_few)
#define bpf_printk(fmt, args...) ___bpf_printk_for(args)(fmt, ##args)

/* A tail call by a constant index, in an order that the JIT makes a jump of. */
static inline __attribute__((always_inline)) void bpf_tail_call_static(void *ctx, const void *map, const __u32 slot)
{
  asm volatile("r1 = %[ctx]\\n\\tr2 = %[map]\\n\\tr3 = %[slot]\\n\\tcall 12"
               : : [ctx]"r"(ctx), [map]"r"(map), [slot]"i"(slot) : "r0", "r1", "r2", "r3", "r4", "r5");
}

#define BPF_SEQ_PRINTF(seq, fmt, args...) \\
  ({ static const char ___fmt[] = fmt; unsigned long long ___param[___bpf_narg(args)]; ___bpf_fill(___param, args); \\
     bpf_seq_printf(seq, ___fmt, sizeof(___fmt), ___param, sizeof(___param)); })
#define BPF_SNPRINTF(out, out_size, fmt, args...) \\
  ({ static const char ___fmt[] = fmt; unsigned long long ___param[___bpf_narg(args)]; ___bpf_fill(___param, args); \\
     bpf_snprintf(out, out_size, ___fmt, ___param, sizeof(___param)); })

struct bpf_iter_num;
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __weak __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __weak __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __weak __ksym;
#ifndef bpf_for
#define bpf_for(i, start, end) \\
  for (struct bpf_iter_num ___it __attribute__((aligned(8), cleanup(bpf_iter_num_destroy))), \\
       *___p __attribute__((unused)) = (bpf_iter_num_new(&___it, (start), (end)), (void)bpf_iter_num_destroy, (void *)0); \\
       ({ int *___t = bpf_iter_num_next(&___it); (___t && ((i) = *___t, (i) >= (start) && (i) < (end))); });)
#define bpf_repeat(n) \\
  for (struct bpf_iter_num ___it __attribute__((aligned(8), cleanup(bpf_iter_num_destroy))), \\
       *___p __attribute__((unused)) = (bpf_iter_num_new(&___it, 0, (n)), (void)bpf_iter_num_destroy, (void *)0); \\
       bpf_iter_num_next(&___it);)
#endif
#endif
`;
