/* Loads a packet program, attaches it, and looks after it. What it needs stands before it: PROGRAM, object_bytes, and swap-weights.h.

   Layout of the maps: docs/binding.md ("Maps that user space reads", "Production") of BPFormer. */
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <inttypes.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define PINS "/sys/fs/bpf/" PROGRAM
#define BUCKETS 512
static const char *const failures[] = {"map", "weights", "truncated", "flows", "metadata", "length"};
enum { REASONS = sizeof failures / sizeof *failures };
enum { EVENTS, OFF, UNSAMPLED, SCORED, SHADOWED, NANOSECONDS, ELIGIBLE, FAILURES, BUSY = FAILURES + REASONS, STALE, COUNTERS };
static const char *const verdicts[] = {"ABORTED", "DROP", "PASS", "TX", "REDIRECT", "TAG"};
static const char *const modes[] = {"compiled", "enforce", "shadow", "off"};
enum { VERDICTS = sizeof verdicts / sizeof *verdicts, MODES = sizeof modes / sizeof *modes };

/* Maps of the program; -1 for those that it does not have. */
struct maps {
  int weights, lock, verdicts, control, counters, latency;
};

static const char *pins = PINS;

static int fail(const char *what) {
  if (errno)
    fprintf(stderr, "loader: %s: %s\n", what, strerror(errno));
  else
    fprintf(stderr, "loader: %s\n", what);
  return 1;
}

/* A sum over all processors of `count` numbers in entry `key`. */
static int sums(int map, uint32_t key, uint64_t *sum, unsigned count) {
  int cpus = libbpf_num_possible_cpus();
  uint64_t *values = cpus > 0 ? calloc((size_t)cpus * count, sizeof *values) : NULL;
  int result = values ? bpf_map_lookup_elem(map, &key, values) : -1;
  memset(sum, 0, count * sizeof *sum);
  for (unsigned i = 0; !result && i < (unsigned)cpus * count; i++) sum[i % count] += values[i];
  free(values);
  return result;
}

/* Numbers that the program keeps. */
struct numbers {
  uint64_t verdicts[VERDICTS + 1], counters[COUNTERS], latency[BUCKETS];
  uint32_t control[4], swaps;
  int knows_swaps;
};

static int read_numbers(const struct maps *maps, struct numbers *n) {
  uint32_t zero = 0;
  memset(n, 0, sizeof *n);
  for (uint32_t i = 0; maps->verdicts >= 0 && i <= VERDICTS; i++)
    if (sums(maps->verdicts, i, &n->verdicts[i], 1)) return fail("map verdicts");
  if (maps->counters >= 0 && sums(maps->counters, 0, n->counters, COUNTERS)) return fail("map counters");
  if (maps->latency >= 0 && sums(maps->latency, 0, n->latency, BUCKETS)) return fail("map latency");
  if (maps->control >= 0 && bpf_map_lookup_elem(maps->control, &zero, n->control)) return fail("map control");
  /* bpfman pins no map of a data section. */
  if (maps->weights < 0) return 0;
  struct bpf_map_info info = {0};
  uint32_t len = sizeof info;
  if (bpf_obj_get_info_by_fd(maps->weights, &info, &len)) return fail("map .data.weights");
  void *memory = mmap(NULL, info.value_size, PROT_READ, MAP_SHARED, maps->weights, 0);
  if (memory == MAP_FAILED) return fail("map .data.weights");
  n->swaps = *(volatile uint32_t *)memory;
  n->knows_swaps = 1;
  munmap(memory, info.value_size);
  return 0;
}

/* Least time of a bucket in ns: below 8 every ns has one, then there are eight from a power of two to the next. */
static uint64_t bucket_start(unsigned bucket) { return bucket < 8 ? bucket : (8ull + bucket % 8) << (bucket / 8 - 1); }

/* Upper end of the bucket of the event than which `percent` in a hundred are not slower; 0 without events. */
static uint64_t percentile(const uint64_t *latency, unsigned percent) {
  uint64_t total = 0, seen = 0;
  for (unsigned i = 0; i < BUCKETS; i++) total += latency[i];
  for (unsigned i = 0; total && i < BUCKETS; i++)
    if ((seen += latency[i]) * 100 >= total * percent) return bucket_start(i + 1) - 1;
  return 0;
}

static int print_stats(const struct maps *maps) {
  struct numbers n;
  if (read_numbers(maps, &n)) return 1;
  if (maps->verdicts >= 0) {
    for (unsigned i = 0; i < VERDICTS; i++) printf("verdict %s %" PRIu64 "\n", verdicts[i], n.verdicts[i]);
    printf("without the layer %" PRIu64 "\n", n.verdicts[VERDICTS]);
  }
  if (n.knows_swaps) printf("weights replaced %u\n", n.swaps);
  if (maps->counters >= 0) {
    printf("mode %s\nevents %" PRIu64 "\nscored %" PRIu64 "\noff %" PRIu64 "\nunsampled %" PRIu64 "\nshadowed %" PRIu64 "\n",
           modes[n.control[0] < MODES ? n.control[0] : MODES - 1], n.counters[EVENTS], n.counters[SCORED], n.counters[OFF],
           n.counters[UNSAMPLED], n.counters[SHADOWED]);
    printf("busy %" PRIu64 "\nstale %" PRIu64 "\n", n.counters[BUSY], n.counters[STALE]);
    for (unsigned i = 0; i < REASONS; i++) printf("failed %s %" PRIu64 "\n", failures[i], n.counters[FAILURES + i]);
  }
  if (maps->latency >= 0)
    printf("p50 %" PRIu64 " ns\np99 %" PRIu64 " ns\n", percentile(n.latency, 50), percentile(n.latency, 99));
  fflush(stdout);
  return 0;
}

static void metric(FILE *out, const char *name, const char *type, const char *help) {
  fprintf(out, "# HELP bpformer_%s %s\n# TYPE bpformer_%s %s\n", name, help, name, type);
}

/* The numbers in the text format of Prometheus (version 0.0.4). */
static int write_metrics(const struct maps *maps, FILE *out) {
  struct numbers n;
  if (read_numbers(maps, &n)) return 1;
  if (maps->verdicts >= 0) {
    metric(out, "verdicts_total", "counter", "Packets by what the program decided.");
    for (unsigned i = 0; i < VERDICTS; i++)
      fprintf(out, "bpformer_verdicts_total{program=\"" PROGRAM "\",verdict=\"%s\"} %" PRIu64 "\n", verdicts[i], n.verdicts[i]);
    metric(out, "other_packets_total", "counter", "Packets without the layer that the model reads.");
    fprintf(out, "bpformer_other_packets_total{program=\"" PROGRAM "\"} %" PRIu64 "\n", n.verdicts[VERDICTS]);
  }
  if (n.knows_swaps) {
    metric(out, "weight_swaps_total", "counter", "How often the weights were replaced.");
    fprintf(out, "bpformer_weight_swaps_total{program=\"" PROGRAM "\"} %u\n", n.swaps);
  }
  if (maps->counters >= 0) {
    metric(out, "packets_total", "counter", "Packets that reached the program.");
    fprintf(out, "bpformer_packets_total{program=\"" PROGRAM "\"} %" PRIu64 "\n", n.counters[EVENTS]);
    metric(out, "scored_total", "counter", "Packets that the model saw.");
    fprintf(out, "bpformer_scored_total{program=\"" PROGRAM "\"} %" PRIu64 "\n", n.counters[SCORED]);
    metric(out, "passed_total", "counter", "Packets that passed whatever the model would have said, by the reason.");
    static const struct {
      const char *reason;
      unsigned counter;
    } passed[] = {{"off", OFF}, {"unsampled", UNSAMPLED}, {"shadow", SHADOWED}};
    for (unsigned i = 0; i < sizeof passed / sizeof *passed; i++)
      fprintf(out, "bpformer_passed_total{program=\"" PROGRAM "\",reason=\"%s\"} %" PRIu64 "\n", passed[i].reason,
              n.counters[passed[i].counter]);
    metric(out, "failures_total", "counter", "Packets that passed because something failed, by the reason.");
    for (unsigned i = 0; i < REASONS; i++)
      fprintf(out, "bpformer_failures_total{program=\"" PROGRAM "\",reason=\"%s\"} %" PRIu64 "\n", failures[i], n.counters[FAILURES + i]);
    metric(out, "refused_total", "counter", "Requests for text that the model did not see, by what the answer says.");
    fprintf(out, "bpformer_refused_total{program=\"" PROGRAM "\",reason=\"busy\"} %" PRIu64 "\n", n.counters[BUSY]);
    fprintf(out, "bpformer_refused_total{program=\"" PROGRAM "\",reason=\"stale\"} %" PRIu64 "\n", n.counters[STALE]);
    metric(out, "mode", "gauge", "What map control says: 0 as compiled, 1 enforce, 2 shadow, 3 off.");
    fprintf(out, "bpformer_mode{program=\"" PROGRAM "\"} %u\n", n.control[0]);
  }
  if (maps->latency >= 0) {
    uint64_t below = 0;
    metric(out, "program_seconds", "histogram", "Time that the program took for a packet that the model saw.");
    /* Eight buckets end where a power of two begins, so that every bound is exact. */
    for (unsigned row = 0; row <= 32; row++) {
      for (unsigned i = row * 8; i < row * 8 + 8; i++) below += n.latency[i];
      if (row >= 4)
        fprintf(out, "bpformer_program_seconds_bucket{program=\"" PROGRAM "\",le=\"%.9g\"} %" PRIu64 "\n",
                (double)(bucket_start(row * 8 + 8) - 1) / 1e9, below);
    }
    for (unsigned i = 33 * 8; i < BUCKETS; i++) below += n.latency[i];
    fprintf(out, "bpformer_program_seconds_bucket{program=\"" PROGRAM "\",le=\"+Inf\"} %" PRIu64 "\n", below);
    fprintf(out, "bpformer_program_seconds_sum{program=\"" PROGRAM "\"} %.9g\n", (double)n.counters[NANOSECONDS] / 1e9);
    fprintf(out, "bpformer_program_seconds_count{program=\"" PROGRAM "\"} %" PRIu64 "\n", below);
  }
  return ferror(out) ? fail("writing") : 0;
}

/* Into a file that is there whole or not at all, as node_exporter's textfile collector wants it; without a name to standard output. */
static int metrics(const struct maps *maps, const char *path) {
  char part[4096];
  if (!path) return write_metrics(maps, stdout);
  if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part) return fail("the name is too long");
  FILE *out = fopen(part, "w");
  if (!out) return fail(part);
  int result = write_metrics(maps, out);
  if (fclose(out) && !result) result = fail(part);
  return result ? result : rename(part, path) ? fail(path) : 0;
}

static volatile sig_atomic_t ended, asked, swapped;
static void noted(int number) {
  if (number == SIGUSR1)
    asked = 1;
  else if (number == SIGHUP)
    swapped = 1;
  else
    ended = 1;
}

/* Signals are held back but where `waiting` is the mask: one between a test and a wait is not lost. */
static void hold_signals(sigset_t *waiting) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGUSR1, SIGHUP};
  struct sigaction action = {.sa_handler = noted};
  sigset_t held;
  sigemptyset(&held);
  for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    sigaddset(&held, numbers[i]);
    sigaction(numbers[i], &action, NULL);
  }
  sigprocmask(SIG_BLOCK, &held, waiting);
  signal(SIGPIPE, SIG_IGN);
}

/* Answers GET /metrics, one request after the other, on the loopback address or `address`; for port 0 the kernel chooses one. */
static int serve(const struct maps *maps, const char *port, const char *address) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int yes = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  errno = 0;
  if (strspn(port, "0123456789") != strlen(port) || atol(port) > 65535 || (address && inet_pton(AF_INET, address, &at.sin_addr) != 1))
    return fail("serve takes a port and perhaps an IPv4 address");
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 16)) return fail(port);
  sigset_t waiting;
  socklen_t size = sizeof at;
  hold_signals(&waiting);
  getsockname(listener, (struct sockaddr *)&at, &size);
  printf("metrics at port %u\n", ntohs(at.sin_port));
  fflush(stdout);
  while (!ended) {
    struct pollfd ready = {listener, POLLIN, 0};
    if (ppoll(&ready, 1, NULL, &waiting) < 1) continue;
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) continue;
    struct timeval patience = {.tv_sec = 2};
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    char request[4096] = "";
    size_t got = 0;
    for (ssize_t more; got < sizeof request - 1 && !strstr(request, "\r\n\r\n"); got += (size_t)more) {
      more = recv(client, request + got, sizeof request - 1 - got, 0);
      if (more <= 0) break;
      request[got + (size_t)more] = 0;
    }
    char *body = NULL;
    size_t length = 0;
    int known = !strncmp(request, "GET /metrics ", 13);
    FILE *out = open_memstream(&body, &length);
    int broken = known && out && write_metrics(maps, out);
    if (out) fclose(out);
    dprintf(client, "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
            !known ? "404 Not Found" : broken ? "500 Internal Server Error" : "200 OK", known && !broken ? length : 0);
    for (size_t sent = 0; known && !broken && sent < length;) {
      ssize_t more = send(client, body + sent, length - sent, MSG_NOSIGNAL);
      if (more <= 0) break;
      sent += (size_t)more;
    }
    free(body);
    close(client);
  }
  close(listener);
  return 0;
}

static struct bpf_object *load(void) {
  struct bpf_object *object = bpf_object__open_mem(object_bytes, sizeof object_bytes, NULL);
  if (!object) return NULL;
  return bpf_object__load(object) ? NULL : object;
}

static int map_of(struct bpf_object *object, const char *name) {
  struct bpf_map *map = bpf_object__find_map_by_name(object, name);
  return map ? bpf_map__fd(map) : -1;
}

static struct maps maps_of(struct bpf_object *object) {
  return (struct maps){map_of(object, ".data.weights"), map_of(object, "lock"),     map_of(object, "verdicts"),
                       map_of(object, "control"),       map_of(object, "counters"), map_of(object, "latency")};
}

static const char *pin_at(const char *name) {
  static char path[4096];
  snprintf(path, sizeof path, "%s/%s", pins, name);
  return path;
}

static int pinned_map(const char *name) {
  char below[64];
  snprintf(below, sizeof below, "maps/%s", name);
  return bpf_obj_get(pin_at(below));
}

/* Links a program to an interface; the link ends with its descriptor unless it is pinned. `flags` of enum XDP_FLAGS; 0 leaves the driver the choice. */
static int link_to(struct bpf_object *object, const char *name, unsigned flags) {
  struct bpf_program *program = bpf_object__find_program_by_name(object, PROGRAM);
  int interface = (int)if_nametoindex(name);
  if (!interface || !program) return -1;
  LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
  return bpf_link_create(bpf_program__fd(program), interface, BPF_XDP, &options);
}

static void say_attached(const char *name) {
  LIBBPF_OPTS(bpf_xdp_query_opts, query);
  bpf_xdp_query((int)if_nametoindex(name), 0, &query);
  printf("attached to %s (%s)\n", name,
         query.attach_mode == XDP_ATTACHED_SKB ? "generic" : query.attach_mode == XDP_ATTACHED_HW ? "hardware" : "native");
  fflush(stdout);
}

static int swap(const struct maps *maps, const char *path) {
  const char *wrong = swap_weights(maps->weights, maps->lock, 0, path);
  return wrong ? fail(wrong) : 0;
}

/* Into every loaded program for which the weights are: its map has the fingerprint that the file has. */
static int swap_all(const char *path) {
  struct file_head head = {0};
  FILE *file = fopen(path, "rb");
  if (!file) return fail(path);
  size_t got = fread(&head, 1, sizeof head, file);
  fclose(file);
  errno = 0;
  if (got != sizeof head) return fail("the file is too short to hold weights");
  unsigned done = 0;
  uint32_t id = 0;
  while (!bpf_map_get_next_id(id, &id)) {
    struct bpf_map_info info = {0};
    uint32_t len = sizeof info, zero = 0;
    int map = bpf_map_get_fd_by_id(id);
    if (map < 0) {
      if (errno == ENOENT) continue;
      return fail("maps cannot be opened by their numbers");
    }
    unsigned char *value = NULL;
    if (!bpf_obj_get_info_by_fd(map, &info, &len) && info.type == BPF_MAP_TYPE_ARRAY && !strcmp(info.name, ".data.weights") &&
        info.value_size >= sizeof(struct map_head))
      value = malloc(info.value_size);
    int fits = value && !bpf_map_lookup_elem(map, &zero, value) && ((struct map_head *)value)->fingerprint == head.fingerprint;
    free(value);
    const char *wrong = fits ? swap_weights(map, -1, 0, path) : NULL;
    close(map);
    if (wrong) return fail(wrong);
    done += (unsigned)fits;
  }
  if (errno != ENOENT) return fail("maps cannot be listed");
  errno = 0;
  if (!done) return fail("no loaded program takes these weights");
  printf("weights replaced in %u maps\n", done);
  return 0;
}

/* Attached until it is interrupted; SIGUSR1 prints the counters, SIGHUP puts the weights of `weights` in. */
static int run(const char *interface, const char *weights, unsigned flags) {
  struct bpf_object *object = load();
  if (!object) return fail("the kernel does not take the program");
  struct maps maps = maps_of(object);
  int link = link_to(object, interface, flags);
  if (link < 0) return fail(interface);
  sigset_t waiting;
  hold_signals(&waiting);
  say_attached(interface);
  while (!ended) {
    if (asked) print_stats(&maps);
    if (swapped && weights && !swap(&maps, weights)) puts("weights replaced"), fflush(stdout);
    asked = swapped = 0;
    sigsuspend(&waiting);
  }
  close(link);
  print_stats(&maps);
  bpf_object__close(object);
  return 0;
}

static void forget_pins(void) {
  DIR *folder = opendir(pin_at("maps"));
  for (struct dirent *entry; folder && (entry = readdir(folder));) {
    char below[300];
    snprintf(below, sizeof below, "maps/%s", entry->d_name);
    if (entry->d_name[0] != '.' || strlen(entry->d_name) > 2) unlink(pin_at(below));
  }
  if (folder) closedir(folder);
  unlink(pin_at("program"));
  rmdir(pin_at("maps"));
  rmdir(pins);
}

/* Attached until `detach`: link, program and maps are pinned. */
static int attach(const char *interface, unsigned flags) {
  struct bpf_object *object = load();
  if (!object) return fail("the kernel does not take the program");
  struct bpf_program *program = bpf_object__find_program_by_name(object, PROGRAM);
  if (!program) return fail("the object lacks the program");
  if (mkdir(pins, 0700)) return fail(errno == EEXIST ? "attached already, or another's folder (detach, or give --pin)" : pins);
  int link = -1;
  if (mkdir(pin_at("maps"), 0700) || bpf_object__pin_maps(object, pin_at("maps")) ||
      bpf_obj_pin(bpf_program__fd(program), pin_at("program")) || (link = link_to(object, interface, flags)) < 0 ||
      bpf_obj_pin(link, pin_at("link"))) {
    int result = fail(interface);
    forget_pins();
    return result;
  }
  say_attached(interface);
  return 0;
}

static int detach(void) {
  if (unlink(pin_at("link"))) return fail(pin_at("link"));
  forget_pins();
  return 0;
}

static int set_control(int control, int mode, long one_in, unsigned long seed) {
  uint32_t zero = 0, value[4];
  errno = 0;
  if (control < 0) return fail("the program is not for production: compile it with \"production\" in its binding");
  if (bpf_map_lookup_elem(control, &zero, value)) return fail("map control");
  if (mode >= 0) value[0] = (uint32_t)mode;
  if (one_in >= 0) value[1] = (uint32_t)one_in, value[2] = (uint32_t)seed;
  return bpf_map_update_elem(control, &zero, value, BPF_ANY) ? fail("map control") : 0;
}

static int usage(const char *name) {
  fprintf(stderr,
          "usage: %s [--native|--generic] IFACE [WEIGHTS.bin]   attach until interrupted; SIGUSR1 prints, SIGHUP replaces the weights\n"
          "       %s [--pin DIR] VERB, with\n"
          "         attach IFACE | detach | swap WEIGHTS.bin | swap-all WEIGHTS.bin | stats | metrics [FILE] | serve PORT [ADDRESS]\n"
          "         mode enforce|shadow|off|compiled | sample ONE_IN [SEED]\n",
          name, name);
  return 2;
}

int main(int argc, char **argv) {
  unsigned flags = 0;
  const char *name = argv[0];
  while (argc > 1 && !strncmp(argv[1], "--", 2)) {
    if (!strcmp(argv[1], "--native"))
      flags = XDP_FLAGS_DRV_MODE;
    else if (!strcmp(argv[1], "--generic"))
      flags = XDP_FLAGS_SKB_MODE;
    else if (!strcmp(argv[1], "--pin") && argc > 2)
      pins = argv[2], argc--, argv++;
    else
      return usage(name);
    argc--, argv++;
  }
  if (argc < 2) return usage(name);
  const char *verb = argv[1], *what = argc > 2 ? argv[2] : NULL, *more = argc > 3 ? argv[3] : NULL;
  if (!strcmp(verb, "attach")) return argc == 3 ? attach(what, flags) : usage(name);
  if (!strcmp(verb, "detach")) return argc == 2 ? detach() : usage(name);
  if (!strcmp(verb, "swap-all")) return argc == 3 ? swap_all(what) : usage(name);
  static const char *const verbs[] = {"swap", "stats", "metrics", "serve", "mode", "sample"};
  int known = 0;
  for (unsigned i = 0; i < sizeof verbs / sizeof *verbs; i++) known |= !strcmp(verb, verbs[i]);
  if (!known) return argc <= 3 ? run(verb, what, flags) : usage(name);
  struct maps maps = {pinned_map("_data_weights"), pinned_map("lock"),     pinned_map("verdicts"),
                      pinned_map("control"),       pinned_map("counters"), pinned_map("latency")};
  if (maps.verdicts < 0 && maps.weights < 0) return fail(pins);
  if (!strcmp(verb, "swap") && argc == 3 && maps.weights < 0) return fail("map .data.weights");
  if (!strcmp(verb, "swap") && argc == 3) return swap(&maps, what);
  if (!strcmp(verb, "stats") && argc == 2) return print_stats(&maps);
  if (!strcmp(verb, "metrics") && argc <= 3) return metrics(&maps, what);
  if (!strcmp(verb, "serve") && (argc == 3 || argc == 4)) return serve(&maps, what, more);
  if (!strcmp(verb, "mode") && argc == 3)
    for (int i = 0; i < MODES; i++)
      if (!strcmp(what, modes[i])) return set_control(maps.control, i, -1, 0);
  if (!strcmp(verb, "sample") && (argc == 3 || argc == 4) && atol(what) >= 0)
    return set_control(maps.control, -1, atol(what), more ? strtoul(more, NULL, 0) : 0);
  return usage(name);
}
