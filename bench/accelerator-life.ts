/**
 * 100,000 commands on the simulated accelerator while real eBPF programs are attached, detached and replaced and their maps updated at random moments: is one lost,
 * doubled, passed by another, or seen by other programs than those attached when it entered? Again with programs that defer, reorder and refuse.
 * `npm run long accelerator-life -- [--commands N] [--seeds N]`.
 */
import { ACCEL_RETURNS } from '../src/bpf/accelerator/hooks.ts';
import { Device } from '../src/hooks/accelerator/device.ts';
import { commandOf, fake } from '../src/hooks/accelerator/testing/device.ts';
import { liveThrough } from '../src/hooks/accelerator/testing/life.ts';
import { realWitness } from '../src/hooks/accelerator/testing/witness.ts';

const number = (args: readonly string[], name: string, fallback: number): number => {
  const at = args.indexOf(name);
  return at < 0 ? fallback : Number(args[at + 1]);
};

const meddlers = (seed: number) => [
  fake('holds', 'token', ({ seq, nowNs }) => ((seq + nowNs + seed) % 5 === 0 ? ACCEL_RETURNS.DEFER : 0)),
  fake('stirs', 'dispatch', ({ seq, nowNs }) => [0, ACCEL_RETURNS.DEFER, 0, ACCEL_RETURNS.REORDER, 0][(seq + nowNs + seed) % 5]),
  fake('refuses', 'complete', ({ seq }) => ((seq + seed) % 997 === 0 ? -1 : 0)),
];

/** How many events a second of real time the model gets through, without programs. */
function speed(commands: number): { events: number; seconds: number } {
  const device = new Device();
  const began = performance.now();
  for (let seq = 0; seq < commands; seq += 20)
    device.submit(
      Array.from({ length: 20 }, (_, i) => commandOf({ seq: seq + i, request: seq, writes: [4096 * (i + 1)], flops: 1e6, bytes: 1e5 })),
    );
  device.run();
  return { events: device.events.length, seconds: Number(((performance.now() - began) / 1000).toFixed(2)) };
}

export default async function measure(args: string[]): Promise<unknown> {
  const commands = number(args, '--commands', 100_000);
  const seeds = Array.from({ length: number(args, '--seeds', 3) }, (_, i) => i + 1);
  return {
    plain: seeds.map((seed) => ({ seed, ...liveThrough({ commands, seed, witness: realWitness(commands) }) })),
    withVerdicts: seeds.map((seed) => ({
      seed,
      ...liveThrough({ commands, seed, witness: realWitness(commands), meddlers: meddlers(seed) }),
    })),
    speed: speed(200_000),
  };
}
