import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readExposition } from '../src/cli/export/testing/exposition.ts';
import { works } from '../src/cli/export/testing/wire.ts';
import { kernelForTests } from '../src/companion/vitest-kernel.ts';
import { tour } from './tour-veth.ts';

const kernel = await kernelForTests();
kernel?.close();
const NAMESPACE = `bpformer-try-${process.pid}`;
const ready =
  kernel !== null && works('ip', 'netns', 'add', NAMESPACE) && works('ip', 'netns', 'del', NAMESPACE) && works('cc', '--version');
if (kernel && !ready) {
  if (process.env.BPFORMER_NEEDS_KERNEL) throw new Error('the tour must run here: ip netns or cc does not work');
  console.warn('skipped: the tour takes ip netns and cc');
}

describe.skipIf(!ready)('the tour of docs/deploy.md', () => {
  it.each(['native', 'generic'] as const)(
    '%s XDP',
    async (driver) => {
      const { facts, metrics, mode } = await tour(() => {}, driver);
      expect(Object.fromEntries(facts.map(({ what, got }) => [what, got]))).toEqual(
        Object.fromEntries(facts.map(({ what, wanted }) => [what, wanted])),
      );
      expect(facts.length).toBeGreaterThan(20);
      expect(mode).toBe(driver);
      const series = readExposition(metrics);
      const value = (name: string, label = '') =>
        series.find((one) => one.name === `bpformer_${name}` && (label === '' || Object.values(one.labels).includes(label)))!.value;
      expect(value('program_seconds_count')).toBe(value('scored_total'));
      expect(value('program_seconds_sum')).toBeGreaterThan(value('scored_total') * 1e-6);
      const counted = ['ABORTED', 'DROP', 'PASS', 'TX', 'REDIRECT', 'TAG'].reduce((sum, name) => sum + value('verdicts_total', name), 0);
      expect(counted).toBe(value('scored_total') + value('other_packets_total'));
      expect(value('packets_total')).toBe(counted + value('passed_total', 'off'));
      expect(value('mode')).toBe(1);
      // Nothing is left behind.
      expect(execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })).not.toMatch(
        new RegExp(`bpformer-(server|client)-${process.pid}`),
      );
      expect(readdirSync('/sys/fs/bpf')).not.toContain(`bpformer-tour-${process.pid}`);
    },
    60_000,
  );
});
