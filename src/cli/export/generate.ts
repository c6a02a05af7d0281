import type { ProgramMeta } from '../../compiler/api.ts';
import { FLAG_RESET, INPUT, inputBytes, NO_STOP, OUTPUT, outputBytes, STATUS, TEMPERATURE_ONE } from '../../compiler/lm/layout.ts';

const statusNames = (): string[] =>
  Object.entries(STATUS)
    .sort(([, a], [, b]) => a - b)
    .map(([name]) => name);

/** The main function of a loader in C: token numbers from standard input, generated ones to standard output. `name` is the program's, as a C string. */
export function generateMain(meta: ProgramMeta, name: string): string {
  const { positions, vocabulary } = meta.decoder!;
  const [request, answer] = [inputBytes(positions), outputBytes(positions)];
  return `
/* A request and, behind it, room for the answer; little-endian words. */
static unsigned char context[${request + answer}] __attribute__((aligned(8)));

static void put(unsigned off, uint32_t value) { memcpy(context + off, &value, 4); }

static uint32_t answered(unsigned off) {
  uint32_t value;
  memcpy(&value, context + ${request} + off, 4);
  return value;
}

int main(int argc, char **argv) {
  static const char *const status[] = {${statusNames()
    .map((status) => `"${status}"`)
    .join(', ')}};
  if (argc < 2) {
    fprintf(stderr, "usage: %s TOKENS [TEMPERATURE [BEST [SEED]]] < numbers of the prompt's tokens\\n", argv[0]);
    return 2;
  }
  double temperature = argc > 2 ? atof(argv[2]) : 0;
  put(${INPUT.flags}, ${FLAG_RESET});
  put(${INPUT.generate}, (uint32_t)strtoul(argv[1], NULL, 10));
  put(${INPUT.candidates}, argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : temperature > 0 ? 40 : 1);
  put(${INPUT.temperature}, (uint32_t)(temperature * ${TEMPERATURE_ONE}));
  put(${INPUT.seed}, argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 1);
  put(${INPUT.stop}, 0x${NO_STOP.toString(16)}u);
  uint32_t prompt = 0, token;
  while (prompt < ${positions} && scanf("%" SCNu32, &token) == 1) {
    if (token >= ${vocabulary}) {
      fprintf(stderr, "loader: there is no token %" PRIu32 "; the vocabulary has ${vocabulary}\\n", token);
      return 2;
    }
    uint16_t narrow = (uint16_t)token;
    memcpy(context + ${INPUT.tokens} + 2 * prompt++, &narrow, 2);
  }
  put(${INPUT.prompt}, prompt);
  struct bpf_object *object = load();
  if (!object) return fail("the kernel does not take the program");
  struct bpf_program *program = bpf_object__find_program_by_name(object, ${name});
  if (!program) return fail("the object lacks the program");
  LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = context, .ctx_size_in = sizeof context);
  if (bpf_prog_test_run_opts(bpf_program__fd(program), &run)) return fail("test run");
  for (uint32_t i = 0; i < answered(${OUTPUT.count}); i++) printf("%" PRIu32 "%c", answered(${OUTPUT.tokens} + 4 * i), i + 1 < answered(${OUTPUT.count}) ? ' ' : '\\n');
  fprintf(stderr, "%s, %" PRIu32 " positions in use\\n", run.retval < sizeof status / sizeof *status ? status[run.retval] : "?", answered(${OUTPUT.position}));
  bpf_object__close(object);
  return 0;
}
`;
}
