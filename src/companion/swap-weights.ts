import { MAP_TYPE_ARRAY, MAP_TYPE_ARRAY_OF_MAPS } from '../bpf/maps.ts';
import type { MapDef } from '../bpf/program.ts';
import { swapped } from '../compiler/weights-file.ts';
import { readWeightsHeader } from '../compiler/weights-map.ts';
import type { Kernel } from './kernel.ts';
import type { KernelMap } from './kernel-map.ts';

const KEY0 = new Uint8Array(4);
const ONE: MapDef = { name: 'wait', type: MAP_TYPE_ARRAY, keySize: 4, valueSize: 4, maxEntries: 1, flags: 0 };

/**
 * Puts a file of weights into the map `.data.weights` of a program that may be running; every event is decided by the old weights or the new.
 * `lock`: that map of a text generating program, which runs one call at a time. Throws InputError.
 */
export async function swapWeights(kernel: Kernel, map: KernelMap, file: Uint8Array, lock: KernelMap | null = null): Promise<void> {
  const before = (await map.lookup(KEY0))!;
  const after = swapped(before, file, map.def.name);
  if (lock) await waitForCall(lock, readWeightsHeader(after)!.live);
  else await waitForEvents(kernel);
  // All of the block stands before the first word, which names it, changes. The rest is written over itself.
  const filled = after.slice();
  filled.set(before.subarray(0, 4));
  await map.update(KEY0, filled);
  await map.update(KEY0, after);
}

/** Returns when no call of a text generating program reads block `next`: its entry says how often the weights had been replaced when it began. */
async function waitForCall(lock: KernelMap, next: number): Promise<void> {
  for (;;) {
    const entry = await lock.lookup(KEY0);
    if (!entry || (new DataView(entry.buffer, entry.byteOffset).getUint32(0, true) & 1) !== next) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Returns when every program that ran before the call has ended: an update of a map of maps waits for that (Linux 4.20). */
async function waitForEvents(kernel: Kernel): Promise<void> {
  const inner = await kernel.createMap(ONE);
  const outer = await kernel.createMap({ ...ONE, type: MAP_TYPE_ARRAY_OF_MAPS, inner: ONE });
  await outer.update(KEY0, new Uint8Array(Uint32Array.of(inner.fd).buffer));
  await Promise.all([outer.close(), inner.close()]);
}
