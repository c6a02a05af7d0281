// attach OBJECT: loads an object, attaches its first program where its section says, prints the number of each map and waits for the end of its input.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>

int main(int argc, char **argv) {
  struct bpf_object *object = argc == 2 ? bpf_object__open_file(argv[1], NULL) : NULL;
  if (!object || bpf_object__load(object)) return 1;
  struct bpf_link *link = bpf_program__attach(bpf_object__next_program(object, NULL));
  if (!link) return 2;
  struct bpf_map *map;
  bpf_object__for_each_map(map, object) {
    struct bpf_map_info info = {};
    __u32 size = sizeof info;
    if (bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &size)) return 3;
    printf("%s %u\n", bpf_map__name(map), info.id);
  }
  puts("attached");
  fflush(stdout);
  while (getchar() != EOF) {
  }
  bpf_link__destroy(link);
  bpf_object__close(object);
  return 0;
}
