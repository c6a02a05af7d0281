// Puts new weights into a loaded program: swap-weights PROGRAM WEIGHTS.bin
//
// PROGRAM is the id of a loaded program (bpftool prog) or the path where one is pinned; WEIGHTS.bin is what
// `bpformer weights NEW.onnx --for OUT.o -o WEIGHTS.bin` wrote. Build with: cc -O2 -o swap-weights swap-weights.c -lbpf
#include "swap-weights.h"

static int fail(const char *what) {
  if (errno)
    fprintf(stderr, "swap-weights: %s: %s\n", what, strerror(errno));
  else
    fprintf(stderr, "swap-weights: %s\n", what);
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

int main(int argc, char **argv) {
  int idle = argc == 4 && !strcmp(argv[3], "--idle");
  if (argc != 3 && !idle) return fail("takes PROGRAM WEIGHTS.bin [--idle]");
  int prog = open_program(argv[1]);
  if (prog < 0) return fail(argv[1]);
  struct bpf_map_info info;
  int lock = open_map(prog, "lock", &info), sleeps = lock < 0 && may_sleep(prog);
  int map = open_map(prog, ".data.weights", &info);
  errno = 0;
  if (sleeps && !idle) return fail("a syscall program may be in the middle of a call; give --idle when nobody calls it");
  if (map < 0) return fail("the program has no map .data.weights");
  const char *wrong = swap_weights(map, lock, idle, argv[2]);
  return wrong ? fail(wrong) : 0;
}
