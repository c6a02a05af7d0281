import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Program } from '../bpf/program.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { programBtf } from './program-btf.ts';
import { readObject } from './reader.ts';
import { assembled } from './testing/assembled.ts';
import { writeObject } from './writer.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

function hasBpftool(): boolean {
  if (spawnSync('bpftool', ['version']).status === 0) return true;
  console.warn('loading objects with bpftool skipped: it is not installed');
  return false;
}

const folder = mkdtempSync(join(tmpdir(), 'bpformer-object-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Loads with bpftool, removes the pin and returns everything that it printed. */
function bpftoolLoad(object: Uint8Array, name: string): { ok: boolean; quiet: string; log: string } {
  const path = join(folder, `${name}.o`);
  const pin = `/sys/fs/bpf/bpformer-${process.pid}-${name}`;
  writeFileSync(path, object);
  const load = (args: string[]): { ok: boolean; text: string } => {
    const run = spawnSync('bpftool', [...args, 'prog', 'load', path, pin], { encoding: 'utf8', maxBuffer: 1 << 28 });
    if (existsSync(pin)) execFileSync('rm', [pin]);
    return { ok: run.status === 0, text: run.stdout + run.stderr };
  };
  const quiet = load([]);
  const debug = load(['-d']);
  return { ok: quiet.ok, quiet: quiet.text, log: debug.text };
}

const SOURCE = `
.section xdp
.license GPL
.map hits percpu_array 4 8 64
.map lru lru_hash 4 8 64
.map slots prog_array 4 4 2
.map events ringbuf 0 0 4096
.map outer hash_of_maps 4 4 8
.inner tables array 4 8 2
.map .data.weights array 4 64 1 0x400 section=.data.weights
  .data 0102030405060708090a
.map .rodata.t array 4 16 1 0x480 section=.rodata.t frozen
  .data ff
.map model.bss array 4 40 1 0x400 section=.bss
  .zero 40
.func classify global
  r6 = r1
  *(u32 *)(r10 -4) = 0
  r1 = map[hits]
  r2 = r10
  r2 += -4
  call bpf_map_lookup_elem
  r1 = map_value[.data.weights]+8
  r7 = *(u8 *)(r1 +1)
  r1 = map_value[model.bss]+32
  *(u64 *)(r1 +0) = r7
  r3 = map_value[.rodata.t]
  r2 = *(u8 *)(r3 +0)
  r1 = r7
  call glob
  r7 = r0
  r1 = 4
  r2 = func[callback]
  r3 = 0
  r4 = 0
  call bpf_loop
  r1 = r6
  call ctxfn
  r1 = r10
  r1 += -4
  call stat
  r1 = r10
  r1 += -4
  r2 = 0
  call memfn
  r0 = r7
  exit
.func glob global (scalar, scalar) -> scalar
  r0 = r1
  r0 += r2
  exit
.func callback static
  r0 = 0
  exit
.func ctxfn global (ctx) -> scalar
  r0 = *(u32 *)(r1 +16)
  exit
.func stat static
  r0 = *(u32 *)(r1 +0)
  exit
.func memfn global (mem:4, mem?:24) -> scalar
  r0 = *(u32 *)(r1 +0)
  if r2 == 0 goto pc+1
  r0 = *(u64 *)(r2 +16)
  exit
`;

const BASE = assembled(SOURCE);
const LINES: Program = {
  ...BASE,
  lineInfo: [
    { insnIdx: 0, file: 'model.onnx', line: 13, column: 0, text: 'softmax.0' },
    { insnIdx: 6, file: 'model.onnx', line: 14, column: 3, text: 'MatMul_1' },
  ],
};

describe.skipIf(!kernel || !hasBpftool())('objects in the kernel', () => {
  it('load with bpftool without a warning, and the log names the source', () => {
    const { ok, quiet, log } = bpftoolLoad(writeObject(LINES, { meta: { format: 'bpformer' } }), 'all');
    expect(quiet).toBe('');
    expect(ok).toBe(true);
    expect(log).toContain('\n; softmax.0 @ model.onnx:13\n');
    expect(log).toContain('\n; MatMul_1 @ model.onnx:14\n');
    expect(log).toContain('map_value(map=.data.weights,ks=4,vs=64,off=8)');
    expect(log).toContain("Func#1 ('glob') is safe for any args that match its prototype");
  });

  it('hold several programs', () => {
    const second = assembled(
      '.section tc\n.license GPL\n.map hits percpu_array 4 8 64\n.func other\nr1 = map[hits]\nr1 = 3\ncall glob\nr0 = 0\nexit\n.func glob global (scalar) -> scalar\nr0 = r1\nexit',
    );
    const path = join(folder, 'two.o');
    const pins = `/sys/fs/bpf/bpformer-${process.pid}-two`;
    writeFileSync(path, writeObject([LINES, second]));
    const run = spawnSync('bpftool', ['prog', 'loadall', path, pins], { encoding: 'utf8' });
    execFileSync('rm', ['-rf', pins]);
    expect(run.stdout + run.stderr).toBe('');
    expect(run.status).toBe(0);
  });

  it('mean the same whether libbpf loads the object or we load what we read from it', async () => {
    const object = writeObject(LINES);
    const { log } = bpftoolLoad(object, 'same');
    const read = readObject(object, 'same.o').programs[0]!;
    const ours = await kernel!.load(read, { logLevel: 6, btf: programBtf(read) });
    expect(ours.message).toBeNull();
    const counts = (text: string) => /processed \d+ insns .* peak_states \d+/.exec(text)?.[0];
    expect(counts(ours.log)).toBe(counts(log));
    const run = await ours.program!.testRun(new Uint8Array(64));
    // weights[9] + table[0]
    expect(run).toMatchObject({ errno: 0, returnValue: 10 + 255 });
    expect(await ours.program!.map('same.bss').lookup(new Uint8Array(4))).toEqual(
      Uint8Array.from({ length: 40 }, (_, i) => (i === 32 ? 10 : 0)),
    );
    await ours.program!.closeAll();
  });

  it.each([
    ['tc', 'r0 = 0', 'r0 = *(u32 *)(r1 +0)'],
    ['socket', 'r0 = 0', 'r0 = *(u32 *)(r1 +0)'],
    ['tp/syscalls/sys_enter_openat', 'r0 = 0', 'r0 = *(u64 *)(r1 +8)'],
    ['syscall', 'r0 = 0', 'r0 = 1'],
    ['xdp.frags', 'r0 = 2', 'r0 = *(u32 *)(r1 +0)'],
    ['cgroup_skb/egress', 'r0 = 1', 'r0 = *(u32 *)(r1 +0)'],
    ['kprobe/do_nanosleep', 'r0 = 0', 'r0 = *(u64 *)(r1 +0)'],
    ['raw_tp/sys_enter', 'r0 = 0', 'r0 = *(u64 *)(r1 +8)'],
    ['perf_event', 'r0 = 0', 'r0 = *(u64 *)(r1 +0)'],
  ])('load for section %s', (section, body, read) => {
    const text = `.section ${section}\n.license GPL\n.func main\ncall ctxfn\n${body}\nexit\n.func ctxfn global (ctx) -> scalar\n${read}\nr0 = 0\nexit`;
    const { quiet, log } = bpftoolLoad(writeObject(assembled(text)), section.replace(/\W/g, '-'));
    expect(quiet, log).toBe('');
    expect(log).toContain("('ctxfn') is safe for any args that match its prototype");
  });
});
