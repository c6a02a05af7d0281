import { ACCEL_FUNCTIONS } from '../../../bpf/accelerator/functions.ts';
import { AES_C } from './aes.ts';
import { SHA_C } from './sha.ts';

/** Bytes of the window into device memory. */
export const WINDOW_BYTES = 1 << 20;
/** Bytes of records in the trace buffer, eight more of each among them. */
export const TRACE_BYTES = 1 << 16;
/** Keys, and sealed tensors, that have room. */
export const MOST_KEYS = 256;
export const MOST_SEALS = 1024;

/** What stands for the device on Linux: maps. `struct accel_state` as in {@link STATE_OFFSETS}. */
const MAPS_C = `
#define WINDOW ${WINDOW_BYTES}
#define TRACE ${TRACE_BYTES}

struct accel_state {
  __u64 now_ns;       /* time of the device; 0: the kernel's own clock */
  __u64 window_base;  /* address in device memory of the first byte of the window */
  __u64 window_size;  /* bytes of it that are there, at most WINDOW */
  __u64 epoch_ms;     /* milliseconds since 1970 at time 0 */
  __u64 seals;        /* tensors sealed so far: the nonce of the next one */
  __u64 uuid;         /* the last one: milliseconds << 16 | counter */
  __u64 trace_end;    /* bytes of the trace buffer in use */
  __u64 trace_lost;   /* records that found no room */
  __u32 priority;     /* what a program set for the request */
  __u32 priority_set; /* it did */
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct accel_state);
} accel_state SEC(".maps");

static __always_inline struct accel_state *device(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&accel_state, &zero);
}

#if defined(NEEDS_TENSOR)
/* 64 bytes more than are ever in use, so that a block may be read at any of them. */
struct accel_window { __u8 bytes[WINDOW + 64]; };
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct accel_window);
} accel_window SEC(".maps");

static __always_inline struct accel_window *window(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&accel_window, &zero);
}

/* Where a tensor's bytes lie in the window. */
struct span { __u64 at; __u64 size; };

#define FIELD(of, name) (*(volatile const typeof((of)->name) *)&(of)->name)

/* 1 where a is b, else 0; the compiler must not see a choice, of which it would make paths to be verified one by one. */
static __always_inline __u64 same(__u64 a, __u64 b) {
  __u64 differs = a ^ b;
  differs |= 0 - differs;
  asm volatile("" : "+r"(differs));
  return 1 - (differs >> 63);
}
/* 1 where a is less than b; both of 32 bits. */
static __always_inline __u64 less(__u64 a, __u64 b) {
  __u64 difference = a - b;
  asm volatile("" : "+r"(difference));
  return difference >> 63;
}

/*
 * Finds a tensor that the context describes. The context is read at constant places only, as the verifier wants it: all descriptors first, then the
 * choice among numbers.
 */
static __noinline int find(struct bpf_context *ctx, __u32 tensor, struct span *span) {
  __u64 addr = 0, size = 0, found = 0;
  __u32 count = FIELD(ctx, tensor_count);
#pragma unroll
  for (int i = 0; i < ACCEL_MOST_TENSORS; i++) {
    __u64 is = same(tensor, i) * less(i, count);
    addr += FIELD(ctx, tensors[i].addr) * is;
    size += FIELD(ctx, tensors[i].size) * is;
    found |= is;
  }
  /* One that is described in both places is the same. */
  __u64 is = same(tensor, FIELD(ctx, tensor_index)) * (1 - found);
  addr += FIELD(ctx, tensor.addr) * is;
  size += FIELD(ctx, tensor.size) * is;
  found |= is;
  if (!found) return -EINVAL;
  struct accel_state *dev = device();
  if (!dev) return -EFAULT;
  __u64 at = addr - dev->window_base;
  if (addr < dev->window_base || at > dev->window_size || size > dev->window_size - at) return -ERANGE;
  span->at = at;
  span->size = size;
  return 0;
}
#endif

#if defined(NEEDS_FLAGS)
/* Sets bits of the flags of a tensor wherever the context describes it. */
static __noinline int flag(struct bpf_context *ctx, __u32 tensor, __u32 bit) {
  __u32 count = FIELD(ctx, tensor_count);
#pragma unroll
  for (int i = 0; i < ACCEL_MOST_TENSORS; i++) {
    __u32 old = FIELD(ctx, tensors[i].flags);
    *(volatile __u32 *)&ctx->tensors[i].flags = old | (__u32)(bit * (same(tensor, i) * less(i, count)));
  }
  __u32 old = FIELD(ctx, tensor.flags);
  *(volatile __u32 *)&ctx->tensor.flags = old | (__u32)(bit * same(tensor, FIELD(ctx, tensor_index)));
  return 0;
}
#endif

#if defined(NEEDS_KEYS)
struct accel_key { __u8 bytes[32]; };
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, ${MOST_KEYS});
  __type(key, __u32);
  __type(value, struct accel_key);
} accel_keys SEC(".maps");
#endif

#if defined(NEEDS_SCRATCH)
/* Room for the work of one call. A program may be interrupted by another, so each call claims a slot of its own. */
struct accel_slot {
  __u32 busy;
  __u32 sha[8];
  __u32 schedule[16];
  __u8 block[64];
  __u8 outer[64];
  __u8 digest[32];
  __u32 keys[60];
  __u64 h[2];
  __u64 y[2];
  __u32 counter[4];
  __u32 stream[4];
};
#define SLOTS 64
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, SLOTS);
  __type(key, __u32);
  __type(value, struct accel_slot);
} accel_scratch SEC(".maps");

static __noinline struct accel_slot *claim(void) {
  for (__u32 i = 0; i < SLOTS; i++) {
    __u32 at = i;
    struct accel_slot *slot = bpf_map_lookup_elem(&accel_scratch, &at);
    if (slot && __sync_val_compare_and_swap(&slot->busy, 0, 1) == 0) return slot;
  }
  return NULL;
}
static __always_inline void unclaim(struct accel_slot *slot) { slot->busy = 0; }

/* What callbacks of one call share. */
struct work {
  struct accel_slot *slot;
  const __u8 *data;  /* memory of the program, or */
#if defined(NEEDS_TENSOR)
  struct accel_window *window;
  __u64 at;          /* where in the window */
#endif
  __u64 size;
  __u64 base;        /* first byte of the last, incomplete block */
};
#endif
`;

const FUNCTIONS_C = `
#if defined(NEEDS_accel_now_ns)
SHIM __u64 accel_now_ns(void) {
  struct accel_state *dev = device();
  return dev && dev->now_ns ? dev->now_ns : bpf_ktime_get_ns();
}
#endif

#if defined(NEEDS_accel_tensor_read)
struct copy { struct accel_window *window; __u8 *to; __u64 at; __u64 size; };
static long copy_byte(__u32 i, struct copy *copy) {
  __u64 at = copy->at + i;
  if (i >= copy->size || at >= WINDOW) return 1;
  copy->to[i] = copy->window->bytes[at];
  return 0;
}
SHIM int accel_tensor_read(struct bpf_context *ctx, __u32 tensor, __u64 offset, void *mem, __u32 mem__sz) {
  struct span span;
  int error = find(ctx, tensor, &span);
  if (error) return error;
  if (offset > span.size || mem__sz > span.size - offset) return -ERANGE;
  struct copy copy = { .window = window(), .to = mem, .at = span.at + offset, .size = mem__sz };
  if (!copy.window) return -EFAULT;
  bpf_loop(mem__sz, copy_byte, &copy, 0);
  return 0;
}
#endif

#if defined(NEEDS_accel_sha256)
SHIM int accel_sha256(const void *data, __u32 data__sz, void *digest, __u32 digest__sz) {
  if (digest__sz < ACCEL_DIGEST_BYTES) return -EINVAL;
  struct work work = { .slot = claim(), .data = data, .size = data__sz };
  if (!work.slot) return -EBUSY;
  sha_start(work.slot);
  sha_memory(&work, 0);
  sha_result(work.slot, digest);
  unclaim(work.slot);
  return 0;
}
#endif

#if defined(NEEDS_accel_hmac_sha256)
SHIM int accel_hmac_sha256(__u32 key, const void *data, __u32 data__sz, void *mac, __u32 mac__sz) {
  if (mac__sz < ACCEL_DIGEST_BYTES) return -EINVAL;
  struct accel_key *held = bpf_map_lookup_elem(&accel_keys, &key);
  if (!held) return -ENOKEY;
  struct work work = { .slot = claim(), .data = data, .size = data__sz };
  if (!work.slot) return -EBUSY;
  hmac_start(work.slot, held);
  sha_memory(&work, 64);
  hmac_end(work.slot);
  sha_result(work.slot, mac);
  unclaim(work.slot);
  return 0;
}
#endif

#if defined(NEEDS_accel_tensor_sha256)
SHIM int accel_tensor_sha256(struct bpf_context *ctx, __u32 tensor, void *digest, __u32 digest__sz) {
  struct span span;
  if (digest__sz < ACCEL_DIGEST_BYTES) return -EINVAL;
  int error = find(ctx, tensor, &span);
  if (error) return error;
  struct work work = { .window = window(), .at = span.at, .size = span.size };
  if (!work.window) return -EFAULT;
  work.slot = claim();
  if (!work.slot) return -EBUSY;
  sha_start(work.slot);
  sha_window(&work, 0);
  sha_result(work.slot, digest);
  unclaim(work.slot);
  return 0;
}
#endif

#if defined(NEEDS_TENSOR_HMAC)
/* HMAC of a tensor into the slot's digest; the slot stays claimed. */
static __noinline int tensor_hmac(struct bpf_context *ctx, __u32 tensor, __u32 key, struct work *work) {
  struct span span;
  int error = find(ctx, tensor, &span);
  if (error) return error;
  struct accel_key *held = bpf_map_lookup_elem(&accel_keys, &key);
  if (!held) return -ENOKEY;
  work->window = window();
  if (!work->window) return -EFAULT;
  work->at = span.at;
  work->size = span.size;
  hmac_start(work->slot, held);
  sha_window(work, 64);
  hmac_end(work->slot);
  sha_result(work->slot, work->slot->digest);
  return 0;
}
#endif

#if defined(NEEDS_accel_tensor_hmac)
SHIM int accel_tensor_hmac(struct bpf_context *ctx, __u32 tensor, __u32 key, void *mac, __u32 mac__sz) {
  if (mac__sz < ACCEL_DIGEST_BYTES) return -EINVAL;
  struct work work = { .slot = claim() };
  if (!work.slot) return -EBUSY;
  int error = tensor_hmac(ctx, tensor, key, &work);
  if (!error) __builtin_memcpy(mac, work.slot->digest, ACCEL_DIGEST_BYTES);
  unclaim(work.slot);
  return error;
}
#endif

#if defined(NEEDS_accel_tensor_sign)
SHIM int accel_tensor_sign(struct bpf_context *ctx, __u32 tensor, __u32 key) {
  struct work work = { .slot = claim() };
  if (!work.slot) return -EBUSY;
  int error = tensor_hmac(ctx, tensor, key, &work);
  if (!error) {
    __u32 count = FIELD(ctx, tensor_count), index = FIELD(ctx, tensor_index);
    const __u64 *mac = (const __u64 *)work.slot->digest;
#pragma unroll
    for (int word = 0; word < ACCEL_DIGEST_BYTES / 8; word++) {
      __u64 part = mac[word];
#pragma unroll
      for (int i = 0; i < ACCEL_MOST_TENSORS; i++) {
        volatile __u64 *to = (volatile __u64 *)ctx->tensors[i].digest + word;
        __u64 old = *to;
        *to = old ^ (old ^ part) * (same(tensor, i) * less(i, count));
      }
      volatile __u64 *to = (volatile __u64 *)ctx->tensor.digest + word;
      __u64 old = *to;
      *to = old ^ (old ^ part) * same(tensor, index);
    }
    flag(ctx, tensor, ACCEL_TENSOR_SIGNED);
  }
  unclaim(work.slot);
  return error;
}
#endif

#if defined(NEEDS_accel_tensor_seal)
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, ${MOST_SEALS});
  __type(key, __u64);
  __type(value, struct accel_seal);
} accel_seals SEC(".maps");

SHIM int accel_tensor_seal(struct bpf_context *ctx, __u32 tensor, __u32 key) {
  struct span span;
  int error = find(ctx, tensor, &span);
  if (error) return error;
  struct accel_key *held = bpf_map_lookup_elem(&accel_keys, &key);
  if (!held) return -ENOKEY;
  struct accel_state *dev = device();
  if (!dev) return -EFAULT;
  __u64 addr = dev->window_base + span.at;
  if (bpf_map_lookup_elem(&accel_seals, &addr)) return -EALREADY;
  struct work work = { .window = window(), .at = span.at, .size = span.size };
  if (!work.window) return -EFAULT;
  work.slot = claim();
  if (!work.slot) return -EBUSY;
  struct accel_seal seal = { .key = key, .size = span.size };
  /* A counter over the whole device: no nonce comes twice under any key. */
  __u64 number = __sync_fetch_and_add(&dev->seals, 1);
  seal.nonce[1] = __builtin_bswap32(number >> 32);
  seal.nonce[2] = __builtin_bswap32(number);
  gcm(&work, held, &seal, FIELD(ctx, request), addr);
  unclaim(work.slot);
  error = bpf_map_update_elem(&accel_seals, &addr, &seal, BPF_NOEXIST);
  if (error) return error;
  flag(ctx, tensor, ACCEL_TENSOR_SEALED);
  return 0;
}
#endif

#if defined(NEEDS_accel_uuid)
SHIM int accel_uuid(struct bpf_context *ctx, void *uuid, __u32 uuid__sz) {
  if (uuid__sz < 16) return -EINVAL;
  struct accel_state *dev = device();
  if (!dev) return -EFAULT;
  __u64 ms = dev->epoch_ms + FIELD(ctx, now_ns) / 1000000;
  for (int i = 0; i < 64; i++) {
    __u64 last = dev->uuid, next = ms << 16;
    if (last >= next) next = last + 1;
    if (__sync_val_compare_and_swap(&dev->uuid, last, next) != last) continue;
    __u64 high = next >> 16 << 16 | 0x7000;
    __u64 low = 0x8000000000000000ull | (next & 0xffff) << 32 | bpf_get_prandom_u32();
    __u8 *to = uuid;
#pragma unroll
    for (int byte = 0; byte < 8; byte++) {
      to[byte] = high >> (56 - 8 * byte);
      to[8 + byte] = low >> (56 - 8 * byte);
    }
    return 0;
  }
  return -EBUSY;
}
#endif

#if defined(NEEDS_accel_trace)
struct accel_tracebuf { __u8 bytes[TRACE]; };
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct accel_tracebuf);
} accel_tracebuf SEC(".maps");

struct entry { struct accel_tracebuf *buffer; const __u8 *from; __u64 at; __u64 size; };
static long trace_byte(__u32 i, struct entry *entry) {
  __u64 at = entry->at + 8 + i;
  if (i >= entry->size || at >= TRACE) return 1;
  entry->buffer->bytes[at] = entry->from[i];
  return 0;
}
SHIM int accel_trace(struct bpf_context *ctx, const void *record, __u32 record__sz) {
  __u32 zero = 0;
  struct accel_state *dev = device();
  struct entry entry = { .buffer = bpf_map_lookup_elem(&accel_tracebuf, &zero), .from = record, .size = record__sz };
  if (!dev || !entry.buffer) return -EFAULT;
  /* Four bytes of length, four of zeros, the record, and zeros up to a multiple of eight. */
  __u64 room = 8 + (((__u64)record__sz + 7) & ~7ull);
  for (int i = 0; i < 64; i++) {
    __u64 end = dev->trace_end;
    if (end > TRACE - 8 || room > TRACE - end) {
      __sync_fetch_and_add(&dev->trace_lost, 1);
      return -ENOSPC;
    }
    if (__sync_val_compare_and_swap(&dev->trace_end, end, end + room) != end) continue;
    entry.at = end;
    *(__u32 *)(entry.buffer->bytes + (end & (TRACE - 8))) = record__sz;
    bpf_loop(record__sz, trace_byte, &entry, 0);
    return 0;
  }
  return -EBUSY;
}
#endif

#if defined(NEEDS_accel_set_priority)
SHIM int accel_set_priority(struct bpf_context *ctx, __u32 priority) {
  struct accel_state *dev = device();
  if (!dev) return -EFAULT;
  dev->priority = priority;
  dev->priority_set = 1;
  return 0;
}
#endif
`;

const START_C = `
#define ACCEL_TYPES_ONLY
#include <linux/bpf.h>
#include <accelerator.h>

/* Hidden functions are verified with their callers, so that pointers of any kind may be passed. */
#define SHIM __attribute__((visibility("hidden"))) __noinline
`;

/** What the source leaves out unless it is asked for: by the function that needs it. */
const PARTS: readonly (readonly [name: string, functions: readonly string[]])[] = [
  ['NEEDS_TENSOR', ['accel_tensor_read', 'accel_tensor_sha256', 'accel_tensor_hmac', 'accel_tensor_sign', 'accel_tensor_seal']],
  ['NEEDS_FLAGS', ['accel_tensor_sign', 'accel_tensor_seal']],
  ['NEEDS_KEYS', ['accel_hmac_sha256', 'accel_tensor_hmac', 'accel_tensor_sign', 'accel_tensor_seal']],
  [
    'NEEDS_SCRATCH',
    ['accel_sha256', 'accel_hmac_sha256', 'accel_tensor_sha256', 'accel_tensor_hmac', 'accel_tensor_sign', 'accel_tensor_seal'],
  ],
  ['NEEDS_SHA_MEMORY', ['accel_sha256', 'accel_hmac_sha256']],
  ['NEEDS_SHA_WINDOW', ['accel_tensor_sha256', 'accel_tensor_hmac', 'accel_tensor_sign']],
  ['NEEDS_HMAC', ['accel_hmac_sha256', 'accel_tensor_hmac', 'accel_tensor_sign']],
  ['NEEDS_TENSOR_HMAC', ['accel_tensor_hmac', 'accel_tensor_sign']],
  ['NEEDS_GCM', ['accel_tensor_seal']],
];

/** C of the functions of the device for Linux; {@link shimDefines} chooses among them. */
export const SHIMS_C = [START_C, MAPS_C, SHA_C, AES_C, FUNCTIONS_C].join('\n');

/** Macros that make {@link SHIMS_C} define these functions and what they need. */
export function shimDefines(names: readonly string[]): string[] {
  const functions = [...ACCEL_FUNCTIONS.keys()].filter((name) => names.includes(name)).map((name) => `NEEDS_${name}`);
  const parts = PARTS.filter(([, users]) => users.some((name) => names.includes(name))).map(([part]) => part);
  return [...functions, ...parts];
}

/** Where the fields of `struct accel_state`, the value of map `accel_state`, lie; u64 but for the last two, which are u32. */
export const STATE_OFFSETS = {
  nowNs: 0,
  windowBase: 8,
  windowSize: 16,
  epochMs: 24,
  seals: 32,
  uuid: 40,
  traceEnd: 48,
  traceLost: 56,
  priority: 64,
  prioritySet: 68,
} as const;
export const STATE_BYTES = 72;
