import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomOf } from '../../../base/random.ts';
import type { Program } from '../../../bpf/program.ts';
import { compileC } from '../../../clang/compile.ts';
import type { KernelProgram } from '../../../companion/kernel-program.ts';
import { kernelForTests } from '../../../companion/vitest-kernel.ts';
import { programBtf } from '../../../object/program-btf.ts';
import { readObject } from '../../../object/reader.ts';
import type { Command, TensorDesc } from '../command.ts';
import { decodeContext, encodeContext } from '../context.ts';
import { Enclave } from '../enclave.ts';
import { DeviceMemory } from '../memory.ts';
import { type LoadedProgram, loadHookProgram } from '../program.ts';
import { Sealer, servicesFor } from '../services.ts';
import { commandOf, momentOf, tensorOf } from '../testing/commands.ts';
import { Uuids } from '../uuid.ts';
import { decodeSeal, decodeState, encodeState, readTrace } from './host.ts';
import { linuxObject } from './object.ts';
import { CALLERS } from './testing/functions.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const BASE = 0x40000;
const WINDOW = 1 << 20;
const EPOCH_MS = 1_700_000_000_000;
const NOW_NS = 12_345_678_901;
const index = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

const ARTICLE = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <gaudi.h>
SEC("gaudi/validate_tensor")
int validate(struct bpf_context *ctx) {
if (ctx->tensor.dim[0] > 4096) return -1;
return 0;
}
`;

async function inKernel(program: Program): Promise<KernelProgram> {
  const loaded = await kernel!.load(program, program.subprogs.length > 1 ? { btf: programBtf(program) } : {});
  expect(loaded.program, `${program.name}: ${loaded.message}`).not.toBeNull();
  return loaded.program!;
}

/** A device of its own for our engines, with the same bytes as a window in the kernel's map. */
class Both {
  readonly memory = new DeviceMemory(BASE + WINDOW);
  readonly enclave = new Enclave();
  readonly sealer = new Sealer(this.memory, this.enclave);
  readonly uuids = new Uuids(1);
  readonly trace: Uint8Array[] = [];
  priority: number | null = null;

  constructor(bytes: Uint8Array, keys: ReadonlyMap<number, Uint8Array>) {
    this.memory.write(BASE, bytes);
    for (const [handle, key] of keys) this.enclave.put(handle, key);
  }

  run(program: LoadedProgram, command: Command, context: Uint8Array) {
    const services = servicesFor(command, {
      memory: this.memory,
      enclave: this.enclave,
      sealer: this.sealer,
      nowNs: () => NOW_NS,
      uuid: () => this.uuids.next(EPOCH_MS + Math.floor(NOW_NS / 1e6)),
      trace: (record) => {
        this.trace.push(record);
        return 0;
      },
      setPriority: (priority) => {
        this.priority = priority;
        return 0;
      },
    });
    return program.run(context, services);
  }
}

/** The value of map `accel_window`. */
function windowValue(bytes: Uint8Array): Uint8Array {
  const value = new Uint8Array(WINDOW + 64);
  value.set(bytes);
  return value;
}

/** Large arrays are compared as one. */
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

const random = randomOf(9);
const below = (most: number): number => Math.floor(random() * most);
const bytesOf = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => below(256));
const SIZES = [0, 1, 15, 16, 17, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 4096, 5001];
const KEYS = new Map([
  [1, bytesOf(32)],
  [7, bytesOf(32)],
  [0xffffffff, bytesOf(32)],
]);

/** A command of 1 to 4 tensors somewhere in the window; now and then one that is not all in it. */
function randomCommand(tensors: readonly TensorDesc[]): Command {
  return commandOf(4, {
    tensors,
    seq: below(1e6),
    request: below(2 ** 31),
    token: below(tensors.length + 1),
    layer: below(140),
    key: [1, 7, 0xffffffff, 2][below(4)]!,
    deadlineNs: [0, 1, 17, 990, 2 ** 33][below(5)]!,
  });
}

function randomTensors(places: () => number): TensorDesc[] {
  return Array.from({ length: 1 + below(4) }, () => {
    const bytes = SIZES[below(SIZES.length)]!;
    return tensorOf(1, { bytes, addr: places(), role: 'output' });
  });
}

const bytes = bytesOf(WINDOW);

describe.skipIf(!kernel)('programs of the accelerator in the kernel', { timeout: 180_000 }, () => {
  let programs: readonly Program[] = [];
  let onLinux: readonly Program[] = [];

  beforeAll(async () => {
    const { programs: own, object, diagnostics } = await compileC(CALLERS, { fileName: 'callers.c' });
    expect(diagnostics).toEqual([]);
    programs = own;
    onLinux = readObject(await linuxObject(object!, 'callers.o'), 'callers.o').programs;
  }, 120_000);

  test('the check of the article’s program passes 4,096 and refuses 4,097 there as here', async () => {
    const { programs: own, object } = await compileC(ARTICLE, { fileName: 'validate.c' });
    const engine = loadHookProgram(own[0]!);
    const [exported] = readObject(await linuxObject(object!), 'validate.o').programs;
    expect([exported!.section, exported!.maps, exported!.license]).toEqual(['syscall', [], '']);
    const loaded = await inKernel(exported!);
    const device = new Both(new Uint8Array(0), new Map());
    for (const dim of [0, 1, 4095, 4096, 4097, 4098, 0x7fffffff, 0xffffffff]) {
      const command = commandOf(dim);
      const context = encodeContext(command, momentOf('validate_tensor'));
      const here = device.run(engine, command, context);
      const there = await loaded.testRun(new Uint8Array(0), { ctx: context });
      expect([dim, there.errno, there.returnValue | 0, there.data]).toEqual([dim, 0, here.returnValue, here.context]);
      expect(here.returnValue).toBe(dim > 4096 ? -1 : 0);
    }
    await loaded.closeAll();
  });

  test.each(['read', 'tensor_sha', 'tensor_hmac', 'sign', 'seal', 'memory_sha', 'memory_hmac', 'room', 'stamp', 'priority', 'now'])(
    '%s answers on random commands as our engine does',
    async (name) => {
      const own = programs.find((program) => program.name === name)!;
      const [wasm, interp] = [loadHookProgram(own), loadHookProgram(own, { engine: 'interp' })];
      const loaded = await inKernel(onLinux.find((program) => program.name === name)!);

      const [device, other] = [new Both(bytes, KEYS), new Both(bytes, KEYS)];
      const has = (map: string): boolean => loaded.maps.some(({ def }) => def.name === map);
      await loaded
        .map('accel_state')
        .update(index(0), encodeState({ nowNs: NOW_NS, windowBase: BASE, windowSize: WINDOW, epochMs: EPOCH_MS }));
      if (has('accel_window')) await loaded.map('accel_window').update(index(0), windowValue(bytes));
      for (const [handle, key] of KEYS) await loaded.map('accel_keys').update(index(handle), key);
      // Places of their own: sealing twice has an answer of its own, which comes back below.
      let next = BASE;
      const places = (): number => {
        next += 8192;
        return next;
      };
      const answers = new Set<number>();
      let last: Command | null = null;
      for (let run = 0; run < 24; run++) {
        const command: Command = last && run % 8 === 7 ? last : randomCommand(randomTensors(run === 5 ? () => BASE + WINDOW - 16 : places));
        last = command;
        const moment = momentOf(wasm.hook, { tensorIndex: below(command.tensors.length), nowNs: NOW_NS });
        const context = encodeContext(command, moment);
        const here = device.run(wasm, command, context);
        expect(other.run(interp, command, context)).toEqual(here);
        const there = await loaded.testRun(new Uint8Array(0), { ctx: context });
        expect([run, there.errno, there.returnValue | 0]).toEqual([run, 0, here.returnValue]);
        expect(decodeContext(there.data)).toEqual(decodeContext(here.context));
        answers.add(here.returnValue);
        // What a program did to the tensor stays known to the driver only where the device says so.
        for (const tensor of command.tensors) Object.assign(tensor, { sealed: false, signed: false, digest: null });
      }
      const state = decodeState(await loaded.map('accel_state').lookupIndex(0));
      expect(state.priority).toBe(device.priority);
      if (has('accel_window')) {
        const held = await loaded.map('accel_window').lookupIndex(0);
        expect(same(held.subarray(0, WINDOW), device.memory.read(BASE, WINDOW))).toBe(true);
      }
      if (has('accel_tracebuf')) expect(readTrace(await loaded.map('accel_tracebuf').lookupIndex(0), state.traceEnd)).toEqual(device.trace);
      if (has('accel_seals')) {
        for (const { key, value } of await loaded.map('accel_seals').dump()) {
          const { nonce, tag, key: handle } = decodeSeal(value);
          const addr = Number(new DataView(key.buffer, key.byteOffset).getBigUint64(0, true));
          expect(device.memory.provenance(addr)?.sealed).toEqual({ key: handle, nonce, tag });
        }
      }
      expect(answers.has(0)).toBe(true);
      await loaded.closeAll();
    },
  );

  test('a program with more stack than Linux gives is told so', async () => {
    const { object } = await compileC(`
#include <accelerator.h>
SEC("accelerator/complete") int deep(struct bpf_context *ctx) {
  __u8 bytes[4096];
  int error = accel_tensor_read(ctx, 0, 0, bytes, sizeof bytes);
  return error ? error : bytes[ctx->layer & 4095] ? -EBADMSG : 0;
}`);
    await expect(linuxObject(object!)).rejects.toThrow(
      /Linux 6.18 will refuse it: .*; a function of it uses 4352 bytes of stack, and Linux gives a program 512 in all/,
    );
    const { object: other } = await compileC(
      '#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\nSEC("xdp") int pass(void *ctx) { return XDP_PASS; }',
    );
    await expect(linuxObject(other!)).rejects.toThrow('it has no program for the accelerator');
  });
});
