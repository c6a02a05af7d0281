import { describe, expect, it } from 'vitest';
import type { Binding } from '../hooks/binding.ts';
import { compareColumns } from './comparison.ts';
import { NO_OVERLAY } from './store.ts';
import type { PacketTraceView, ScoreColumns } from './views.ts';

const DROP = 1;
const PASS = 2;
const binding: Binding = {
  hook: 'xdp',
  input: { kind: 'payload', layer: 'l4_payload', length: 4, pad: 0 },
  output: { kind: 'threshold', class: 1, threshold: 0.5, above: 'DROP', below: 'PASS' },
};
const trace: PacketTraceView = {
  kind: 'packets',
  key: 't',
  file: 't.pcap',
  count: 4,
  bytes: new Uint8Array(4),
  start: Uint32Array.of(0, 1, 2, 3, 4),
  time: new Float64Array(4),
  warning: null,
  labels: Int8Array.of(1, 0, 1, -1),
};
const columns = (score: number[], verdict: number[], done = score.length): ScoreColumns => ({
  total: 4,
  done,
  score: Float64Array.from(score),
  verdict: Uint8Array.from(verdict),
  outputs: new Float32Array(0),
  outputWidth: 0,
  cut: 0,
});

describe('comparing with the reference', () => {
  const replay = columns([0.9, 0.1, 0.49, Number.NaN], [DROP, PASS, PASS, PASS]);
  const reference = columns([0.8, 0.1, 0.51, Number.NaN], [DROP, PASS, DROP, PASS]);

  it('counts verdicts, near scores, and events that no model saw', () => {
    const view = compareColumns({ trace, replay, reference, overlay: NO_OVERLAY, binding });
    expect(view.result.events).toBe(4);
    expect(view.result.agreed).toBe(3);
    expect(view.result.confusion[DROP][PASS]).toBe(1);
    expect(view.result.nearTies).toMatchObject({ events: 1, disagreed: 1 });
    expect(view.maxScoreError).toBeCloseTo(0.1);
    expect(view.withoutInference).toBe(1);
    expect(view.scatter.event).toEqual(Uint32Array.of(0, 1, 2));
  });

  it('holds both sides against the labels that are known', () => {
    const { labels } = compareColumns({ trace, replay, reference, overlay: NO_OVERLAY, binding });
    expect(labels).toEqual([
      { label: 0, events: 1, program: 1, reference: 1 },
      { label: 1, events: 2, program: 1, reference: 2 },
    ]);
  });

  it('compares only what both have done', () => {
    const view = compareColumns({ trace, replay: columns([0.9], [DROP]), reference, overlay: NO_OVERLAY, binding });
    expect(view.result.events).toBe(1);
  });

  it('takes an edited packet in place of the replayed one', () => {
    const overlay = { program: new Map([[2, { score: 0.6, verdict: DROP }]]), reference: new Map([[2, { score: 0.61, verdict: DROP }]]) };
    expect(compareColumns({ trace, replay, reference, overlay, binding }).result.agreed).toBe(4);
  });
});
