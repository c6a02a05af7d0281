import { readFileSync } from 'node:fs';
import type { Program } from '../../bpf/program.ts';
import type { ProgramMeta, TensorSlot } from '../../compiler/api.ts';
import { BYTES } from '../../compiler/slots.ts';
import { elementCount } from '../../onnx/tensor.ts';
import { generateMain } from './generate.ts';

const text = (value: string): string => JSON.stringify(value).replace(/[^\x20-\x7e]/g, '?');

function slotRows(slots: readonly TensorSlot[]): string {
  return slots
    .map(
      ({ name, dims, map, byteOff, elem, scale }) =>
        `  {${text(name)}, ${text(map)}, ${byteOff}, ${elementCount(dims)}, ${BYTES[elem]}, '${elem[0]}', ${Number(scale.toPrecision(17))}},`,
    )
    .join('\n');
}

/** Bytes as C writes them, 24 a line. */
function bytesOf(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 24) lines.push(`  ${[...bytes.subarray(at, at + 24)].join(', ')},`);
  return lines.join('\n');
}

const embedded = (object: Uint8Array): string => `static const unsigned char object_bytes[] __attribute__((aligned(8))) = {
${bytesOf(object)}
};
`;

/** A loader in C with the object inside: it attaches and looks after a packet program, runs a tensor program on numbers from standard input, or generates text. */
export function loaderSource(program: Program, meta: ProgramMeta, object: Uint8Array): string {
  const isTensor = (meta.binding as { input?: { kind?: string } } | null)?.input?.kind === 'tensor';
  const isCall = meta.decoder !== undefined && meta.binding === null;
  return isTensor || isCall ? runnerSource(program, meta, object, isCall) : packetLoader(program, meta, object);
}

/** The text of a C file of ours. */
const ours = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

function packetLoader(program: Program, meta: ProgramMeta, object: Uint8Array): string {
  return `/* ${meta.model.file} as an eBPF program, with its loader. Build: cc -O2 -o loader THIS.c -lbpf
   Run as root: loader IFACE attaches the program until it is interrupted; loader without arguments says what else there is. */
#define _GNU_SOURCE
#define PROGRAM ${text(program.name)}
${embedded(object)}
${ours('../../companion/swap-weights.h')}
${ours('packet-loader.c')}`;
}

function runnerSource(program: Program, meta: ProgramMeta, object: Uint8Array, isCall: boolean): string {
  const use = isCall
    ? 'TOKENS [TEMPERATURE [BEST [SEED]]]: reads the prompt as token numbers from standard input and prints those that the model writes'
    : 'reads numbers of one input after the other from standard input and prints results';
  return `/* ${meta.model.file} as an eBPF program, with its loader. Build: cc -O2 -o loader THIS.c -lbpf
   Run as root: loader ${use}. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

${
  isCall
    ? ''
    : `/* A tensor in a map: real = scale * integer; kind 'u' tokens, 'i' integers, 'f' float32. */
struct tensor {
  const char *name, *map;
  unsigned off, count, bytes;
  char kind;
  double scale;
};
static const struct tensor inputs[] = {
${slotRows(meta.inputs)}
};
static const struct tensor outputs[] = {
${slotRows(meta.outputs)}
};
`
}
${embedded(object)}
static int fail(const char *what) {
  fprintf(stderr, "loader: %s: %s\\n", what, strerror(errno));
  return 1;
}

static struct bpf_object *load(void) {
  struct bpf_object *object = bpf_object__open_mem(object_bytes, sizeof object_bytes, NULL);
  if (!object) return NULL;
  return bpf_object__load(object) ? NULL : object;
}
${
  isCall
    ? generateMain(meta, text(program.name))
    : `
static void store(const struct tensor *t, unsigned char *value, unsigned i, double x) {
  unsigned char *to = value + t->off + i * t->bytes;
  if (t->kind == 'f') {
    float f = (float)x;
    memcpy(to, &f, 4);
    return;
  }
  double lo = t->kind == 'u' ? 0 : -32768, hi = t->kind == 'u' ? 65535 : 32767;
  double q = t->kind == 'u' ? x : floor(x / t->scale + 0.5);
  int32_t whole = (int32_t)(q < lo ? lo : q > hi ? hi : q);
  memcpy(to, &whole, t->bytes);
}

static double fetch(const struct tensor *t, const unsigned char *value, unsigned i) {
  int32_t whole;
  memcpy(&whole, value + t->off + i * 4, 4);
  return whole * t->scale;
}

int main(void) {
  struct bpf_object *object = load();
  if (!object) return fail("the kernel does not take the program");
  struct bpf_program *program = bpf_object__find_program_by_name(object, ${text(program.name)});
  struct bpf_map *in = bpf_object__find_map_by_name(object, "input"), *out = bpf_object__find_map_by_name(object, "output");
  if (!program || !in || !out) return fail("the object lacks a program or a map");
  unsigned char *given = calloc(1, bpf_map__value_size(in)), *got = calloc(1, bpf_map__value_size(out));
  unsigned char packet[64] = {0};
  uint32_t key = 0;
  for (;;) {
    for (unsigned n = 0; n < sizeof inputs / sizeof *inputs; n++)
      for (unsigned i = 0; i < inputs[n].count; i++) {
        double x;
        if (scanf("%lf", &x) != 1) return n || i ? fail("the numbers end within an input") : 0;
        store(&inputs[n], given, i, x);
      }
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = sizeof packet, .repeat = 1);
    if (bpf_map_update_elem(bpf_map__fd(in), &key, given, BPF_ANY)) return fail("map input");
    if (bpf_prog_test_run_opts(bpf_program__fd(program), &run)) return fail("test run");
    if (bpf_map_lookup_elem(bpf_map__fd(out), &key, got)) return fail("map output");
    for (unsigned n = 0; n < sizeof outputs / sizeof *outputs; n++) {
      printf("%s:", outputs[n].name);
      for (unsigned i = 0; i < outputs[n].count; i++) printf(" %.9g", fetch(&outputs[n], got, i));
      printf("\\n");
    }
    fflush(stdout);
  }
}
`
}`;
}
