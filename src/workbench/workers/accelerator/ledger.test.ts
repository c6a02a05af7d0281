import { describe, expect, it } from 'vitest';
import { Device } from '../../../hooks/accelerator/device.ts';
import { commandOf, fake } from '../../../hooks/accelerator/testing/device.ts';
import { Ledger } from './ledger.ts';

/** 60 passes of three commands each; every fifth request is refused, and tokens wait now and then. */
function served() {
  const device = new Device();
  const ledger = new Ledger(device.events, (seq) => device.command(seq));
  let asked = 0;
  device.attach(fake('refuse', 'validate_tensor', ({ request }) => (request % 5 === 4 ? -1 : 0)));
  device.attach(
    fake('hold', 'token', (seen) => {
      if (asked++ % 7 !== 3) return 0;
      seen.set('defer_ns', 500);
      return 1;
    }),
  );
  device.attach(fake('look', 'complete'));
  for (let request = 0; request < 60; request++) {
    const at = { request, tenant: request % 3, flops: 1e4, bytes: 4096 };
    const base = 4096 * (request + 1);
    const pass = [0, 1, 2].map((step) =>
      commandOf({ ...at, seq: request * 3 + step, reads: [base + step * 256], writes: [base + (step + 1) * 256] }),
    );
    ledger.add(pass);
    device.submit(pass, { atNs: request * 300 });
  }
  return { device, ledger };
}

describe('what the panels know of commands', () => {
  it('adds up to what the device did, whenever it is read', () => {
    const { device, ledger } = served();
    for (let untilNs = 0; device.unfinished > 0; untilNs += 700) {
      device.run(untilNs);
      ledger.update();
      const { queue, units } = { queue: ledger.queue(1000), units: ledger.onUnits };
      expect(queue.length).toBe(device.queueDepth);
      for (const { seq } of units) expect(ledger.row(seq)?.state).toBe('running');
    }
    expect(ledger.commands).toMatchObject({ submitted: 180, done: 144, aborted: 36 });
    expect(ledger.passes).toMatchObject({ submitted: 60, done: 48, aborted: 12 });
    expect(ledger.passesEntered).toBe(60);
    const rows = Array.from({ length: ledger.rows }, (_, seq) => ledger.row(seq)!);
    const sum = (pick: (row: (typeof rows)[number]) => number) => rows.reduce((total, row) => total + pick(row), 0);
    const layers = device.metrics.layers.rows();
    expect(sum(({ hookNs }) => hookNs)).toBe(layers.reduce((total, { hookNs }) => total + hookNs, 0));
    expect(sum(({ computeNs }) => computeNs)).toBe(layers.reduce((total, { busyNs }) => total + busyNs, 0));
    expect(sum(({ insns }) => insns)).toBe(layers.reduce((total, { insns }) => total + insns, 0));
    for (const { request, state, errno } of rows)
      expect([state, errno < 0]).toEqual(request % 5 === 4 ? ['aborted', true] : ['done', false]);
  });

  it('is the same work as bars and as shares, and bars of one row never overlap', () => {
    const { device, ledger } = served();
    device.run();
    ledger.update();
    const capacity = { cores: device.parameters.engineCores, units: device.parameters.units };
    const whole = ledger.window(0, null, 64, capacity);
    const bars = whole.bars!;
    const busy = { 0: 0, 1: 0 };
    const last = new Map<string, number>();
    for (let at = 0; at < bars.seq.length; at++) {
      const lane = bars.lane[at] as 0 | 1;
      busy[lane] += bars.to[at]! - bars.from[at]!;
      const row = `${lane} ${bars.row[at]}`;
      expect(bars.from[at]).toBeGreaterThanOrEqual(last.get(row) ?? 0);
      last.set(row, bars.to[at]!);
    }
    const step = whole.toNs / 64;
    const engine = whole.engine.reduce((sum, share) => sum + share, 0) * step * capacity.cores;
    expect(engine).toBeCloseTo(busy[0], -1);
    expect(busy[1]).toBe(device.metrics.layers.rows().reduce((total, { busyNs }) => total + busyNs, 0));
    expect(whole.aborts.reduce((sum, n) => sum + n, 0)).toBe(36);
    // A part of the timeline holds what reaches into it.
    const [from, to] = [whole.toNs * 0.3, whole.toNs * 0.5];
    const part = ledger.window(from, to, 10, capacity).bars!;
    const expected = [...bars.seq.keys()].filter((at) => bars.to[at]! >= from && bars.from[at]! <= to);
    expect(part.seq.length).toBe(expected.length);
  });
});
