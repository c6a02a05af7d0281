import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import type { Compiled } from '../../compiler/api.ts';
import { STATUS } from '../../compiler/lm/layout.ts';
import { weightsFile, weightsTarget } from '../../compiler/weights-file.ts';
import { BODY, edited, frameOf, textInProduction } from '../../hooks/testing/text.ts';
import { answerOf, TEXT } from '../../hooks/text/packet.ts';
import { writeObject } from '../../object/writer.ts';
import { Vm } from '../../vm/vm.ts';
import { fleetFiles } from './bpfman.ts';
import { bpftoolScript } from './bpftool.ts';
import { loaderSource } from './libbpf.ts';
import { readExposition } from './testing/exposition.ts';
import { Wire } from './testing/wire.ts';

const kernel = await kernelForTests();
kernel?.close();
const folder = mkdtempSync(join(tmpdir(), 'bpformer-text-'));
const NAME = `bpformer-text-${process.pid}`;
const PINS = `/sys/fs/bpf/${NAME}`;
const wire = kernel ? Wire.open(folder, NAME) : null;
if (kernel && !wire) console.warn('skipped: a language model is attached to an interface where ip netns and cc work');

let compiled: Compiled;
let object: Uint8Array;
const loader = (...args: string[]): string =>
  execFileSync('nsenter', wire!.inside(join(folder, 'loader'), '--pin', PINS, ...args), { encoding: 'utf8', stdio: 'pipe' });
const bytes = (sent: string): Uint8Array => {
  expect(sent).toMatch(/^TX /);
  return new Uint8Array(Buffer.from(sent.slice(3), 'hex'));
};
const statusOf = (sent: string): number => answerOf(bytes(sent)).status;

beforeAll(async () => {
  compiled = await textInProduction({ latency: true });
  const { program, meta } = compiled;
  object = writeObject([program], { meta });
  if (!wire) return;
  writeFileSync(join(folder, 'loader.c'), loaderSource(program, meta, object));
  writeFileSync(join(folder, 'weights.bin'), weightsFile(compiled, weightsTarget(compiled, 'model.o'), 'gpt-small.onnx'));
  execFileSync('cc', ['-O2', '-Wall', '-Werror', '-o', join(folder, 'loader'), join(folder, 'loader.c'), '-lbpf'], { stdio: 'pipe' });
  // The generic kind sends back where the other end has no program.
  expect(loader('--generic', 'attach', 'under')).toMatch(/attached to under/);
}, 60_000);

afterAll(() => {
  if (wire?.attached()) loader('detach');
  wire?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!wire)('a language model in production at an interface, with its loader', () => {
  const next = frameOf({ reset: false, prompt: [1], generate: 2 });

  it('answers what our engine answers, and is watched, switched off and on again', () => {
    const vm = new Vm(compiled.program, { engine: 'wasm' });
    const frames = [frameOf(), next, frameOf({ temperature: 65_536, candidates: 3, seed: 5, prompt: [2, 1], generate: 7 })];
    for (const [i, sent] of wire!.send(frames).entries()) expect(bytes(sent)).toEqual(vm.runXdp(frames[i]!).packet);
    for (const mode of ['shadow', 'off']) {
      loader('mode', mode);
      expect(wire!.send(frames)).toEqual(frames.map(() => 'PASS'));
    }
    loader('mode', 'compiled');
    // Packets passed while it was switched off.
    expect(wire!.send([next, frameOf(), next]).map(statusOf)).toEqual([STATUS.stale, STATUS.done, STATUS.done]);
  }, 60_000);

  it('fails open where a request asks for more than a packet may cost', () => {
    expect(wire!.send([edited(frameOf(), BODY + TEXT.prompt, 6)])).toEqual(['PASS']);
  });

  it('gets new weights while it is attached, and a text does not go on with them', () => {
    loader('swap', join(folder, 'weights.bin'));
    expect(wire!.send([next, frameOf()]).map(statusOf)).toEqual([STATUS.stale, STATUS.done]);
  });

  it('its loader prints and exports the numbers of what was sent', () => {
    const series = readExposition(loader('metrics'));
    const value = (name: string, labels: Readonly<Record<string, string>> = {}): number | undefined =>
      series.find((one) => one.name === `bpformer_${name}` && Object.entries(labels).every(([key, wanted]) => one.labels[key] === wanted))
        ?.value;
    const [scored, stale] = [3 + 3 + 2 + 1, 1 + 1];
    expect(value('scored_total')).toBe(scored);
    expect(value('program_seconds_count')).toBe(scored);
    expect(value('program_seconds_sum')).toBeGreaterThan(0);
    expect(value('refused_total', { reason: 'stale' })).toBe(stale);
    expect(value('refused_total', { reason: 'busy' })).toBe(0);
    expect(value('passed_total', { reason: 'shadow' })).toBe(3);
    expect(value('failures_total', { reason: 'length' })).toBe(1);
    expect(value('verdicts_total', { verdict: 'TX' })).toBe(scored + stale);
    expect(value('weight_swaps_total')).toBe(1);
    // The marks between the packets are no requests, and some passed while it was switched off.
    const [events, off] = [value('packets_total')!, value('passed_total', { reason: 'off' })!];
    expect(off).toBeGreaterThanOrEqual(3);
    expect(events).toBe(off + scored + stale + 1 + value('other_packets_total')!);
    const stats = loader('stats');
    for (const line of [
      `scored ${scored}`,
      'shadowed 3',
      'busy 0',
      `stale ${stale}`,
      'failed length 1',
      'mode compiled',
      'weights replaced 1',
    ])
      expect(stats.split('\n')).toContain(line);
    expect(stats).toMatch(/^p99 [1-9]\d* ns$/m);
  });

  it('is detached', () => {
    loader('detach');
    expect(wire!.send([frameOf()])).toEqual(['PASS']);
  });
});

describe('a language model in packets, exported for others', () => {
  const fleet = ({ program, meta }: Compiled): Map<string, Uint8Array | string> =>
    fleetFiles(program, meta, object, { image: 'registry.test/text:v1', nodes: [], namespace: 'bpformer' });

  it('goes to a fleet with its kill switch and its counters, if it has them', async () => {
    const files = fleet(compiled);
    expect(files.get('mode.sh')).toContain('mode "$1"');
    expect(files.get('metrics.yaml')).toContain('verdicts,control,counters,latency');
    const plain = await textInProduction();
    expect(() => fleet(plain)).toThrow(/it counts no verdicts.*"production" in its binding/);
  });

  it('has the kill switch and the counters in the script for bpftool', async () => {
    const script = bpftoolScript(compiled.program, compiled.meta, 'model.o');
    expect(script).toMatch(/^mode\)$/m);
    expect(script).toContain('for map in verdicts counters;');
    expect(bpftoolScript((await textInProduction()).program, compiled.meta, 'model.o')).not.toMatch(/^(mode|counters)\)$/m);
  });
});
