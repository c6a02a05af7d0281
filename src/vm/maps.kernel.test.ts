import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import { isPerCpu, mapTypeByName } from '../bpf/maps.ts';
import { Attr } from '../companion/attr.ts';
import type { Kernel, KernelMap } from '../companion/kernel.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { MapRefusal, type VmMap } from './maps.ts';
import { randomSource } from './testing/random-program.ts';
import { Vm } from './vm.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

/** Operations of one sequence; each is carried out by the program or by a system call. */
const OPERATIONS = 150;
const SEQUENCES = 4;
const MAP_LOOKUP = 1;
const MAP_UPDATE = 2;
const MAP_LOOKUP_AND_DELETE = 21;
const ENOENT = 2;
const ZERO_SEED = 64;
const NO_PREALLOC = 1;

interface Kind {
  readonly type: string;
  readonly keySize: number;
  readonly entries: number;
  readonly flags?: number;
  /** Keys that are drawn: as many, or more than fit. */
  readonly keys: number;
  readonly ordered?: boolean;
}

const KINDS: readonly Kind[] = [
  { type: 'array', keySize: 4, entries: 6, keys: 8, ordered: true },
  { type: 'percpu_array', keySize: 4, entries: 6, keys: 8, ordered: true },
  { type: 'hash', keySize: 8, entries: 6, keys: 10 },
  { type: 'hash', keySize: 12, entries: 6, keys: 10, flags: NO_PREALLOC },
  { type: 'percpu_hash', keySize: 4, entries: 6, keys: 10 },
  // Which entry Linux evicts depends on lists of its own: only so many keys as fit.
  { type: 'lru_hash', keySize: 4, entries: 16, keys: 12 },
  { type: 'lru_percpu_hash', keySize: 4, entries: 16, keys: 12 },
  { type: 'lpm_trie', keySize: 8, entries: 8, keys: 0, flags: NO_PREALLOC, ordered: true },
];

/** Takes operation, key, value and flags from the packet; returns 100 and the value for a lookup that finds one, or what the helper returns. */
const program = ({ type, keySize, entries, flags }: Kind): string => `
.section xdp
.license GPL
.map m ${type} ${keySize} 8 ${entries} ${flags ?? 0}
r6 = *(u32 *)(r1 +0)
r7 = *(u32 *)(r1 +4)
r2 = r6
r2 += 64
r0 = 200
if r2 > r7 goto out
r1 = *(u64 *)(r6 +16)
*(u64 *)(r10 -16) = r1
r1 = *(u64 *)(r6 +24)
*(u64 *)(r10 -8) = r1
r1 = *(u64 *)(r6 +32)
*(u64 *)(r10 -24) = r1
r4 = *(u64 *)(r6 +40)
r8 = *(u32 *)(r6 +8)
r1 = map[m]
r2 = r10
r2 += -16
if r8 == 1 goto update
if r8 == 2 goto delete
call bpf_map_lookup_elem
if r0 == 0 goto none
r1 = *(u64 *)(r0 +0)
*(u64 *)(r6 +48) = r1
r0 = 100
goto out
none:
r0 = 101
goto out
delete:
call bpf_map_delete_elem
goto out
update:
r3 = r10
r3 += -24
call bpf_map_update_elem
out:
exit`;

const queueProgram = (type: string, entries: number, flags: number): string => `
.section xdp
.license GPL
.map m ${type} 0 8 ${entries} ${flags}
r6 = *(u32 *)(r1 +0)
r7 = *(u32 *)(r1 +4)
r2 = r6
r2 += 64
r0 = 200
if r2 > r7 goto out
r1 = *(u64 *)(r6 +32)
*(u64 *)(r10 -8) = r1
r3 = *(u64 *)(r6 +40)
r8 = *(u32 *)(r6 +8)
r1 = map[m]
r2 = r10
r2 += -8
if r8 == 1 goto push
${type === 'bloom_filter' ? '' : 'if r8 == 2 goto pop'}
call bpf_map_peek_elem
goto store
${type === 'bloom_filter' ? '' : 'pop:\ncall bpf_map_pop_elem\ngoto store'}
push:
call bpf_map_push_elem
goto out
store:
r1 = *(u64 *)(r10 -8)
*(u64 *)(r6 +48) = r1
out:
exit`;

interface Operation {
  readonly byProgram: boolean;
  /** 0 lookup or peek, 1 update or push, 2 delete or pop. */
  readonly kind: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly flags: number;
}

function operationPacket({ kind, key, value, flags }: Operation): Uint8Array {
  const packet = new Uint8Array(64);
  packet[8] = kind;
  packet.set(key, 16);
  packet.set(value, 32);
  packet[40] = flags;
  return packet;
}

function draw(random: () => number, { keySize, keys, type }: Kind): Operation {
  const key = new Uint8Array(keySize);
  if (type === 'lpm_trie') {
    // Short prefixes of few different bytes: they lie in each other. One in twenty is too long.
    key[0] = random() % 20 === 0 ? 33 : [0, 1, 3, 8, 9, 12, 16, 24, 31, 32][random() % 10];
    for (let i = 4; i < 8; i++) key[i] = [0, 0x80, 0xc0, 0xff, 0x0f][random() % 5];
  } else if (keySize > 0) key[0] = random() % keys;
  return {
    byProgram: random() % 2 === 0,
    kind: [0, 0, 1, 1, 1, 2][random() % 6],
    key,
    value: Uint8Array.from({ length: 8 }, () => random()),
    flags: [0, 0, 0, 0, 1, 2, 3, 4, 8][random() % 9],
  };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** errno of what throws. */
function refusal(work: () => unknown): string {
  try {
    return String(work());
  } catch (error) {
    if (error instanceof MapRefusal) return `errno ${error.errno}`;
    throw error;
  }
}

/** The system call on the machine's map, as text. */
function inMachine(map: VmMap, { kind, key, value, flags }: Operation, cpus: number): string {
  if (kind === 1) return refusal(() => map.update(key, value, flags) ?? 'errno 0');
  if (kind === 2) return refusal(() => (map.delete(key) ? 'errno 0' : `errno ${ENOENT}`));
  const values = Array.from({ length: isPerCpu(map.def.type) ? cpus : 1 }, (_, cpu) => map.lookup(key, cpu));
  return values[0] ? values.map((one) => hex(one!)).join('') : 'none';
}

async function inKernel(map: KernelMap, { kind, key, value, flags }: Operation): Promise<string> {
  if (kind === 1) return `errno ${await map.tryUpdate(key, value, flags)}`;
  if (kind === 0) {
    const found = await map.lookup(key);
    return found ? hex(found) : 'none';
  }
  try {
    return `errno ${(await map.delete(key)) ? 0 : ENOENT}`;
  } catch (error) {
    return /errno \d+/.exec(String(error))![0];
  }
}

describe.skipIf(!kernel)('maps do what the kernel’s do', () => {
  const machine = (text: string, engine: 'interp' | 'wasm') => {
    const { program: assembled, diagnostics } = assemble(text);
    expect(diagnostics).toEqual([]);
    return { assembled: assembled!, vm: new Vm(assembled!, { engine, cpus: kernel!.cpus }) };
  };

  async function sequence(k: Kernel, kind: Kind, seed: number): Promise<void> {
    const engine = seed % 2 === 0 ? 'interp' : 'wasm';
    const { assembled, vm } = machine(program(kind), engine);
    const loaded = await k.load(assembled, { logLevel: 1 });
    expect(loaded.message).toBeNull();
    const random = randomSource(seed);
    const [theirs, ours] = [loaded.program!.maps[0], vm.maps.get('m')];
    for (let i = 0; i < OPERATIONS; i++) {
      const operation = draw(random, kind);
      const where = `${kind.type}, seed ${seed}, operation ${i}: ${JSON.stringify({ ...operation, key: hex(operation.key) })}`;
      if (operation.byProgram) {
        const packet = operationPacket(operation);
        const expected = await loaded.program!.testRun(packet);
        const got = vm.run({ packet });
        expect([got.returnValue | 0, hex(got.packet!)], where).toEqual([expected.returnValue | 0, hex(expected.data)]);
      } else expect(inMachine(ours, operation, k.cpus), where).toBe(await inKernel(theirs, operation));
    }
    const list = (entries: { key: Uint8Array; value: Uint8Array }[]) => entries.map((e) => `${hex(e.key)} ${hex(e.value.subarray(0, 8))}`);
    const [expected, got] = [list(await theirs.dump()), list(ours.entries(0))];
    if (kind.ordered) expect(got).toEqual(expected);
    else expect(got.sort()).toEqual(expected.sort());
    await loaded.program!.closeAll();
  }

  it.each(KINDS)('$type, keys of $keySize bytes, flags $flags', { timeout: 120_000 }, async (kind) => {
    expect(mapTypeByName(kind.type)).toBeDefined();
    await kernel!.pin(0);
    for (let seed = 1; seed <= SEQUENCES; seed++) await sequence(kernel!, kind, seed);
  });

  it.each([
    ['queue', 5, 0],
    ['stack', 5, 0],
    ['bloom_filter', 20, ZERO_SEED],
  ] as const)('%s', { timeout: 120_000 }, async (type, entries, flags) => {
    await kernel!.pin(0);
    for (let seed = 1; seed <= SEQUENCES; seed++) {
      const { assembled, vm } = machine(queueProgram(type, entries, flags), seed % 2 === 0 ? 'interp' : 'wasm');
      const loaded = await kernel!.load(assembled, { logLevel: 1 });
      expect(loaded.message).toBeNull();
      const [{ fd }, ours] = [loaded.program!.maps[0], vm.maps.get('m')];
      const random = randomSource(seed);
      for (let i = 0; i < OPERATIONS; i++) {
        const drawn = draw(random, { type, keySize: 0, keys: 0, entries });
        // Few different values, so that a bloom filter is asked for what it holds.
        const operation = {
          ...drawn,
          value: Uint8Array.of(random() % 40, 0, 0, 0, 0, 0, 0, 1),
          kind: type === 'bloom_filter' ? drawn.kind % 2 : drawn.kind,
        };
        const where = `${type}, seed ${seed}, operation ${i}: ${JSON.stringify(operation)}`;
        if (operation.byProgram) {
          const packet = operationPacket(operation);
          const expected = await loaded.program!.testRun(packet);
          const got = vm.run({ packet });
          expect([got.returnValue | 0, hex(got.packet!)], where).toEqual([expected.returnValue | 0, hex(expected.data)]);
          continue;
        }
        const command = [MAP_LOOKUP, MAP_UPDATE, MAP_LOOKUP_AND_DELETE][operation.kind];
        const reply = await kernel!.loader.bpf(
          command,
          new Attr(32).u32(0, fd).u64(24, command === MAP_UPDATE ? operation.flags : 0).bytes,
          [{ attrOff: 16, mode: 'both', bytes: operation.value }],
        );
        const expected = reply.result < 0 ? `errno ${-reply.result}` : operation.kind === 1 ? 'errno 0' : hex(reply.buffers[0]);
        const none = new Uint8Array(0);
        const took =
          operation.kind === 1 ? null : operation.kind === 2 ? ours.take!() : ours.lookup(type === 'bloom_filter' ? operation.value : none);
        const got =
          operation.kind === 1
            ? refusal(() => ours.update(none, operation.value, operation.flags) ?? 'errno 0')
            : took
              ? hex(took)
              : `errno ${ENOENT}`;
        expect(got, where).toBe(expected);
      }
      await loaded.program!.closeAll();
    }
  });
});
