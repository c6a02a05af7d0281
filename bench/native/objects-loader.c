/*
 * objects-loader FILE [EXCEPT]...: asks the kernel about each program of an object but those named, through libbpf, one load a program, so
 * that one that is refused costs the others nothing. A JSON line for each: name, section, type, error, what libbpf said last when it never asked, and the
 * verifier's log: counters alone (level 4), and for a refusal the end of the log of its paths (level 1).
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define LOG_BYTES (32u << 20)
#define TAIL_BYTES (64u << 10)

static char said[2048];

static int remember(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[1024];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	/* The log itself is printed as a warning too; the first lines say what went wrong. */
	if (strlen(said) + strlen(line) + 1 < sizeof(said))
		strcat(said, line);
	return 0;
}

static void print_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 32 || c > 126)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static int is_named(const struct bpf_program *prog, const char *name)
{
	return strcmp(bpf_program__name(prog), name) == 0;
}

static int is_listed(const char *name, char **names)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return 1;
	return 0;
}

/* Loads the object with one program; returns libbpf's error. */
static int load_one(const char *file, const char *name, int level, char *log, int print_head)
{
	struct bpf_object *object = bpf_object__open_file(file, NULL);
	struct bpf_program *prog;
	int err;

	if (!object)
		return -errno;
	bpf_object__for_each_program(prog, object) {
		int mine = is_named(prog, name);

		bpf_program__set_autoload(prog, mine);
		if (!mine)
			continue;
		log[0] = 0;
		bpf_program__set_log_buf(prog, log, LOG_BYTES);
		bpf_program__set_log_level(prog, level);
		if (print_head) {
			printf(",\"section\":");
			print_string(bpf_program__section_name(prog));
			printf(",\"type\":%d,\"attach\":%d", bpf_program__type(prog), bpf_program__expected_attach_type(prog));
		}
	}
	said[0] = 0;
	err = bpf_object__load(object);
	bpf_object__close(object);
	return err;
}

int main(int argc, char **argv)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct bpf_object *object;
	struct bpf_program *prog;
	char **names = NULL;
	int count = 0;
	char *log = malloc(LOG_BYTES);

	if (argc < 2 || !log)
		return 2;
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	libbpf_set_print(remember);
	object = bpf_object__open_file(argv[1], NULL);
	if (!object) {
		printf("{\"open\":%d,\"said\":", -errno);
		print_string(said);
		printf("}\n");
		return 0;
	}
	bpf_object__for_each_program(prog, object) {
		names = realloc(names, (count + 1) * sizeof(*names));
		names[count++] = strdup(bpf_program__name(prog));
	}
	bpf_object__close(object);
	for (int i = 0; i < count; i++) {
		int err;

		if (is_listed(names[i], argv + 2))
			continue;
		printf("{\"name\":");
		print_string(names[i]);
		err = load_one(argv[1], names[i], 4, log, 1);
		printf(",\"err\":%d,\"said\":", err);
		print_string(err && !log[0] ? said : "");
		printf(",\"log\":");
		print_string(log);
		if (err && log[0]) {
			size_t length;

			load_one(argv[1], names[i], 1, log, 0);
			length = strlen(log);
			printf(",\"paths\":");
			print_string(length > TAIL_BYTES ? log + length - TAIL_BYTES : log);
		}
		printf("}\n");
		fflush(stdout);
	}
	return 0;
}
