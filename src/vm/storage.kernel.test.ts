import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import { Attr } from '../companion/attr.ts';
import { type Kernel, KernelMap } from '../companion/kernel.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { Vm } from './vm.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const MAP_CREATE = 0;

/** Types of two integers, of 4 and 8 bytes: storages of objects need them. */
function integers(): Uint8Array {
  const names = new TextEncoder().encode('\0key\0value\0');
  const types = Uint32Array.of(1, 1 << 24, 4, 32, 5, 1 << 24, 8, 64);
  const head = Uint32Array.of(0x0001eb9f, 24, 0, types.byteLength, types.byteLength, names.length);
  return Uint8Array.from([...new Uint8Array(head.buffer), ...new Uint8Array(types.buffer), ...names]);
}

async function storage(k: Kernel, name: string): Promise<KernelMap> {
  const btf = await k.loadBtf(integers());
  const def = { name, type: 24, keySize: 4, valueSize: 8, maxEntries: 0, flags: 1 };
  const attr = new Attr(80).u32(0, def.type).u32(4, 4).u32(8, 8).u32(16, def.flags).name(28, name).u32(48, btf).u32(52, 1).u32(56, 2);
  const { result } = await k.loader.bpf(MAP_CREATE, attr.bytes);
  await k.loader.closeFd(btf);
  if (result < 0) throw new Error(`the kernel refuses the storage: errno ${-result}`);
  return new KernelMap(k, result, def);
}

/** The storage's value for the packet's socket; `initial` is an address or 0. */
const get = (initial: string, flags: number): string =>
  `r1 = map[s]\nr2 = r6\nr3 = ${initial}\n${initial === '0' ? '' : 'r3 += -8\n'}r4 = ${flags}\ncall bpf_sk_storage_get`;
/** Adds to r8 the value behind r0 times 10, or 1 where there is none; and writes \`next\` there. */
const note = (label: string, next: number): string => `
r8 *= 100
if r0 != 0 goto has${label}
r8 += 1
goto next${label}
has${label}:
r1 = *(u32 *)(r0 +0)
r8 += r1
*(u64 *)(r0 +0) = ${next}
next${label}:`;
const remove = `r1 = map[s]\nr2 = r6\ncall bpf_sk_storage_delete\nr8 *= 100\nr0 = -r0\nr8 += r0`;

const program = (steps: readonly string[]): string => `
.section tc
.license GPL
.map s sk_storage 4 8 0 1
*(u64 *)(r10 -8) = 77
r6 = *(u64 *)(r1 +168)
r8 = 0
r0 = 9999
if r6 == 0 goto out
r1 = r6
call bpf_sk_fullsock
if r0 == 0 goto out
r6 = r0
${steps.join('\n')}
r0 = r8
out: exit`;

describe.skipIf(!kernel)('storages of sockets', () => {
  it.each([
    ['none before one is made', [get('0', 0), note('a', 5), get('0', 1), note('b', 6), get('0', 0), note('c', 7)]],
    ['the first value is what is given', [get('r10', 1), note('a', 8), get('r10', 1), note('b', 9)]],
    ['deleted once', [get('0', 1), note('a', 3), remove, remove, get('0', 0), note('b', 1)]],
    ['unknown flags', [get('0', 2), note('a', 5), get('0', 3), note('b', 5)]],
  ])('%s', async (_, steps) => {
    const { program: made, diagnostics } = assemble(program(steps));
    expect(diagnostics).toEqual([]);
    await kernel!.pin(0);
    const map = await storage(kernel!, 's');
    const loaded = await kernel!.load(made!, { logLevel: 1, maps: new Map([['s', map]]) });
    expect(loaded.message).toBeNull();
    const packet = new Uint8Array(64);
    const expected = (await loaded.program!.testRun(packet)).returnValue;
    expect(expected).not.toBe(9999);
    for (const engine of ['interp', 'wasm'] as const) expect(new Vm(made!, { engine }).run({ packet }).returnValue).toBe(expected);
    await loaded.program!.closeAll();
  });
});

const LOCAL = `
r6 = 0
again:
r1 = map[s]
r2 = 0
call bpf_get_local_storage
r1 = *(u64 *)(r0 +0)
r1 += 3
*(u64 *)(r0 +0) = r1
r6 += 1
if r6 < 5 goto again
r0 = 1
if r1 == 15 goto out
r0 = 0
out: exit`;

describe.skipIf(!kernel)('storages of the cgroup that a program is attached to', () => {
  it.each(['cgroup_storage', 'percpu_cgroup_storage'])('%s keeps its value from call to call', async (type) => {
    const { program: made, diagnostics } = assemble(`.section cgroup/skb\n.license GPL\n.map s ${type} 8 8 0${LOCAL}`);
    expect(diagnostics).toEqual([]);
    await kernel!.pin(0);
    const loaded = await kernel!.load(made!, { logLevel: 1 });
    expect(loaded.message).toBeNull();
    const packet = new Uint8Array(64);
    expect((await loaded.program!.testRun(packet)).returnValue).toBe(1);
    for (const engine of ['interp', 'wasm'] as const) expect(new Vm(made!, { engine }).run({ packet }).returnValue).toBe(1);
    await loaded.program!.closeAll();
  });
});
