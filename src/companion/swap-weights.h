// Puts new weights into the map .data.weights of a loaded program; included by swap-weights.c and by exported loaders.
//
// The map holds two blocks of weights and says which one is live; the program reads that once an event. Who swaps waits until no event can still read
// the other block, fills it, and makes it the live one: every event is decided by the old weights or the new ones. One at a time.
// A program that generates text runs one call at a time; its map lock says which block that call reads.
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

// Map `map` gets what the file at `path` holds. `lock`: map lock of a program that generates text, else -1; `idle`: nobody calls the program now. Null when
// it is done, else why not; errno is 0 or says more.
static const char *swap_weights(int map, int lock, int idle, const char *path) {
  struct bpf_map_info info = {0};
  uint32_t len = sizeof info;
  struct file_head head;
  const char *wrong = NULL;
  unsigned char *memory = MAP_FAILED;
  size_t size = 0;
  errno = 0;
  unsigned char *file = read_file(path, &size);
  if (!file) return path;
  if (size >= sizeof head) memcpy(&head, file, sizeof head);
  if (size < sizeof head)
    wrong = "the file is too short to hold weights";
  else if (memcmp(head.magic, "BPFW", 4) || head.version != 1)
    wrong = "the file does not hold weights of this version";
  else if (size != sizeof head + head.size)
    wrong = "the file is cut short";
  else if (bpf_obj_get_info_by_fd(map, &info, &len) ||
           (memory = mmap(NULL, info.value_size, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0)) == MAP_FAILED)
    wrong = "the map cannot be mapped";
  if (!wrong) {
    errno = 0;
    struct map_head *held = (struct map_head *)memory;
    uint32_t swaps = held->swaps + 1, next = swaps & 1;
    if (info.value_size < sizeof *held || held->start + 2ull * held->size > info.value_size || held->blocks != 2)
      wrong = "the program holds its weights once: they cannot be replaced while it runs";
    else if (held->fingerprint != head.fingerprint || held->size != head.size)
      wrong = "the weights are for another program";
    else if (lock < 0 && !idle && wait_for_events())
      wrong = "running events cannot be waited for";
    else {
      if (lock >= 0) wait_for_call(lock, next);
      errno = 0;
      memcpy(memory + held->start + (size_t)next * held->size, file + sizeof head, head.size);
      // All of the block stands before it can be seen as the live one.
      __atomic_store_n(&held->swaps, swaps, __ATOMIC_RELEASE);
    }
    munmap(memory, info.value_size);
  }
  free(file);
  return wrong;
}
