import { afterAll, describe, expect, test } from 'vitest';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import { programBtf } from '../../object/program-btf.ts';
import { readObject } from '../../object/reader.ts';
import { Vm } from '../../vm/vm.ts';
import { encodeContext } from './context.ts';
import { linuxObject } from './linux/object.ts';
import { loadHookPrograms } from './program.ts';
import { readRequests } from './requests.ts';
import { commandOf, momentOf, servicesOf, tensorOf } from './testing/commands.ts';
import { compileUse, USES, u32 } from './testing/uses.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const btf = (program: Parameters<typeof programBtf>[0]) => (program.subprogs.length > 1 ? { btf: programBtf(program) } : {});

describe.skipIf(!kernel)('the shipped programs', { timeout: 240_000 }, () => {
  test.each(USES)('Linux takes every program of %s as a syscall program', async (use) => {
    const { object, programs, diagnostics } = await compileUse(use);
    expect(diagnostics).toEqual([]);
    // The device takes them too, all at once.
    expect(loadHookPrograms(programs).map(({ name }) => name)).toEqual(programs.map(({ name }) => name));
    const linux = readObject(await linuxObject(object!, `${use}.o`), `${use}.o`);
    expect(linux.programs.map(({ name, section }) => [name, section])).toEqual(programs.map(({ name }) => [name, 'syscall']));
    for (const program of linux.programs) {
      const loaded = await kernel!.load(program, btf(program));
      expect(loaded.program, `${program.name}: ${loaded.message}`).not.toBeNull();
      await loaded.program!.closeAll();
    }
  });

  test('the shape check answers in the kernel as on the device', async () => {
    const { object, programs } = await compileUse('shape_provenance');
    const at = programs.findIndex(({ name }) => name === 'shape_provenance');
    const own = loadHookPrograms(programs)[at]!;
    const linux = readObject(await linuxObject(object!, 'x.o'), 'x.o').programs[at]!;
    const loaded = await kernel!.load(linux, btf(linux));
    expect(loaded.program, `${loaded.message}`).not.toBeNull();
    const limit = u32(4096, 64, 1, 1, 1, 1, 1, 1, 2, 2, 0);
    own.maps.get('bounds').update(u32(0), limit);
    await loaded.program!.map('bounds').update(u32(0), limit);
    const seen = new Set<number>();
    const tensors = [
      tensorOf(4096),
      tensorOf(4097),
      tensorOf(0),
      tensorOf(4, { strides: [4096, 4] }),
      tensorOf(4, { dtype: 7 }),
      tensorOf(4, { dtype: 99 }),
      tensorOf(4, { dims: [2, 2, 2], strides: [64, 16, 4] }),
      tensorOf(4, { strides: [2 ** 52, 2 ** 52] }),
      tensorOf(4, { role: 'weight' }),
    ];
    for (const tensor of tensors) {
      const context = encodeContext(commandOf(1, { tensors: [tensor] }), momentOf('validate_tensor'));
      const here = own.run(context, servicesOf()).returnValue;
      const there = await loaded.program!.testRun(new Uint8Array(0), { ctx: context });
      expect([there.errno, there.returnValue | 0]).toEqual([0, here]);
      seen.add(here);
    }
    expect([...seen].sort((a, b) => a - b)).toEqual([-22, 0]);
    await loaded.program!.closeAll();
  });

  test('control on the host hands requests over alike in the kernel and here', async () => {
    const { programs } = await compileUse('host_control');
    const [program] = programs;
    const loaded = await kernel!.load(program!, btf(program!));
    expect(loaded.program, `${loaded.message}`).not.toBeNull();
    const vm = new Vm(program!);
    const credit = Uint8Array.of(20, 0, 0, 0, 0, 0, 0, 0);
    vm.maps.get('credit').update(u32(5), credit);
    await loaded.program!.map('credit').update(u32(5), credit);
    const packet = (
      tenant: number,
      tokens: number,
      input: number,
      { magic = 0x42464143, port = 7070, claims = input } = {},
    ): Uint8Array => {
      const bytes = new Uint8Array(14 + 20 + 8 + 20 + input);
      const view = new DataView(bytes.buffer);
      view.setUint16(12, 0x0800);
      bytes[14] = 0x45;
      bytes[23] = 17;
      view.setUint16(36, port);
      view.setUint32(42, magic);
      view.setUint32(46, tenant);
      view.setUint32(50, 1);
      view.setUint32(54, 77);
      view.setUint16(58, tokens);
      view.setUint16(60, claims);
      bytes.fill(0xa5, 62);
      return bytes;
    };
    const packets = [
      packet(5, 8, 64),
      packet(5, 8, 256),
      packet(5, 8, 1),
      packet(6, 1, 8),
      packet(5, 1, 8, { magic: 1 }),
      packet(5, 1, 8, { port: 53 }),
      packet(5, 1, 8, { claims: 9 }),
      packet(5, 0, 8),
    ];
    const here: Uint8Array[] = [];
    const returns: number[] = [];
    for (const each of packets) {
      const run = vm.runXdp(each);
      returns.push(run.returnValue);
      for (const event of run.events) if (event.kind === 'ringbuf') here.push(event.data);
      expect((await loaded.program!.testRun(each)).returnValue).toBe(run.returnValue);
    }
    expect(returns).toEqual([1, 1, 1, 1, 1, 2, 1, 1]);
    const there = await loaded.program!.map('requests').takeRecords();
    const plain = (records: readonly Uint8Array[]) => readRequests(records).map((request) => ({ ...request, arrivedNs: 0 }));
    expect(plain(there)).toEqual(plain(here));
    expect(plain(here).map(({ request, tenant, tokens, input }) => [request, tenant, tokens, input.length])).toEqual([
      [2 ** 32 + 77, 5, 8, 64],
      [2 ** 32 + 77, 5, 8, 256],
    ]);
    await loaded.program!.closeAll();
  });
});
