import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { CHANGED, REMOVED, SAME } from '../../compiler/passes/diff.ts';
import type { ProgramSpec } from '../clients.ts';
import { type BlobRef, EMPTY_PROJECT } from '../document.ts';
import type { Change, TryView } from '../pass-views.ts';
import type { CallContext } from '../rpc.ts';
import { hold } from './blobs.ts';
import { passes, passRows } from './passes.ts';
import { loopCosts, tryOptions } from './try-options.ts';

const read = (name: string) => new Uint8Array(readFileSync(new URL(`../../../public/samples/payload/${name}`, import.meta.url)));

function blob(name: string, bytes = read(name)): BlobRef {
  const hash = createHash('sha256').update(bytes).digest('hex');
  hold({ hash, bytes });
  return { hash, name, size: bytes.length };
}

const json = (name: string) => JSON.parse(new TextDecoder().decode(read(name)));
const quiet: CallContext = { progress: () => {}, emit: () => {}, cancelled: false };
const OPTIONS = { ...EMPTY_PROJECT.options, dims: { batch: 1 } };
const NOW: Change = { quant: 'w8a16', strategy: 'auto', kernel: '6.18' };

let program: ProgramSpec;
beforeAll(() => {
  const model = blob('payload-ids.onnx');
  program = {
    key: 'program',
    from: {
      kind: 'model',
      model: { key: 'model', model, dims: { batch: 1 } },
      calibration: json('calibration.json'),
      binding: json('binding.json'),
    },
    options: OPTIONS,
    fork: null,
  };
});

describe('passes in the worker', () => {
  test('come as columns whose rows are handed out by number', async () => {
    const { value } = await passes({ program, change: null }, quiet);
    expect(value.refused).toBeNull();
    for (const pass of value.passes) {
      const rows = await passRows({ program, change: null, pass: pass.id, rows: [0, pass.state.length - 1] }, quiet);
      expect(rows.map(({ state }) => state)).toEqual([pass.state[0], pass.state.at(-1)]);
      expect(pass.nodeStart.at(-1)).toBe(pass.nodes.length);
      expect(pass.counts[SAME] + pass.counts[CHANGED] + pass.counts[2] + pass.counts[REMOVED]).toBe(pass.state.length);
    }
    expect(value.products.length).toBeGreaterThan(3);
  });

  test('beside other options each pass differs from itself where they matter', async () => {
    const { value } = await passes({ program, change: { ...NOW, quant: 'w8a8' } }, quiet);
    const of = (id: string) => value.passes.find((pass) => pass.id === id)!;
    expect(of('folded').counts[CHANGED]).toBe(0);
    expect(of('precision').counts[CHANGED]).toBeGreaterThan(0);
    const plan = of('plan');
    const rows = await passRows(
      { program, change: { ...NOW, quant: 'w8a8' }, pass: 'plan', rows: [...plan.state.keys()].filter((at) => plan.state[at] === CHANGED) },
      quiet,
    );
    expect(rows.some(({ facts }) => facts.some(({ key, text, was }) => key === 'precision' && was === 'w8a16' && text === 'w8a8'))).toBe(
      true,
    );
  });

  test('a pass that only the options tried have stands beside the one before it', async () => {
    const { value } = await passes({ program, change: { ...NOW, specialise: true } }, quiet);
    const at = value.passes.findIndex(({ id }) => id === 'specialised');
    expect(value.passes[at]!.compared).toBe('like');
    expect(value.passes[at + 1]!.counts[SAME] + value.passes[at + 1]!.counts[CHANGED]).toBeGreaterThan(0);
    expect(value.passes.at(-1)!.counts[REMOVED]).toBeGreaterThan(0);
  });

  test('a model that is refused has the passes before the refusal', async () => {
    const refused = { ...program, key: 'refused', options: { ...OPTIONS, quant: 'w8a16,/no/such=w4a16' as const } };
    const { value } = await passes({ program: refused, change: null }, quiet);
    expect(value.passes.map(({ id }) => id)).toEqual(['file', 'folded', 'recognised']);
    expect(value.refused?.what).toContain('/no/such');
  });
});

describe('options that are tried', () => {
  test('are compiled, verified and run beside what is there, and both are measured on the same events', async () => {
    const bytes = read('heldout.pcap');
    // The first packets: a record has its length in bytes 8 to 11 of its header.
    let end = 24;
    for (let packet = 0; packet < 24; packet++) end += 16 + bytes[end + 8]! + bytes[end + 9]! * 256;
    const trace = blob('cut.pcap', bytes.slice(0, end));
    const told: TryView[] = [];
    const context: CallContext = { ...quiet, emit: (view) => void told.push(view as TryView) };
    const outputs = new Float32Array(24 * 2).fill(0.5);
    const view = await tryOptions({ program, change: { ...NOW, quant: 'w8a8' }, trace, reference: { outputs, width: 2, cut: 0 } }, context);
    const { now, tried } = view as { now: NonNullable<TryView['now']>; tried: NonNullable<TryView['tried']> };
    expect(now.accepted && tried.accepted).toBe(true);
    expect(tried.executed).not.toBe(now.executed);
    expect(tried.insns).not.toBe(now.insns);
    expect(now.events).toBe(tried.events);
    expect(now.maxError).toBeGreaterThan(0);
    expect(now.ns).toBeGreaterThan(0);
    // Instructions stand before the verifier has answered.
    expect(told[0]!.now!.processed).toBeNull();
    expect(told[0]!.now!.insns).toBe(now.insns);
  });

  test('that cannot be compiled say why', async () => {
    const { tried } = await tryOptions(
      { program, change: { ...NOW, kernel: '5.15', strategy: 'bpf_loop' }, trace: null, reference: null },
      quiet,
    );
    expect(tried!.refused).toContain('bpf_loop');
  });

  test('every strategy of the kernel has an estimate', async () => {
    const costs = await loopCosts({ program, change: null }, quiet);
    expect(costs.map(({ strategy }) => strategy)).toEqual(['global', 'bounded', 'may_goto', 'bpf_loop', 'unrolled']);
    expect(costs[0]!.fits).toBe(true);
  });
});
