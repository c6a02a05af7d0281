/**
 * Helper prototypes as the verifier sees them: result, arguments, flags. Facts of the 6.18 kernel in our own notation.
 *
 * Result: `int`, `void`, or a pointer kind; `?` may be null. Argument kinds: `any`, `ctx`, `map`, `key` (of that map),
 * `value` (of that map), `mem` with the `size` or `size0` (zero allowed) that follows, `fixed:N`, `btf:TYPE`, `sk` (socket
 * by BTF), `stack`, `func`, … with marks `?` may be null, `!` need not be initialised, `w` written, `r` only read,
 * `a` aligned, `^` released. Flags: `g` GPL only, `p` accepts packet pointers, `s` may sleep, `f` keeps its caller-saved registers.
 */
export type ProtoRow = readonly [result: string, args: string, flags?: string];

export const PROTO_ROWS: Readonly<Record<number, ProtoRow>> = {
  1: ['map_value?', 'map key', 'p'], // map_lookup_elem
  2: ['int', 'map key value any', 'p'], // map_update_elem
  3: ['int', 'map key', 'p'], // map_delete_elem
  4: ['int', 'mem!w size0 any', 'g'], // probe_read
  5: ['int', ''], // ktime_get_ns
  6: ['int', 'memr size', 'g'], // trace_printk
  7: ['int', ''], // get_prandom_u32
  8: ['int', '', 'f'], // get_smp_processor_id
  9: ['int', 'ctx any memr size any'], // skb_store_bytes
  10: ['int', 'ctx any any any any'], // l3_csum_replace
  11: ['int', 'ctx any any any any'], // l4_csum_replace
  12: ['void', 'ctx map any'], // tail_call
  13: ['int', 'ctx any any'], // clone_redirect
  14: ['int', ''], // get_current_pid_tgid
  15: ['int', ''], // get_current_uid_gid
  16: ['int', 'mem!w size'], // get_current_comm
  17: ['int', ''], // get_cgroup_classid
  18: ['int', 'ctx any any'], // skb_vlan_push
  19: ['int', 'ctx'], // skb_vlan_pop
  20: ['int', 'ctx mem!w size any'], // skb_get_tunnel_key
  21: ['int', 'ctx memr size any'], // skb_set_tunnel_key
  22: ['int', 'map any', 'g'], // perf_event_read
  23: ['int', 'any any'], // redirect
  24: ['int', 'ctx'], // get_route_realm
  25: ['int', 'ctx map any memr size0', 'g'], // perf_event_output
  26: ['int', 'ctx any mem!w size'], // skb_load_bytes
  27: ['int', 'ctx map any', 'g'], // get_stackid
  28: ['int', 'mem?r size0 mem?r size0 any', 'p'], // csum_diff
  29: ['int', 'ctx mem!w size'], // skb_get_tunnel_opt
  30: ['int', 'ctx memr size'], // skb_set_tunnel_opt
  31: ['int', 'ctx any any'], // skb_change_proto
  32: ['int', 'ctx any'], // skb_change_type
  33: ['int', 'ctx map any'], // skb_under_cgroup
  34: ['int', 'ctx'], // get_hash_recalc
  35: ['int', '', 'g'], // get_current_task
  36: ['int', 'any memr size', 'g'], // probe_write_user
  37: ['int', 'map any'], // current_task_under_cgroup
  38: ['int', 'ctx any any'], // skb_change_tail
  39: ['int', 'ctx any'], // skb_pull_data
  40: ['int', 'ctx any'], // csum_update
  41: ['int', 'ctx'], // set_hash_invalid
  42: ['int', ''], // get_numa_node_id
  43: ['int', 'ctx any any'], // skb_change_head
  44: ['int', 'ctx any'], // xdp_adjust_head
  45: ['int', 'mem!w size0 any', 'g'], // probe_read_str
  46: ['int', 'ctx'], // get_socket_cookie
  47: ['int', 'ctx'], // get_socket_uid
  48: ['int', 'ctx any'], // set_hash
  49: ['int', 'sk any any memr size'], // setsockopt
  50: ['int', 'ctx any any any'], // skb_adjust_room
  51: ['int', 'map any any'], // redirect_map
  52: ['int', 'ctx map any any'], // sk_redirect_map
  53: ['int', 'ctx map key any', 'p'], // sock_map_update
  54: ['int', 'ctx any'], // xdp_adjust_meta
  55: ['int', 'map any mem!w size', 'g'], // perf_event_read_value
  56: ['int', 'ctx mem!w size', 'g'], // perf_prog_read_value
  57: ['int', 'sk any any mem!w size'], // getsockopt
  58: ['int', 'ctx any', 'g'], // override_return
  59: ['int', 'ctx any'], // sock_ops_cb_flags_set
  60: ['int', 'ctx map any any'], // msg_redirect_map
  61: ['int', 'ctx any'], // msg_apply_bytes
  62: ['int', 'ctx any'], // msg_cork_bytes
  63: ['int', 'ctx any any any'], // msg_pull_data
  64: ['int', 'ctx memr size'], // bind
  65: ['int', 'ctx any'], // xdp_adjust_tail
  66: ['int', 'ctx any mem!w size any'], // skb_get_xfrm_state
  67: ['int', 'ctx mem!w size0 any', 'g'], // get_stack
  68: ['int', 'ctx any mem!w size any'], // skb_load_bytes_relative
  69: ['int', 'ctx memw size any', 'g'], // fib_lookup
  70: ['int', 'ctx map key any', 'p'], // sock_hash_update
  71: ['int', 'ctx map key any'], // msg_redirect_hash
  72: ['int', 'ctx map key any'], // sk_redirect_hash
  73: ['int', 'ctx any memr size'], // lwt_push_encap
  74: ['int', 'ctx any memr size'], // lwt_seg6_store_bytes
  75: ['int', 'ctx any any'], // lwt_seg6_adjust_srh
  76: ['int', 'ctx any memr size'], // lwt_seg6_action
  79: ['int', 'ctx'], // skb_cgroup_id
  80: ['int', ''], // get_current_cgroup_id
  81: ['map_value', 'map any'], // get_local_storage
  82: ['int', 'ctx map key any'], // sk_select_reuseport
  83: ['int', 'ctx any'], // skb_ancestor_cgroup_id
  84: ['socket?', 'ctx memr size0 any any', 'p'], // sk_lookup_tcp
  85: ['socket?', 'ctx memr size0 any any', 'p'], // sk_lookup_udp
  86: ['int', 'sk^'], // sk_release
  87: ['int', 'map value any', 'p'], // map_push_elem
  88: ['int', 'map value!w'], // map_pop_elem
  89: ['int', 'map value!w'], // map_peek_elem
  90: ['int', 'ctx any any any'], // msg_push_data
  91: ['int', 'ctx any any any'], // msg_pop_data
  93: ['void', 'spin_lock'], // spin_lock
  94: ['void', 'spin_lock'], // spin_unlock
  95: ['socket?', 'sock_common'], // sk_fullsock
  96: ['tcp_sock?', 'sock_common'], // tcp_sock
  97: ['int', 'ctx'], // skb_ecn_set_ce
  98: ['socket?', 'sock_common'], // get_listener_sock
  99: ['sock_common?', 'ctx memr size0 any any', 'p'], // skc_lookup_tcp
  100: ['int', 'sk memr size memr size', 'gp'], // tcp_check_syncookie
  101: ['int', 'ctx memw size any'], // sysctl_get_name
  102: ['int', 'ctx mem!w size'], // sysctl_get_current_value
  103: ['int', 'ctx mem!w size'], // sysctl_get_new_value
  104: ['int', 'ctx memr size'], // sysctl_set_new_value
  105: ['int', 'memr size any fixed!wa:8'], // strtol
  106: ['int', 'memr size any fixed!wa:8'], // strtoul
  107: ['map_value?', 'map sk value? any'], // sk_storage_get
  108: ['int', 'map sk'], // sk_storage_delete
  109: ['int', 'any'], // send_signal
  110: ['int', 'sk memr size memr size', 'gp'], // tcp_gen_syncookie
  111: ['int', 'btf:sk_buff map any memr size0', 'g'], // skb_output
  112: ['int', 'mem!w size0 any', 'g'], // probe_read_user
  113: ['int', 'mem!w size0 any', 'g'], // probe_read_kernel
  114: ['int', 'mem!w size0 any', 'g'], // probe_read_user_str
  115: ['int', 'mem!w size0 any', 'g'], // probe_read_kernel_str
  116: ['int', 'btf:tcp_sock any'], // tcp_send_ack
  117: ['int', 'any'], // send_signal_thread
  118: ['int', ''], // jiffies64
  119: ['int', 'ctx mem?w size0 any', 'g'], // read_branch_records
  120: ['int', 'any any mem!w size'], // get_ns_current_pid_tgid
  121: ['int', 'btf:xdp_buff map any memr size0', 'g'], // xdp_output
  122: ['int', 'ctx?'], // get_netns_cookie
  123: ['int', 'any'], // get_current_ancestor_cgroup_id
  124: ['int', 'ctx sk any'], // sk_assign
  125: ['int', ''], // ktime_get_boot_ns
  126: ['int', 'btf:seq_file memr size mem?r size0', 'g'], // seq_printf
  127: ['int', 'btf:seq_file memr size0', 'g'], // seq_write
  128: ['int', 'sk'], // sk_cgroup_id
  129: ['int', 'sk any'], // sk_ancestor_cgroup_id
  130: ['int', 'map memr size0 any'], // ringbuf_output
  131: ['ringbuf_mem?', 'map alloc_size any'], // ringbuf_reserve
  132: ['void', 'ringbuf_mem^ any'], // ringbuf_submit
  133: ['void', 'ringbuf_mem^ any'], // ringbuf_discard
  134: ['int', 'map any'], // ringbuf_query
  135: ['int', 'ctx any'], // csum_level
  136: ['btf:tcp6_sock?', 'sk'], // skc_to_tcp6_sock
  137: ['btf:tcp_sock?', 'sk'], // skc_to_tcp_sock
  138: ['btf:tcp_timewait_sock?', 'sk'], // skc_to_tcp_timewait_sock
  139: ['btf:tcp_request_sock?', 'sk'], // skc_to_tcp_request_sock
  140: ['btf:udp6_sock?', 'sk'], // skc_to_udp6_sock
  141: ['int', 'btf:task_struct mem!w size0 any'], // get_task_stack
  142: ['int', 'ctx memw size any'], // load_hdr_opt
  143: ['int', 'ctx memr size any'], // store_hdr_opt
  144: ['int', 'ctx any any'], // reserve_hdr_opt
  145: ['map_value?', 'map btf?:inode value? any'], // inode_storage_get
  146: ['int', 'map btf?:inode'], // inode_storage_delete
  147: ['int', 'btf:path memw size0'], // d_path
  148: ['int', 'mem!w size0 any', 's'], // copy_from_user
  149: ['int', 'memw size memr size any'], // snprintf_btf
  150: ['int', 'btf:seq_file memr size0 any', 'g'], // seq_printf_btf
  151: ['int', 'ctx'], // skb_cgroup_classid
  152: ['int', 'any mem?r size0 any'], // redirect_neigh
  153: ['mem_or_btf?', 'percpu_btf any'], // per_cpu_ptr
  154: ['mem_or_btf', 'percpu_btf'], // this_cpu_ptr
  155: ['int', 'any any'], // redirect_peer
  156: ['map_value?', 'map btf?:task_struct value? any'], // task_storage_get
  157: ['int', 'map btf?:task_struct'], // task_storage_delete
  158: ['btf_trusted:task_struct', '', 'g'], // get_current_task_btf
  159: ['int', 'btf:linux_binprm any'], // bprm_opts_set
  160: ['int', ''], // ktime_get_coarse_ns
  161: ['int', 'btf:inode mem!w size', 's'], // ima_inode_hash
  162: ['btf:socket?', 'btf:file'], // sock_from_file
  163: ['int', 'ctx any fixedwa:4 any any', 'g'], // check_mtu
  164: ['int', 'map func stack? any'], // for_each_map_elem
  165: ['int', 'mem?w size0 str mem?r size0', 'g'], // snprintf
  166: ['int', 'any memr size', 's'], // sys_bpf
  167: ['int', 'memr size any any', 's'], // btf_find_by_name_kind
  168: ['int', 'any', 's'], // sys_close
  169: ['int', 'timer map any', 'g'], // timer_init
  170: ['int', 'timer func', 'g'], // timer_set_callback
  171: ['int', 'timer any any', 'g'], // timer_start
  172: ['int', 'timer', 'g'], // timer_cancel
  173: ['int', 'ctx', 'g'], // get_func_ip
  174: ['int', 'ctx'], // get_attach_cookie
  175: ['btf:pt_regs', 'btf:task_struct', 'g'], // task_pt_regs
  176: ['int', 'mem!w size0', 'g'], // get_branch_snapshot
  177: ['int', 'memr size mem?r size0', 'g'], // trace_vprintk
  178: ['btf:unix_sock?', 'sk'], // skc_to_unix_sock
  179: ['int', 'mem size0 any fixed!wa:8'], // kallsyms_lookup_name
  180: ['int', 'btf:task_struct any func stack? any'], // find_vma
  181: ['int', 'any func stack? any'], // loop
  182: ['int', 'memr size str'], // strncmp
  183: ['int', 'ctx any fixed!wa:8'], // get_func_arg
  184: ['int', 'ctx fixed!wa:8'], // get_func_ret
  185: ['int', 'ctx'], // get_func_arg_cnt
  186: ['int', ''], // get_retval
  187: ['int', 'any'], // set_retval
  188: ['int', 'ctx'], // xdp_get_buff_len
  189: ['int', 'ctx any mem!w size'], // xdp_load_bytes
  190: ['int', 'ctx any memr size'], // xdp_store_bytes
  191: ['int', 'mem!w size0 any btf:task_struct any', 'gs'], // copy_from_user_task
  192: ['int', 'ctx any any'], // skb_set_tstamp
  193: ['int', 'btf:file mem!w size', 's'], // ima_file_hash
  194: ['btf:BPF_PTR_POISON?', 'kptr btf?^:BPF_PTR_POISON'], // kptr_xchg
  195: ['map_value?', 'map key any', 'p'], // map_lookup_percpu_elem
  196: ['btf:mptcp_sock?', 'sock_common'], // skc_to_mptcp_sock
  197: ['int', 'mem!w size0 any dynptr!w'], // dynptr_from_mem
  198: ['int', 'map any any dynptr!w'], // ringbuf_reserve_dynptr
  199: ['void', 'dynptr^ any'], // ringbuf_submit_dynptr
  200: ['void', 'dynptr^ any'], // ringbuf_discard_dynptr
  201: ['int', 'mem!w size0 dynptrr any any'], // dynptr_read
  202: ['int', 'dynptrr any memr size0 any'], // dynptr_write
  203: ['dynptr_mem?', 'dynptrr any alloc_size'], // dynptr_data
  204: ['int', 'fixed:20 mem size0', 'gp'], // tcp_raw_gen_syncookie_ipv4
  205: ['int', 'fixed:40 mem size0', 'gp'], // tcp_raw_gen_syncookie_ipv6
  206: ['int', 'fixed:20 fixed:20', 'gp'], // tcp_raw_check_syncookie_ipv4
  207: ['int', 'fixed:40 fixed:20', 'gp'], // tcp_raw_check_syncookie_ipv6
  208: ['int', ''], // ktime_get_tai_ns
  209: ['int', 'map func stack? any'], // user_ringbuf_drain
  210: ['map_value?', 'map btf?:cgroup value? any'], // cgrp_storage_get
  211: ['int', 'map btf?:cgroup'], // cgrp_storage_delete
};

/** Helpers whose prototype depends on the program type: program type, then helper. */
export const PROTO_VARIANTS: Readonly<Record<number, Readonly<Record<number, ProtoRow>>>> = {
  1: {
    8: ['int', ''], // get_smp_processor_id
  },
  3: {
    17: ['int', 'ctx'], // get_cgroup_classid
  },
  4: {
    17: ['int', 'ctx'], // get_cgroup_classid
  },
  8: {
    8: ['int', ''], // get_smp_processor_id
  },
  9: {
    8: ['int', ''], // get_smp_processor_id
    107: ['map_value?', 'map ctx value? any'], // sk_storage_get
  },
  10: {
    17: ['int', 'ctx'], // get_cgroup_classid
  },
  11: {
    17: ['int', 'ctx'], // get_cgroup_classid
  },
  12: {
    17: ['int', 'ctx'], // get_cgroup_classid
  },
  13: {
    8: ['int', ''], // get_smp_processor_id
    49: ['int', 'ctx any any memr size'], // setsockopt
    57: ['int', 'ctx any any mem!w size'], // getsockopt
  },
  14: {
    8: ['int', ''], // get_smp_processor_id
  },
  15: {
    8: ['int', ''], // get_smp_processor_id
  },
  16: {
    8: ['int', ''], // get_smp_processor_id
  },
  18: {
    8: ['int', ''], // get_smp_processor_id
    84: ['socket?', 'ctx memr size0 any any'], // sk_lookup_tcp
    85: ['socket?', 'ctx memr size0 any any'], // sk_lookup_udp
    99: ['sock_common?', 'ctx memr size0 any any'], // skc_lookup_tcp
    49: ['int', 'ctx any any memr size'], // setsockopt
    57: ['int', 'ctx any any mem!w size'], // getsockopt
  },
  19: {
    17: ['int', 'ctx'], // get_cgroup_classid
  },
  21: {
    8: ['int', ''], // get_smp_processor_id
    46: ['int', 'sk?'], // get_socket_cookie
  },
  22: {
    8: ['int', ''], // get_smp_processor_id
  },
  23: {
    8: ['int', ''], // get_smp_processor_id
  },
  25: {
    8: ['int', ''], // get_smp_processor_id
  },
  26: {
    107: ['map_value?', 'map btf?:sock_common value? any'], // sk_storage_get
    108: ['int', 'map btf?:sock_common'], // sk_storage_delete
    46: ['int', 'sk?'], // get_socket_cookie
    188: ['int', 'btf:xdp_buff'], // xdp_get_buff_len
  },
  30: {
    8: ['int', ''], // get_smp_processor_id
    124: ['int', 'ctx socket? any'], // sk_assign
  },
  29: {
    46: ['int', 'sk?'], // get_socket_cookie
    188: ['int', 'btf:xdp_buff'], // xdp_get_buff_len
  },
  31: {
    46: ['int', 'sk?'], // get_socket_cookie, by pointer
    188: ['int', 'btf:xdp_buff'], // xdp_get_buff_len, by pointer
  },
};

/** Helpers that each program type may call, as ranges of numbers; measured on 6.18 by loading a call of each. */
export const ALLOWED: Readonly<Record<number, string>> = {
  1: '1-3,5-8,12,14-17,22,25-26,35,37,42,46-47,55,68,80,87-89,93-94,105-106,109,112-115,117-118,120,122-123,125,130-134,136-141,148-149,153-154,156-158,160,164-165,169-172,175-178,180-182,191,194-203,208-211',
  2: '1-8,12,14-17,22,25,27,35,37,42,45,55,67,80,87-89,93-94,105-106,109,112-115,117-118,120,123,125,130-134,141,148-149,153-154,156-158,164-165,169-177,180-182,191,194-195,197-203,208-211',
  3: '1-3,5-26,28-35,37-43,46-48,50,55,66,68-69,79-80,83-89,93-100,105-110,112-115,117-118,120,122-125,130-141,148-149,151-158,160,163-165,169-172,175-178,180-182,191-192,194-211',
  4: '1-3,5-26,28-35,37-43,46-48,50,55,66,68-69,79-80,83-89,93-100,105-110,112-115,117-118,120,122-125,130-141,148-149,151-158,160,163-165,169-172,175-178,180-182,191-192,194-211',
  5: '1-8,12,14-17,22,25,27,35,37,42,45,55,67,80,87-89,93-94,105-106,109,112-115,117-118,120,123,125,130-134,141,148-149,153-154,156-158,164-165,169-177,180-182,191,194-195,197-203,208-211',
  6: '1-3,5-8,12,14-17,22-23,25,28,35,37,42,44,51,54-55,65,69,80,84-89,93-94,99-100,105-106,109-110,112-115,117-118,120,123,125,130-134,136-141,148-149,153-154,156-158,160,163-165,169-172,175-178,180-182,188-191,194-211',
  7: '1-8,12,14-17,22,25,27,35,37,42,45,55-56,67,80,87-89,93-94,105-106,109,112-115,117-120,123,125,130-134,141,148-149,153-154,156-158,164-165,169-177,180-182,191,194-195,197-203,208-211',
  8: '1-3,5-8,12,14-17,22,25-26,35,37,42,46-47,55,68,79-81,83-89,93-99,105-109,112-115,117-118,120,122-123,125,128-134,136-141,148-149,153-154,156-158,160,164-165,169-172,175-178,180-182,191,194-203,208-211',
  9: '1-3,5-8,12,14-17,22,25,35,37,42,46,55,80-81,87-89,93-94,105-107,109,112-115,117-118,120,122-123,125,130-134,141,148-149,153-154,156-158,160,164-165,169-172,175-177,180-182,186-187,191,194-195,197-203,208-211',
  10: '1-3,5-8,12,14-17,22,24-26,28,33-35,37,39,42,55,73,80,87-89,93-94,105-106,109,112-115,117-118,120,123,125,130-134,136-141,148-149,153-154,156-158,160,164-165,169-172,175-178,180-182,191,194-203,208-211',
  11: '1-3,5-8,12,14-17,22,24-26,28,33-35,37,39,42,55,80,87-89,93-94,105-106,109,112-115,117-118,120,123,125,130-134,136-141,148-149,153-154,156-158,160,164-165,169-172,175-178,180-182,191,194-203,208-211',
  12: '1-3,5-17,20-26,28-30,33-35,37-43,55,73,80,87-89,93-94,105-106,109,112-115,117-118,120,123,125,130-141,148-149,153-154,156-158,160,164-165,169-172,175-178,180-182,191,194-203,208-211',
  13: '1-3,5-8,12,14-17,22,25,35,37,42,46,49,53,55,57,59,70,80-81,87-89,93-94,96,105-109,112-115,117-118,120,122-123,125,130-134,136-144,148-149,153-154,156-158,160,164-165,169-172,175-178,180-182,191,194-203,208-211',
  14: '1-3,5-9,12,14-17,22,25-26,35,37-39,42-43,46-47,50,52,55,72,80,84-89,93-94,99,105-106,109,112-115,117-118,120,123,125,130-134,136-141,148-149,153-154,156-158,160,164-165,169-172,175-178,180-182,191,194-203,208-211',
  15: '1-3,5-8,12,14-17,22,25,35,37,42,55,80-81,87-89,93-94,105-106,109,112-115,117-118,120,123,125,130-134,141,148-149,153-154,156-158,164-165,169-172,175-177,180-182,186-187,191,194-195,197-203,208-211',
  16: '1-3,5-8,12,14-17,22,25,35,37,42,55,60-63,71,80,87-91,93-94,105-109,112-115,117-118,120,122-123,125,130-134,136-141,148-149,153-154,156-158,160,164-165,169-172,175-178,180-182,191,194-203,208-211',
  17: '1-8,12,14-17,22,25,27,35,37,42,45,55,67,80,87-89,93-94,105-106,109,112-115,117-118,120,123,125,130-134,141,148-149,153-154,156-158,164-165,169-177,180-182,191,194-195,197-203,208-211',
  18: '1-3,5-8,12,14-17,22,25,35,37,42,46,49,55,57,64,80-81,84-89,93-94,99,105-109,112-115,117-118,120,122-123,125,130-134,136-141,148-149,153-154,156-158,160,164-165,169-172,175-178,180-182,186-187,191,194-203,208-211',
  19: '1-3,5-8,12,14-17,22,24-26,28,33-35,37,39,42,55,74-76,80,87-89,93-94,105-106,109,112-115,117-118,120,123,125,130-134,136-141,148-149,153-154,156-158,160,164-165,169-172,175-178,180-182,191,194-203,208-211',
  21: '1-3,5-8,12,14-17,22,26,35,37,42,46,55,68,80,82,87-89,93-94,105-106,109,112-115,117-118,120,123,125,130-134,141,148-149,153-154,156-158,160,164-165,169-172,175-177,180-182,191,194-195,197-203,208-211',
  22: '1-3,5-8,12,14-17,22,26,35,37,42,55,80,87-89,93-94,105-106,109,112-115,117-118,120,123,125,130-134,136-141,148-149,153-154,156-158,160,164-165,169-172,175-178,180-182,191,194-203,208-211',
  23: '1-3,5-8,12,14-17,22,25,35,37,42,55,80-81,87-89,93-94,101-106,109,112-115,117-118,120,123,125,130-134,141,148-149,153-154,156-158,160,164-165,169-172,175-177,180-182,186-187,191,194-195,197-203,208-211',
  24: '1-8,12,14-17,22,25,27,35,37,42,45,55,67,80,87-89,93-94,105-106,109,112-115,117-118,120,123,125,130-134,141,148-149,153-154,156-158,164-165,169-177,180-182,191,194-195,197-203,208-211',
  25: '1-3,5-8,12,14-17,22,25,35,37,42,49,55,57,80-81,87-89,93-94,96,105-109,112-115,117-118,120,122-123,125,130-134,141,148-149,153-154,156-158,164-165,169-172,175-177,180-182,186-187,191,194-195,197-203,208-211',
  30: '1-3,5-8,12,14-17,22,25,35,37,42,55,80,86-89,93-94,105-106,109,112-115,117-118,120,123-125,130-134,136-141,148-149,153-154,156-158,160,164-165,169-172,175-178,180-182,191,194-203,208-211',
  31: '1-8,12,14-17,22,25,27,35,37,42,45-46,55,67,80,87-89,93-94,105-109,111-115,117-118,120-121,123,125,130-134,136-141,147-149,153-154,156-158,162,164-173,175-182,188,191,194-203,208-211',
  26: '1-8,12,14-17,22,25,27,35,37,42,45-46,49,55,57,67,80,87-89,93-94,105-109,111-115,117-118,120-121,123,125-127,130-134,136-141,147-150,153-154,156-158,162,164-165,169-178,180-185,188,191,194-203,208-211',
  27: '1-3,5-8,12,14-17,22,35,37,42,49,55,57,80,87-89,93-94,105-109,112-116,117-118,120,123,125,130-134,141,148-149,153-154,156-158,160,164-165,169-172,175-177,180-182,191,194-195,197-203,208-211',
  29: '1-8,12,14-17,22,25,27,35,37,42,45-46,49,55,57,67,80,87-89,93-94,105-109,111-115,117-118,120-121,123,125,130-134,136-141,145-149,153-154,156-159,161-162,164-165,169-172,174-178,180-182,186-188,191,193-203,208-211',
  32: '1-3,5-8,12,14-17,22,35,37,42,55,80,87-89,93-94,105-106,109,112-115,117-118,120,123,125,130-134,141,148-149,153-154,156-158,164-165,169-172,175-177,180-182,191,194-195,197-203,208-211',
};
