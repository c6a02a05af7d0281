// Carries bpf(2) calls for kernel.ts: one request on standard input, one reply on standard output, in order.
// It knows no attribute layout; kernel.ts fills the attributes and says where the addresses of buffers belong in them.
//
// Request: u32 length of the rest, u32 op, then
//   OP_BPF:      u32 cmd, u32 attr length, u32 buffer count, attr,
//                for each buffer u32 offset of its address in attr, u32 mode, u32 bytes sent, u32 size, the bytes sent
//   OP_CLOSE:    u32 file descriptor
//   OP_AFFINITY: u32 processor
//   OP_CAPABILITIES: u32 low, u32 high half of the capabilities in effect from here on
//   OP_RING:     u32 file descriptor, u32 size of a ring buffer: takes its records
//   OP_CONFINE:  u32 low, u32 high half of the capabilities that may be had from here on, for good; the process dies with its parent
//   OP_DUMP:     u32 file descriptor of a program, u32 what: 0 its instructions as the verifier left them, 1 the machine's own
// Reply: u32 length of the rest, s32 result or -errno, u64 nanoseconds the call took, and for OP_BPF attr and each
//   buffer that comes back as u32 length and bytes; for OP_RING what the ring held, as it lies there; for OP_DUMP the instructions.
// SIGUSR1 ends the call under way: the kernel's verifier and its test runs look for signals.
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { OP_BPF = 0, OP_CLOSE = 1, OP_AFFINITY = 2, OP_CAPABILITIES = 3, OP_RING = 4, OP_CONFINE = 5, OP_DUMP = 6 };
enum { MODE_IN = 0, MODE_BOTH = 1, MODE_STRING = 2 };
enum { MAX_BUFFERS = 16, MAX_ATTR = 512 };

struct buffer {
  uint32_t attr_off, mode, sent, size;
  char *bytes;
};

static void fail(const char *what) {
  fprintf(stderr, "kernel-loader: %s\n", what);
  exit(1);
}

static const char *cursor, *end;

static const void *take(size_t len) {
  if ((size_t)(end - cursor) < len) fail("request is cut short");
  const void *at = cursor;
  cursor += len;
  return at;
}

static uint32_t take_u32(void) {
  uint32_t value;
  memcpy(&value, take(4), 4);
  return value;
}

static void put(const void *bytes, size_t len) {
  if (len && fwrite(bytes, 1, len, stdout) != len) exit(0);
}

static void put_u32(uint32_t value) { put(&value, 4); }

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void reply_head(uint32_t rest, int32_t result, uint64_t elapsed) {
  put_u32(12 + rest);
  put(&result, 4);
  put(&elapsed, 8);
}

static void do_bpf(void) {
  _Alignas(8) char attr[MAX_ATTR];
  struct buffer buffers[MAX_BUFFERS];
  uint32_t cmd = take_u32(), attr_len = take_u32(), count = take_u32();
  if (attr_len > MAX_ATTR || count > MAX_BUFFERS) fail("request is too large");
  memcpy(attr, take(attr_len), attr_len);
  for (uint32_t i = 0; i < count; i++) {
    struct buffer *b = &buffers[i];
    b->attr_off = take_u32();
    b->mode = take_u32();
    b->sent = take_u32();
    b->size = take_u32();
    if (b->sent > b->size || b->attr_off + 8 > attr_len) fail("buffer does not fit");
    // Large logs are mapped lazily, so that 64 MB of room cost nothing until the kernel writes them.
    b->bytes = calloc(1, b->size ? b->size : 1);
    if (!b->bytes) fail("out of memory");
    memcpy(b->bytes, take(b->sent), b->sent);
    uint64_t address = (uint64_t)(uintptr_t)b->bytes;
    memcpy(attr + b->attr_off, &address, 8);
  }
  uint64_t before = now_ns();
  long result = syscall(SYS_bpf, cmd, attr, attr_len);
  int32_t status = result < 0 ? -errno : (int32_t)result;
  uint64_t elapsed = now_ns() - before;
  uint32_t rest = attr_len;
  for (uint32_t i = 0; i < count; i++) {
    struct buffer *b = &buffers[i];
    if (b->mode == MODE_STRING) b->size = strnlen(b->bytes, b->size);
    if (b->mode != MODE_IN) rest += 4 + b->size;
  }
  reply_head(rest, status, elapsed);
  put(attr, attr_len);
  for (uint32_t i = 0; i < count; i++) {
    if (buffers[i].mode != MODE_IN) {
      put_u32(buffers[i].size);
      put(buffers[i].bytes, buffers[i].size);
    }
    free(buffers[i].bytes);
  }
}

static int32_t do_affinity(uint32_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (cpu >= CPU_SETSIZE) return -EINVAL;
  CPU_SET(cpu, &set);
  return sched_setaffinity(0, sizeof set, &set) ? -errno : 0;
}

// Permitted capabilities stay, so that a later call can take them back into effect.
static int32_t do_capabilities(uint32_t low, uint32_t high) {
  struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &head, data)) return -errno;
  data[0].effective = low & data[0].permitted;
  data[1].effective = high & data[1].permitted;
  return syscall(SYS_capset, &head, data) ? -errno : 0;
}

static int32_t set_capabilities(uint64_t mask) {
  struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &head, data)) return -errno;
  for (int half = 0; half < 2; half++) {
    uint32_t kept = data[half].permitted & (uint32_t)(mask >> (32 * half));
    data[half].permitted = data[half].effective = kept;
    data[half].inheritable = 0;
  }
  return syscall(SYS_capset, &head, data) ? -errno : 0;
}

enum { NOBODY = 65534, LAST_CAP = 63 };

// Root without capabilities still owns root's files: so it becomes nobody first, where it may.
static int32_t do_confine(uint32_t low, uint32_t high) {
  uint64_t mask = low | (uint64_t)high << 32;
  for (int cap = 0; cap <= LAST_CAP; cap++)
    if (!(mask >> cap & 1)) prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
  if (geteuid() == 0) {
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
        setresuid(NOBODY, NOBODY, NOBODY))
      return -errno;
  }
  int32_t status = set_capabilities(mask);
  if (status) return status;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) ? -errno : 0;
}

static void do_dump(int fd, uint32_t what) {
  struct bpf_prog_info info = {0};
  union bpf_attr attr = {0};
  attr.info.bpf_fd = (uint32_t)fd;
  attr.info.info_len = sizeof info;
  attr.info.info = (uint64_t)(uintptr_t)&info;
  char *bytes = NULL;
  uint32_t size = 0;
  long result = syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof attr);
  if (result == 0) {
    size = what ? info.jited_prog_len : info.xlated_prog_len;
    bytes = calloc(1, size ? size : 1);
    if (!bytes) fail("out of memory");
    memset(&info, 0, sizeof info);
    if (what) {
      info.jited_prog_len = size;
      info.jited_prog_insns = (uint64_t)(uintptr_t)bytes;
    } else {
      info.xlated_prog_len = size;
      info.xlated_prog_insns = (uint64_t)(uintptr_t)bytes;
    }
    attr.info.info_len = sizeof info;
    result = syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof attr);
    // Without the right to see addresses the kernel takes the pointer back and copies nothing.
    if (result == 0 && (what ? info.jited_prog_insns : info.xlated_prog_insns) == 0) {
      errno = EPERM;
      result = -1;
    }
  }
  int32_t status = result < 0 ? -errno : 0;
  reply_head(status ? 0 : size, status, 0);
  if (!status) put(bytes, size);
  free(bytes);
}

// A page with the reader's position, a page with the writer's, and the records, mapped twice in a row.
static void do_ring(int fd, uint32_t size) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  uint64_t *reader = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char *rest = mmap(NULL, page + 2 * (size_t)size, PROT_READ, MAP_SHARED, fd, (off_t)page);
  if (reader == MAP_FAILED || rest == MAP_FAILED) {
    int error = errno;
    if (reader != MAP_FAILED) munmap(reader, page);
    if (rest != MAP_FAILED) munmap(rest, page + 2 * (size_t)size);
    reply_head(0, -error, 0);
    return;
  }
  uint64_t from = *reader, to = from, written = __atomic_load_n((uint64_t *)rest, __ATOMIC_ACQUIRE);
  const char *records = rest + page + (from & (size - 1));
  // Up to the first record that a program still writes (Documentation/bpf/ringbuf.rst: the busy bit of its length).
  while (to < written) {
    uint32_t length = __atomic_load_n((const uint32_t *)(records + (to - from)), __ATOMIC_ACQUIRE);
    if (length & BPF_RINGBUF_BUSY_BIT) break;
    to += BPF_RINGBUF_HDR_SZ + (((length & ~BPF_RINGBUF_DISCARD_BIT) + 7) & ~7u);
  }
  reply_head((uint32_t)(to - from), 0, 0);
  put(records, to - from);
  __atomic_store_n(reader, to, __ATOMIC_RELEASE);
  munmap(reader, page);
  munmap(rest, page + 2 * (size_t)size);
}

static int read_fully(void *into, size_t len) {
  for (char *at = into; len > 0;) {
    ssize_t got = read(0, at, len);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return 0;
    at += got;
    len -= (size_t)got;
  }
  return 1;
}

// A pipelined client writes many requests before it reads: replies are held back until the next read would wait.
static int more_waiting(void) {
  fd_set set;
  struct timeval none = {0, 0};
  FD_ZERO(&set);
  FD_SET(0, &set);
  return select(1, &set, NULL, NULL, &none) > 0;
}

static void ignore(int number) { (void)number; }

int main(void) {
  // Without SA_RESTART: what it interrupts returns.
  struct sigaction interrupt = {.sa_handler = ignore};
  sigaction(SIGUSR1, &interrupt, NULL);
  char *request = NULL;
  size_t room = 0;
  static char out[1 << 20];
  setvbuf(stdout, out, _IOFBF, sizeof out);
  for (;;) {
    uint32_t len;
    if (!more_waiting()) fflush(stdout);
    if (!read_fully(&len, 4)) return 0;
    if (len > room) {
      room = len;
      request = realloc(request, room);
      if (!request) fail("out of memory");
    }
    if (!read_fully(request, len)) return 0;
    cursor = request;
    end = request + len;
    switch (take_u32()) {
      case OP_BPF:
        do_bpf();
        break;
      case OP_CLOSE:
        reply_head(0, close((int)take_u32()) ? -errno : 0, 0);
        break;
      case OP_AFFINITY:
        reply_head(0, do_affinity(take_u32()), 0);
        break;
      case OP_CAPABILITIES: {
        uint32_t low = take_u32(), high = take_u32();
        reply_head(0, do_capabilities(low, high), 0);
        break;
      }
      case OP_RING: {
        int fd = (int)take_u32();
        do_ring(fd, take_u32());
        break;
      }
      case OP_CONFINE: {
        uint32_t low = take_u32(), high = take_u32();
        reply_head(0, do_confine(low, high), 0);
        break;
      }
      case OP_DUMP: {
        int fd = (int)take_u32();
        do_dump(fd, take_u32());
        break;
      }
      default:
        fail("unknown operation");
    }
  }
}
