/** What programs on the device may call of Linux: helpers by number and kernel functions by name, at every hook; all of them are there for syscall programs too. */

export interface AccelHelper {
  /** Number of the helper. */
  readonly id: number;
  readonly name: string;
  readonly doc: string;
}

const ROWS: readonly (readonly [id: number, name: string, doc: string])[] = [
  [1, 'bpf_map_lookup_elem', 'a value of a map'],
  [2, 'bpf_map_update_elem', 'sets a value of a map'],
  [3, 'bpf_map_delete_elem', 'removes a value from a map'],
  [5, 'bpf_ktime_get_ns', 'the time of the device in nanoseconds, as accel_now_ns'],
  [6, 'bpf_trace_printk', 'a line in the log of the engine; for programs with a GPL-compatible licence'],
  [7, 'bpf_get_prandom_u32', 'a pseudo-random number'],
  [8, 'bpf_get_smp_processor_id', 'the engine core that runs the program'],
  [87, 'bpf_map_push_elem', 'puts a value into a queue, stack or Bloom filter'],
  [88, 'bpf_map_pop_elem', 'takes a value from a queue or stack'],
  [89, 'bpf_map_peek_elem', 'looks at the next value of a queue or stack, or asks a Bloom filter'],
  [93, 'bpf_spin_lock', 'holds the lock of a map value'],
  [94, 'bpf_spin_unlock', 'gives the lock of a map value back'],
  [130, 'bpf_ringbuf_output', 'a record for the host'],
  [131, 'bpf_ringbuf_reserve', 'room for a record'],
  [132, 'bpf_ringbuf_submit', 'hands a record to the host'],
  [133, 'bpf_ringbuf_discard', 'gives the room of a record back'],
  [134, 'bpf_ringbuf_query', 'how full a ring buffer is'],
  [164, 'bpf_for_each_map_elem', 'calls a function for each value of a map'],
  [181, 'bpf_loop', 'calls a function a number of times'],
  [182, 'bpf_strncmp', 'compares a text with a constant one'],
  [195, 'bpf_map_lookup_percpu_elem', 'a value of another core'],
];

export const ACCEL_HELPERS: ReadonlyMap<number, AccelHelper> = new Map(ROWS.map(([id, name, doc]) => [id, { id, name, doc }]));

/** Kernel functions: the iterator over numbers. */
export const ACCEL_KFUNCS: ReadonlySet<string> = new Set(['bpf_iter_num_new', 'bpf_iter_num_next', 'bpf_iter_num_destroy']);
