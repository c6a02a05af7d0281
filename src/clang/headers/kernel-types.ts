/**
 * Structures of the kernel that tracing programs read, with the members that they name most. They carry `preserve_access_index`: offsets are the running kernel's when the
 * object is loaded, and only names and types must be right here. Members that are missing are added in a structure of one's own with a flavour (`task_struct___mine`).
 */
export const KERNEL_TYPES_H = `#ifndef __BPFORMER_KERNEL_TYPES_H__
#define __BPFORMER_KERNEL_TYPES_H__
#include <linux/types.h>
typedef int pid_t;
struct vlan_hdr {
  __be16 h_vlan_TCI;
  __be16 h_vlan_encapsulated_proto;
};
typedef unsigned int uid_t;
typedef unsigned int gid_t;
typedef unsigned short umode_t;
typedef unsigned int dev_t;
typedef long long loff_t;
typedef long ssize_t;
typedef unsigned int gfp_t;
typedef unsigned int fmode_t;
typedef long long ktime_t;
typedef unsigned long long sector_t;
typedef struct { uid_t val; } kuid_t;
typedef struct { gid_t val; } kgid_t;
enum { TASK_COMM_LEN = 16 };
struct module; struct pid; struct mnt_namespace; struct net; struct request; struct request_queue; struct gendisk; struct bio; struct page; struct kiocb; struct iov_iter;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct list_head { struct list_head *next, *prev; };
struct hlist_node { struct hlist_node *next, **pprev; };
struct qstr { union { struct { u32 hash; u32 len; }; u64 hash_len; }; const unsigned char *name; };
struct filename { const char *name; const char *uptr; };
struct super_block { dev_t s_dev; };
struct inode { umode_t i_mode; kuid_t i_uid; kgid_t i_gid; unsigned long i_ino; dev_t i_rdev; loff_t i_size; struct super_block *i_sb; };
struct dentry { struct dentry *d_parent; struct qstr d_name; struct inode *d_inode; };
struct vfsmount { struct dentry *mnt_root; struct super_block *mnt_sb; };
struct path { struct vfsmount *mnt; struct dentry *dentry; };
struct file { fmode_t f_mode; loff_t f_pos; unsigned int f_flags; struct inode *f_inode; struct path f_path; };
struct mm_struct { unsigned long start_code, end_code, start_data, end_data, start_brk, brk, start_stack, arg_start, arg_end, env_start, env_end; unsigned long total_vm; struct file *exe_file; };
struct cred { kuid_t uid; kgid_t gid; kuid_t euid; kgid_t egid; };
struct ns_common { unsigned int inum; };
struct uts_namespace { struct ns_common ns; };
struct pid_namespace { struct ns_common ns; };
struct nsproxy { struct uts_namespace *uts_ns; struct mnt_namespace *mnt_ns; struct net *net_ns; };
struct signal_struct { struct list_head thread_head; int nr_threads; };
struct task_struct {
  unsigned int flags;
  int on_cpu;
  int prio, static_prio, normal_prio;
  unsigned int policy;
  struct list_head tasks;
  struct mm_struct *mm, *active_mm;
  int exit_state, exit_code, exit_signal;
  pid_t pid, tgid;
  struct task_struct *real_parent, *parent;
  struct list_head children, sibling;
  struct task_struct *group_leader;
  u64 utime, stime;
  unsigned long nvcsw, nivcsw;
  u64 start_time, start_boottime;
  const struct cred *real_cred, *cred;
  char comm[16];
  struct nsproxy *nsproxy;
  struct signal_struct *signal;
};
struct sock_common {
  union { struct { __be32 skc_daddr; __be32 skc_rcv_saddr; }; };
  union { struct { __be16 skc_dport; __u16 skc_num; }; };
  unsigned short skc_family;
  volatile unsigned char skc_state;
  int skc_bound_dev_if;
  struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};
struct sk_buff;
struct sock { struct sock_common __sk_common; u16 sk_type, sk_protocol; int sk_rcvbuf, sk_sndbuf; u32 sk_mark; };
struct inet_sock { struct sock sk; __be32 inet_saddr; __be16 inet_sport; };
struct tcp_sock { u32 snd_cwnd, srtt_us, mdev_us, total_retrans, packets_out, lost_out; u64 bytes_received, bytes_acked; };
struct socket { short type; unsigned long flags; struct file *file; struct sock *sk; };
struct net_device { char name[16]; int ifindex; unsigned int mtu; };
struct sk_buff { struct net_device *dev; struct sock *sk; unsigned int len, data_len; __u16 mac_len, hdr_len; __be16 protocol; __u16 transport_header, network_header, mac_header; unsigned char *head, *data; };
struct linux_binprm { struct file *file; struct cred *cred; int argc, envc; const char *filename; };
struct trace_entry { unsigned short type; unsigned char flags, preempt_count; int pid; };
struct trace_event_raw_sys_enter { struct trace_entry ent; long id; unsigned long args[6]; char __data[0]; };
struct trace_event_raw_sys_exit { struct trace_entry ent; long id; long ret; char __data[0]; };
struct trace_event_raw_sched_switch { struct trace_entry ent; char prev_comm[16]; pid_t prev_pid; int prev_prio; long prev_state; char next_comm[16]; pid_t next_pid; int next_prio; char __data[0]; };
struct trace_event_raw_sched_process_template { struct trace_entry ent; pid_t pid; int prio; char __data[0]; };
struct trace_event_raw_sched_process_exec { struct trace_entry ent; u32 __data_loc_filename; pid_t pid, old_pid; char __data[0]; };
struct trace_event_raw_sched_process_fork { struct trace_entry ent; pid_t parent_pid, child_pid; char __data[0]; };
struct trace_event_raw_sched_wakeup_template { struct trace_entry ent; pid_t pid; int prio, target_cpu; char __data[0]; };
struct trace_event_raw_signal_generate { struct trace_entry ent; int sig, errno, code; char comm[16]; pid_t pid; int group, result; char __data[0]; };
struct trace_event_raw_inet_sock_set_state { struct trace_entry ent; const void *skaddr; int oldstate, newstate; __u16 sport, dport, family, protocol; __u8 saddr[4], daddr[4], saddr_v6[16], daddr_v6[16]; char __data[0]; };
#pragma clang attribute pop
#endif
`;

/** Memory functions of a known size: clang makes builtins of them, and the lowering writes them out. */
export const STRING_H = `#ifndef __BPFORMER_STRING_H__
#define __BPFORMER_STRING_H__
#ifndef memset
#define memset(dest, chr, n) __builtin_memset((dest), (chr), (n))
#define memcpy(dest, src, n) __builtin_memcpy((dest), (src), (n))
#define memmove(dest, src, n) __builtin_memmove((dest), (src), (n))
#define memcmp(a, b, n) __builtin_memcmp((a), (b), (n))
#endif
#endif
`;

/** What the kernel's own test programs call by this name: loops that may end early, and breaks out of them (kernel 6.9). */
export const BPF_EXPERIMENTAL_H = `#ifndef __BPFORMER_BPF_EXPERIMENTAL_H__
#define __BPFORMER_BPF_EXPERIMENTAL_H__
#include <bpf/bpf_helpers.h>
#ifndef can_loop
#define can_loop \\
  ({ __label__ l_break, l_go_on; bool ___may = true; \\
     asm volatile goto("may_goto %l[l_break]" : : : : l_break); goto l_go_on; l_break: ___may = false; l_go_on:; ___may; })
#define cond_break_label(label) \\
  ({ __label__ l_break, l_go_on; asm volatile goto("may_goto %l[l_break]" : : : : l_break); goto l_go_on; l_break: goto label; l_go_on:; })
#define cond_break \\
  ({ __label__ l_break, l_go_on; asm volatile goto("may_goto %l[l_break]" : : : : l_break); goto l_go_on; l_break: break; l_go_on:; })
#endif
#ifndef bpf_assert
extern void bpf_throw(__u64 cookie) __ksym;
#define bpf_assert(cond) do { if (!(cond)) bpf_throw(0); } while (0)
#define bpf_assert_with(cond, value) do { if (!(cond)) bpf_throw(value); } while (0)
#endif
#endif
`;
