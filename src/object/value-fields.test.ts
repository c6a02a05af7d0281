import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readObject } from './reader.ts';

const SOURCE = `
#define SEC(name) __attribute__((section(name), used))
#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name
#define __kptr __attribute__((btf_type_tag("kptr")))
#define __kptr_untrusted __attribute__((btf_type_tag("kptr_untrusted")))
struct bpf_timer { unsigned long long a, b; } __attribute__((aligned(8)));
struct task_struct;
struct inner { int n; struct bpf_timer timer; };
struct value { int count; struct inner deep; struct task_struct __kptr *owner; struct task_struct __kptr_untrusted *seen[2]; };
struct { __uint(type, 2); __uint(max_entries, 1); __type(key, int); __type(value, struct value); } objects SEC(".maps");
SEC("xdp") int prog(void *ctx) { return objects.type != 0; }
`;
const hasClang = spawnSync('clang-19', ['--version']).status === 0;
if (!hasClang) console.warn('kernel objects in map values: skipped, there is no clang-19');

it.skipIf(!hasClang)('kernel objects in a map value are found where clang put them', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-fields-'));
  try {
    const [source, object] = [join(folder, 'x.c'), join(folder, 'x.o')];
    writeFileSync(source, SOURCE);
    execFileSync('clang-19', ['-target', 'bpf', '-O2', '-g', '-c', source, '-o', object]);
    const map = readObject(new Uint8Array(readFileSync(object)), 'x.o').programs[0].maps.find(({ name }) => name === 'objects');
    expect(map?.fields).toEqual([
      { kind: 'bpf_timer', byteOff: 16, size: 16 },
      { kind: 'kptr', byteOff: 32, size: 8, target: 'task_struct' },
      { kind: 'kptr_untrusted', byteOff: 40, size: 8, target: 'task_struct' },
      { kind: 'kptr_untrusted', byteOff: 48, size: 8, target: 'task_struct' },
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
