/** Part of the long runs that look at the page: how long its own thread works at a stretch, whatever else the machine does. */
import type { CDPSession } from '@playwright/test';

interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string } }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Stretches that are nearer than this, in µs, are one. */
const GAP_US = 1000;

/** Samples the page's thread while `act` runs; the longest stretches of scripts, in ms. Waiting for a processor between two samples counts as work. */
export async function ownWork(session: CDPSession, act: () => Promise<void>): Promise<{ longestMs: number[]; allMs: number }> {
  await session.send('Profiler.enable');
  await session.send('Profiler.setSamplingInterval', { interval: 500 });
  await session.send('Profiler.start');
  await act();
  const { profile } = (await session.send('Profiler.stop')) as unknown as { profile: Profile };
  const idle = new Set(
    profile.nodes.filter(({ callFrame }) => ['(idle)', '(program)', '(root)'].includes(callFrame.functionName)).map(({ id }) => id),
  );
  const stretches: number[] = [];
  let [stretch, gap, all] = [0, 0, 0];
  const end = () => {
    if (stretch > 0) stretches.push(stretch);
    stretch = 0;
  };
  for (const [at, id] of profile.samples.entries()) {
    const us = profile.timeDeltas[at]!;
    if (!idle.has(id)) {
      stretch += us;
      all += us;
      gap = 0;
      continue;
    }
    gap += us;
    if (gap > GAP_US) end();
  }
  end();
  stretches.sort((a, b) => b - a);
  return { longestMs: stretches.slice(0, 5).map((us) => Math.round(us / 1000)), allMs: Math.round(all / 1000) };
}
