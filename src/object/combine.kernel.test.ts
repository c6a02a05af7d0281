import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { InputError } from '../base/errors.ts';
import { randomOf } from '../base/random.ts';
import { runningKernel } from '../companion/kernel-target.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { verify } from '../verifier/verify.ts';
import { Vm } from '../vm/vm.ts';
import { KIND_FUNC, KIND_STRUCT } from './btf.ts';
import { linkObjects } from './combine.ts';
import { programBtf } from './program-btf.ts';
import { readObject } from './reader.ts';

const kernel = await kernelForTests();
const folder = mkdtempSync(join(tmpdir(), 'bpformer-combine-'));
afterAll(() => {
  kernel?.close();
  rmSync(folder, { recursive: true, force: true });
});
const has = (tool: string, arg: string): boolean => spawnSync(tool, [arg]).status === 0;
const CLANG = ['clang-19', 'clang-16'].find((tool) => has(tool, '--version'));
const isPossible = kernel !== null && CLANG !== undefined && has('bpftool', 'version');

const HEAD = `#define SEC(n) __attribute__((section(n), used))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
typedef unsigned int __u32; typedef unsigned long long __u64;
struct xdp_md { __u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex; };
struct point { int x, y; struct point *next; const char *name; };
static void *(*lookup)(void *, const void *) = (void *)1;
static long (*core)(void) = (void *)8;
`;
const MAIN = `${HEAD}
extern struct { __uint(type, 2); __uint(max_entries, 4); __type(key, __u32); __type(value, __u64); } shared SEC(".maps");
extern int scale; extern int weight(struct point *p); extern __attribute__((visibility("hidden"))) int sum(void *data, void *end);
extern int both(int);
__u64 calls = 7; const volatile int LIMIT = 3;
static __attribute__((noinline)) int own(int x) { return x * 3 + LIMIT; }
__attribute__((weak)) int chosen(int x) { return x + 1000; }
SEC("xdp") int first(struct xdp_md *ctx) {
  void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  struct point p = { data + 4 <= end ? *(unsigned char *)data : 1, 2 };
  __u32 key = 2; __u64 *value = lookup(&shared, &key);
  if (value) *value += 5;
  calls++;
  return own(p.x) + weight(&p) + sum(data, end) + scale + chosen(1) + both(4) + (value ? (int)*value : 0) + (int)calls;
}
char _license[] SEC("license") = "GPL";
`;
const LIBRARY = `${HEAD}
struct { __uint(type, 2); __uint(max_entries, 4); __type(key, __u32); __type(value, __u64); } shared SEC(".maps");
int scale = 40; __u64 calls_here; const volatile int LIMITS[5] = { 9, 8, 7, 6, 5 };
static __attribute__((noinline)) int own(int x) { calls_here++; return x * 5 + LIMITS[x & 3]; }
int weight(struct point *p) { return p ? own(p->x) + p->y : 0; }
int chosen(int x) { return x + 2; }
__attribute__((weak)) int both(int x) { return x + 3; }
__attribute__((visibility("hidden"))) int sum(void *data, void *end) {
  int s = 0;
  for (int i = 0; i < 8; i++) { if (data + i + 1 > end) break; s += ((unsigned char *)data)[i]; }
  return s;
}
SEC("xdp") int second(struct xdp_md *ctx) { __u32 key = 2; __u64 *value = lookup(&shared, &key); return value ? (int)*value + own(1) : 0; }
char _license[] SEC("license") = "Dual BSD/GPL";
`;
const BOTH = `${HEAD} __attribute__((weak)) int both(int x) { return x + 7000; } __u64 third;`;

function built(name: string, source: string): { name: string; bytes: Uint8Array; path: string } {
  const path = join(folder, `${name}.o`);
  writeFileSync(join(folder, `${name}.c`), source);
  execFileSync(CLANG!, ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-c', join(folder, `${name}.c`), '-o', path], { stdio: 'pipe' });
  return { name: `${name}.o`, bytes: new Uint8Array(readFileSync(path)), path };
}

describe.skipIf(!isPossible)('objects linked into one', () => {
  const files = isPossible ? [built('main', MAIN), built('library', LIBRARY), built('both', BOTH)] : [];
  const bytes = isPossible ? linkObjects(files) : new Uint8Array();
  const packet = Uint8Array.from({ length: 64 }, (_, at) => at * 3 + 5);

  test('it computes what bpftool gen object makes of them, in the kernel and in our engine', async () => {
    // bpftool wants equal licences.
    const theirs = join(folder, 'theirs.o');
    const same = built('library-gpl', LIBRARY.replace('Dual BSD/GPL', 'GPL'));
    execFileSync('bpftool', ['gen', 'object', theirs, files[0]!.path, same.path, files[2]!.path], { stdio: 'pipe' });
    const results: number[][] = [];
    for (const object of [bytes, new Uint8Array(readFileSync(theirs))]) {
      const { programs } = readObject(object, 'all.o', runningKernel());
      expect(programs.map(({ name }) => name).sort()).toEqual(['first', 'second']);
      for (const program of [...programs].sort((a, b) => (a.name < b.name ? -1 : 1))) {
        const loaded = await kernel!.load(program, { btf: programBtf(program), logLevel: 1 });
        expect(loaded.message, loaded.log.slice(-1500)).toBeNull();
        const ours = verify(program, { kernel: '6.18', privilege: 'root', logLevel: 0 });
        expect(ours).toMatchObject({ accepted: true });
        const vm = new Vm(program, { engine: 'interp' });
        const runs = [];
        for (let i = 0; i < 3; i++) runs.push((await loaded.program!.testRun(packet)).returnValue, vm.runXdp(packet).returnValue);
        results.push(runs);
      }
    }
    expect(results.slice(0, 2)).toEqual(results.slice(2));
    for (const runs of results) for (let i = 0; i < runs.length; i += 2) expect(runs[i]).toBe(runs[i + 1]);
    // own(5) = 18, weight 5·5 + LIMITS[1] + 2 = 35, sum 124, scale 40, chosen(1) = 3, both(4) = 7, the map's 5, calls 8.
    expect(results[0]![0]).toBe(18 + 35 + 124 + 40 + 3 + 7 + 5 + 8);
  });

  test('libbpf loads it', async () => {
    const loaded = await kernel!.loadObject(bytes);
    expect(loaded.program, loaded.output.slice(-2000)).not.toBeNull();
    expect((await loaded.program!.testRun(packet)).returnValue).toBe(240);
  });

  test('equal types are there once, also in rings, and a declared function has the type of the defined one', () => {
    const { btf } = readObject(bytes, 'all.o');
    const named = (kind: number, name: string) => btf!.named(name).filter((id) => btf!.at(id).kind === kind).length;
    expect([named(KIND_STRUCT, 'point'), named(KIND_STRUCT, 'xdp_md'), named(KIND_FUNC, 'weight'), named(KIND_FUNC, 'own')]).toEqual([
      1, 1, 1, 2,
    ]);
  });

  test('what does not go together is refused by name', () => {
    const message = (...sources: string[]): string => {
      try {
        linkObjects(sources.map((source, at) => built(`bad${at}`, source)));
      } catch (error) {
        if (error instanceof InputError) return error.message;
        throw error;
      }
      return 'linked';
    };
    const licence = 'char _license[] SEC("license") = "GPL";';
    expect(message(`${HEAD} int f(int x) { return x; } ${licence}`, `${HEAD} int f(int x) { return 2; }`)).toContain(
      'f is defined here and in bad0.o',
    );
    expect(message(`${HEAD} ${licence} int a;`, `${HEAD} char l[] SEC("license") = "Proprietary"; int b;`)).toContain(
      'its licence is "Proprietary", that of bad0.o "GPL"',
    );
    expect(message(`${HEAD} int f(int x); int g(void) { return f(1); }`, `${HEAD} int f(void *x, int y) { return x ? y : 0; }`)).toContain(
      'f is declared as taking (number), and takes (pointer, number)',
    );
  });

  test('damaged objects are linked or refused in a sentence', () => {
    const random = randomOf(5);
    let refused = 0;
    for (let i = 0; i < 400; i++) {
      const damaged = files[1]!.bytes.slice(0, random() < 0.2 ? Math.floor(random() * files[1]!.bytes.length) : undefined);
      for (let n = 1 + Math.floor(random() * 4); n > 0; n--) damaged[Math.floor(random() * damaged.length)] = Math.floor(random() * 256);
      try {
        linkObjects([files[0]!, { name: 'damaged.o', bytes: damaged }]);
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(60);
  });
});
