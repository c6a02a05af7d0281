// Puts new weights into a loaded program: swap-weights PROGRAM WEIGHTS.bin
//
// PROGRAM is the id of a loaded program (bpftool prog) or the path where one is pinned; WEIGHTS.bin is what
// `bpformer weights NEW.onnx --for OUT.o -o WEIGHTS.bin` wrote. Build with: cc -O2 -o swap-weights swap-weights.c -lbpf
//
// The program's map .data.weights holds two blocks of weights and says which one is live; the program reads that once an event.
// The loader waits until no event can still read the other block, fills it, and makes it the live one. Every event is decided by
// the old weights or the new ones. One loader at a time. A program that generates text runs one call at a time; its map lock says
// which block that call reads.
//
// Map:  0 u32 how often the weights were replaced (its lowest bit is the live block), 4 u32 blocks, 8 u64 fingerprint of the
//       code, 16 u32 offset of block 0, 20 u32 bytes of a block
// File: 0 "BPFW", 4 u32 version 1, 8 u64 fingerprint, 16 u32 bytes of the block, 20 u32 zero, then the block
#include <bpf/bpf.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct map_head {
  uint32_t swaps, blocks;
  uint64_t fingerprint;
  uint32_t start, size;
};

struct file_head {
  char magic[4];
  uint32_t version;
  uint64_t fingerprint;
  uint32_t size, zero;
};

static int fail(const char *what) {
  fprintf(stderr, "swap-weights: %s\n", what);
  return 1;
}

static int fail_errno(const char *what) {
  fprintf(stderr, "swap-weights: %s: %s\n", what, strerror(errno));
  return 1;
}

static int open_program(const char *name) {
  char *end;
  unsigned long id = strtoul(name, &end, 10);
  return *name && !*end ? bpf_prog_get_fd_by_id((uint32_t)id) : bpf_obj_get(name);
}

// The program's map of that name; -1 when it has none. `info` describes the map.
static int open_map(int prog, const char *name, struct bpf_map_info *info) {
  uint32_t ids[64];
  struct bpf_prog_info program = {.nr_map_ids = 64, .map_ids = (uintptr_t)ids};
  uint32_t len = sizeof program;
  if (bpf_obj_get_info_by_fd(prog, &program, &len)) return -1;
  for (uint32_t i = 0; i < program.nr_map_ids && i < 64; i++) {
    int map = bpf_map_get_fd_by_id(ids[i]);
    if (map < 0) continue;
    len = sizeof *info;
    memset(info, 0, sizeof *info);
    if (!bpf_obj_get_info_by_fd(map, info, &len) && !strcmp(info->name, name)) return map;
    close(map);
  }
  return -1;
}

// Programs that may sleep hold on to their block without the kernel's telling: only those who call them know that none runs.
static int may_sleep(int prog) {
  struct bpf_prog_info program = {0};
  uint32_t len = sizeof program;
  return !bpf_obj_get_info_by_fd(prog, &program, &len) && program.type == BPF_PROG_TYPE_SYSCALL;
}

// Returns when every program that ran before the call has ended: an update of a map of maps waits for that before it returns to user
// space (maybe_wait_bpf_programs, Linux 4.20).
static int wait_for_events(void) {
  uint32_t zero = 0;
  int inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 4, 1, NULL);
  LIBBPF_OPTS(bpf_map_create_opts, opts, .inner_map_fd = inner);
  int outer = inner < 0 ? -1 : bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, NULL, 4, 4, 1, &opts);
  int result = outer < 0 ? -1 : bpf_map_update_elem(outer, &zero, &inner, BPF_ANY);
  if (outer >= 0) close(outer);
  if (inner >= 0) close(inner);
  return result;
}

// Returns when no call of a text generating program reads block `next`. The entry of its map lock is there while a call runs: how often the weights
// had been replaced when it began. A call that begins later reads the live block.
static void wait_for_call(int lock, uint32_t next) {
  uint32_t zero = 0, swaps = 0;
  struct timespec moment = {.tv_nsec = 100000};
  while (!bpf_map_lookup_elem(lock, &zero, &swaps) && (swaps & 1) == next) nanosleep(&moment, NULL);
}

static unsigned char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  unsigned char *bytes = NULL;
  if (!fseek(file, 0, SEEK_END)) {
    long end = ftell(file);
    rewind(file);
    bytes = end >= 0 ? malloc((size_t)end + 1) : NULL;
    *size = bytes ? fread(bytes, 1, (size_t)end, file) : 0;
  }
  fclose(file);
  return bytes;
}

int main(int argc, char **argv) {
  int idle = argc == 4 && !strcmp(argv[3], "--idle");
  if (argc != 3 && !idle) return fail("takes PROGRAM WEIGHTS.bin [--idle]");
  size_t size = 0;
  unsigned char *file = read_file(argv[2], &size);
  if (!file) return fail_errno(argv[2]);
  struct file_head head;
  if (size < sizeof head) return fail("the file is too short to hold weights");
  memcpy(&head, file, sizeof head);
  if (memcmp(head.magic, "BPFW", 4) || head.version != 1) return fail("the file does not hold weights of this version");
  if (size != sizeof head + head.size) return fail("the file is cut short");

  int prog = open_program(argv[1]);
  if (prog < 0) return fail_errno(argv[1]);
  struct bpf_map_info info;
  int lock = open_map(prog, "lock", &info);
  if (lock < 0 && may_sleep(prog) && !idle)
    return fail("a syscall program may be in the middle of a call; give --idle when nobody calls it");
  int map = open_map(prog, ".data.weights", &info);
  if (map < 0) return fail("the program has no map .data.weights");
  unsigned char *memory = mmap(NULL, info.value_size, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
  if (memory == MAP_FAILED) return fail_errno("the map cannot be mapped");
  struct map_head *held = (struct map_head *)memory;
  if (info.value_size < sizeof *held || held->start + 2ull * held->size > info.value_size || held->blocks != 2)
    return fail("the program holds its weights once: they cannot be replaced while it runs");
  if (held->fingerprint != head.fingerprint || held->size != head.size) return fail("the weights are for another program");

  uint32_t swaps = held->swaps + 1, next = swaps & 1;
  if (lock >= 0)
    wait_for_call(lock, next);
  else if (!idle && wait_for_events()) return fail_errno("running events cannot be waited for");
  memcpy(memory + held->start + (size_t)next * held->size, file + sizeof head, head.size);
  // All of the block stands before it can be seen as the live one.
  __atomic_store_n(&held->swaps, swaps, __ATOMIC_RELEASE);
  return 0;
}
