import { assemble } from '../src/bpf/asm.ts';
import { Vm } from '../src/vm/vm.ts';
import { Batches } from '../src/workbench/workers/batches.ts';

const PACKETS = 1_000_000;
const BATCH = 5000;
const LENGTHS = 1000;
/** Counts IPv4 packets by the low bits of their protocol. */
const FILTER = `.section xdp
.map counts percpu_array 4 8 4
r2 = *(u32 *)(r1 +0)
r3 = *(u32 *)(r1 +4)
r4 = r2
r4 += 34
r0 = 2
if r4 > r3 goto done
r5 = *(u16 *)(r2 +12)
if r5 != 8 goto done
r5 = *(u8 *)(r2 +23)
r5 &= 3
*(u32 *)(r10 -4) = r5
r1 = map[counts]
r2 = r10
r2 += -4
call bpf_map_lookup_elem
if r0 == 0 goto out
r1 = *(u64 *)(r0 +0)
r1 += 1
*(u64 *)(r0 +0) = r1
out:
r0 = 2
done:
exit`;

/**
 * A million packets of 60 to 1,459 bytes through a small filter, with the machine, the verdict columns and the batches of the site's
 * replay. `memory` tells the bytes in use, where that can be known.
 */
export function smallFilter(memory: () => number | undefined): Record<string, number | undefined> {
  const { program, diagnostics } = assemble(FILTER);
  if (!program) throw new Error(diagnostics[0].message);
  const vm = new Vm(program, { engine: 'wasm', timeLimitMs: 900 });
  const frames = Array.from({ length: LENGTHS }, (_, i) => {
    const frame = new Uint8Array(60 + ((i * 37) % 1400));
    frame[12] = 8;
    return frame;
  });
  let passed = 0;
  const context = {
    cancelled: false,
    progress: () => {},
    emit: (batch: unknown) => {
      for (const verdict of (batch as { verdict: Uint8Array }).verdict) if (verdict === 2) passed++;
    },
  };
  const run = (packets: number): void => {
    const batches = new Batches(0, context, 0, packets, vm.engine);
    for (let i = 0; i < packets; i++) batches.add(Number.NaN, vm.runUnseen({ packet: frames[i % LENGTHS] }), null);
    batches.send();
  };
  run(PACKETS / 10);
  passed = 0;
  const before = memory();
  const began = performance.now();
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < PACKETS / BATCH; i++) {
    const start = performance.now();
    run(BATCH);
    best = Math.min(best, performance.now() - start);
  }
  const ms = performance.now() - began;
  if (passed !== PACKETS) throw new Error(`${passed} of ${PACKETS} packets passed`);
  const after = memory();
  return {
    packets: PACKETS,
    packetsPerSecond: Math.round((PACKETS / ms) * 1000),
    packetsPerSecondOfBestBatch: Math.round((BATCH / best) * 1000),
    grownMB: before === undefined || after === undefined ? undefined : Math.round((after - before) / 2 ** 20),
  };
}
