import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Vm } from '../vm/vm.ts';
import type { ArgmaxOutput, PayloadInput, ThresholdOutput } from './binding.ts';
import { decide, OTHERWISE_COUNTER, otherwiseOf, VERDICT_ORDER } from './decide.ts';
import type { FittedBinding } from './fit.ts';
import type { Layer } from './layers.ts';
import { layerRange } from './layers.ts';
import { scoreMethod } from './score-table.ts';
import { TENSOR_BINDING, tensorHook } from './tensor.ts';
import { fitted, programOf, standInOutputs } from './testing/harness.ts';
import { capturePackets, randomPackets } from './testing/packets.ts';
import { tokensOf } from './tokens.ts';
import { readScore, SCORE_MAP, TAG_MAGIC, VERDICTS_MAP, xdpHook } from './xdp.ts';

const KEY = new Uint8Array(4);
const key = (index: number) => new Uint8Array(Uint32Array.of(index).buffer);
const SCALE = 2e-5;
const threshold = (t: number, classIndex = 1): ThresholdOutput => ({
  kind: 'threshold',
  class: classIndex,
  threshold: t,
  above: 'DROP',
  below: 'PASS',
});
const argmax = (...verdicts: ArgmaxOutput['verdicts']): ArgmaxOutput => ({ kind: 'argmax', verdicts });
const capture = capturePackets(readFileSync(new URL('../../public/samples/payload/calibration.pcap', import.meta.url)));

/** Runs packets through the compiled hook and checks tokens, verdict, score and counters against the reference. */
function compare(
  fit: FittedBinding & { readonly input: PayloadInput },
  packets: readonly Uint8Array[],
  scale = SCALE,
  cpu: 'v3' | 'v4' = 'v4',
): Map<string, number> {
  const vm = new Vm(programOf(xdpHook(fit), fit.input.length, fit.classes, scale, cpu));
  const seen = new Map<string, number>();
  let missing = 0;
  packets.forEach((packet, i) => {
    const { returnValue } = vm.runXdp(packet);
    const last = readScore(vm.maps.get(SCORE_MAP).lookup(KEY)!);
    const tokens = tokensOf(packet, fit.binding);
    expect(`packet ${i} ran ${last.ran}`).toBe(`packet ${i} ran ${tokens !== null}`);
    seen.set(last.verdict, (seen.get(last.verdict) ?? 0) + 1);
    if (!tokens) {
      missing++;
      expect(last.verdict).toBe(otherwiseOf(fit));
      return;
    }
    const stored = vm.maps.get('in').lookup(KEY)!;
    expect(new Uint16Array(stored.slice(16, 16 + tokens.byteLength).buffer)).toEqual(tokens);
    const integers = standInOutputs(tokens, fit.classes);
    const decision = decide(
      integers.map((value) => value * scale),
      fit,
    );
    // One or two logits and probabilities are compared exactly; only the softmax of more rounds.
    const near = scoreMethod(fit) === 'softmax' && decision.margin < 3 / 65536;
    if (!near) expect(`packet ${i}: ${last.verdict} ${last.class}`).toBe(`packet ${i}: ${decision.verdict} ${decision.class}`);
    const clamped = Math.min(1, Math.max(0, decision.score));
    expect(Math.abs(last.scoreQ16 - clamped * 65536), `packet ${i}: score ${last.scoreQ16} for ${clamped * 65536}`).toBeLessThanOrEqual(
      fit.classes > 8 ? 6 : 3,
    );
    if (!['TAG', 'REDIRECT'].includes(last.verdict)) expect(returnValue).toBe(VERDICT_ORDER.indexOf(last.verdict));
    if (fit.output.kind === 'threshold') {
      expect(last.scoreQ16 >= fit.output.threshold * 65536, `packet ${i}: score and verdict agree`).toBe(last.class === 1);
    }
  });
  for (const [index, name] of VERDICT_ORDER.entries()) expect(counter(vm, index), name).toBe(seen.get(name) ?? 0);
  expect(counter(vm, OTHERWISE_COUNTER)).toBe(missing);
  return seen;
}

const counter = (vm: Vm, index: number): number => {
  const value = vm.maps.get(VERDICTS_MAP).lookup(key(index))!;
  return Number(new DataView(value.buffer, value.byteOffset).getBigUint64(0, true));
};

describe('the compiled hook sees and decides what the reference does', () => {
  const packets = randomPackets(1, 2000);
  test.each<Layer>(['l2', 'l3', 'l4', 'l4_payload'])('random packets at %s', (layer) => {
    const seen = compare(fitted(layer, 48, threshold(0.3), 2), packets);
    expect(seen.get('DROP')).toBeGreaterThan(200);
    expect(seen.get('PASS')).toBeGreaterThan(200);
    if (layer !== 'l2') expect(packets.filter((packet) => !layerRange(packet, layer)).length).toBeGreaterThan(100);
  });
  test('every layer is found in enough of the random packets to matter', () => {
    for (const layer of ['l3', 'l4', 'l4_payload'] as const)
      expect(packets.filter((packet) => layerRange(packet, layer)).length).toBeGreaterThan(600);
  });
  test.each(['l4', 'l4_payload'] as const)('only some ports, %s', (layer) => {
    const input = { kind: 'payload', layer, length: 8, pad: 256, otherwise: 'DROP' } as const;
    const portsOf = (packet: Uint8Array): number[] => {
      const at = layerRange(packet, 'l4')?.start;
      return at === undefined ? [] : [at, at + 2].map((off) => packet[off]! * 256 + packet[off + 1]!);
    };
    // One packet's destination, another's source.
    const of = packets.filter((packet) => layerRange(packet, layer));
    const ports = [...of.slice(0, 8).map((packet) => portsOf(packet)[1]!), ...of.slice(8, 16).map((packet) => portsOf(packet)[0]!)];
    compare(fitted(layer, 8, threshold(0.5), 2, { input: { ...input, ports } }), packets);
    const chosen = packets.filter((packet) => tokensOf(packet, { ...input, ports }));
    expect(chosen.length).toBeGreaterThan(10);
    expect(chosen.length).toBeLessThan(60);
    const some = capture.filter((packet) => portsOf(packet).some((port) => port === 53 || port === 25));
    compare(fitted(layer, 8, threshold(0.5), 2, { input: { ...input, ports: [53, 25] } }), capture);
    expect(capture.filter((packet) => tokensOf(packet, { ...input, ports: [53, 25] }))).toEqual(some);
  });
  test.each([
    ['one logit', fitted('l4', 16, threshold(0.7), 1)],
    ['one logit, class 0', fitted('l4', 16, threshold(0.7, 0), 1)],
    ['two logits, class 0', fitted('l4', 16, threshold(0.9, 0), 2)],
    ['five logits', fitted('l4', 17, threshold(0.2, 3), 5)],
    ['argmax of two', fitted('l3', 33, argmax('PASS', 'TX'), 2)],
    ['argmax of five', fitted('l3', 7, argmax('PASS', 'DROP', 'TX', 'ABORTED', 'DROP'), 5)],
    [
      'argmax of sixteen',
      fitted('l3', 4, argmax(...Array.from({ length: 16 }, (_, i) => (i % 3 ? ('PASS' as const) : ('DROP' as const)))), 16),
    ],
    ['a long input', fitted('l2', 300, threshold(0.5), 2)],
    [
      'packets without the layer dropped',
      fitted('l4_payload', 8, threshold(0.5), 2, {
        input: { kind: 'payload', layer: 'l4_payload', length: 8, pad: 256, otherwise: 'DROP' },
      }),
    ],
  ])('%s', (_, fit) => {
    expect(compare(fit, packets.slice(0, 800)).size).toBeGreaterThan(1);
  });
  test.each([1e-9, 1e-7, 1e-3, 0.5, 40])('an output scale of %s', (scale) => {
    compare(fitted('l4', 16, threshold(0.5), 2), packets.slice(0, 300), scale);
    compare(fitted('l4', 16, threshold(0.5, 2), 3), packets.slice(0, 300), scale);
  });
  test.each([1, 2, 4])('a model that ends in softmax or sigmoid, %i outputs', (classes) => {
    const scale = 2 ** -19;
    compare(fitted('l4', 16, threshold(0.25), classes, { meaning: 'probability' }), packets.slice(0, 500), scale);
    compare(fitted('l4', 16, threshold(0.25, 0), classes, { meaning: 'probability' }), packets.slice(0, 500), scale);
  });
  test('a real capture, with and without v4 instructions', () => {
    expect(capture.length).toBe(256);
    expect(compare(fitted('l4_payload', 48, threshold(0.5), 2), capture).size).toBe(2);
    expect(compare(fitted('l4_payload', 48, threshold(0.5), 2), capture, SCALE, 'v3').size).toBe(2);
  });
});

test('REDIRECT goes to its interface', () => {
  const fit = fitted('l2', 8, { ...argmax('REDIRECT', 'PASS'), redirectIfindex: 7 }, 2);
  const vm = new Vm(programOf(xdpHook(fit), 8, 2, SCALE));
  const results = randomPackets(2, 40).map((packet) => vm.runXdp(packet));
  const redirected = results.filter(({ returnValue }) => returnValue === 4);
  expect(redirected.length).toBeGreaterThan(5);
  expect(redirected.length).toBeLessThan(35);
  for (const { redirect } of redirected) expect(redirect).toEqual({ ifindex: 7 });
});

test('TAG passes the packet unchanged, with magic and score in its metadata', () => {
  const fit = fitted('l2', 8, argmax('TAG', 'DROP'), 2);
  const vm = new Vm(programOf(xdpHook(fit), 8, 2, SCALE));
  let tagged = 0;
  for (const packet of randomPackets(3, 40)) {
    const { returnValue, packet: after } = vm.runXdp(packet);
    const last = readScore(vm.maps.get(SCORE_MAP).lookup(KEY)!);
    expect(after).toEqual(packet);
    expect(returnValue).toBe(last.verdict === 'TAG' ? 2 : 1);
    if (last.verdict === 'TAG') tagged++;
  }
  expect(tagged).toBeGreaterThan(5);
  expect(TAG_MAGIC).toBe(0x42504654);
});

test('the tensor hook runs the model on map contents and passes any packet', () => {
  const hook = tensorHook();
  expect(hook.binding).toBe(TENSOR_BINDING);
  const vm = new Vm(programOf(hook, 8, 3, 1));
  const tokens = Uint16Array.of(5, 4, 3, 2, 1, 0, 300, 256);
  const value = new Uint8Array(16 + 16 + 6);
  value.set(new Uint8Array(tokens.buffer), 16);
  vm.maps.get('in').update(KEY, value);
  expect(vm.runXdp(new Uint8Array(14)).returnValue).toBe(2);
  const out = vm.maps.get('out').lookup(KEY)!;
  expect(Array.from(new Int32Array(out.slice(8, 20).buffer))).toEqual(standInOutputs(tokens, 3));
});
