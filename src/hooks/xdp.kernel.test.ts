import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { Vm } from '../vm/vm.ts';
import type { PayloadInput, ThresholdOutput } from './binding.ts';
import { decide, VERDICT_ORDER } from './decide.ts';
import type { FittedBinding } from './fit.ts';
import { tensorHook } from './tensor.ts';
import { fitted, programOf, standInOutputs } from './testing/harness.ts';
import { capturePackets, randomPackets } from './testing/packets.ts';
import { tokensOf } from './tokens.ts';
import { type LastScore, readScore, SCORE_BYTES, SCORE_MAP, xdpHook } from './xdp.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const KEY = new Uint8Array(4);
const SCALE = 2e-5;
const threshold = (t: number): ThresholdOutput => ({ kind: 'threshold', class: 1, threshold: t, above: 'DROP', below: 'PASS' });
const capture = capturePackets(readFileSync(new URL('../../public/samples/payload/heldout.pcap', import.meta.url)));

/** The value of the processor that ran: the others were cleared. */
function lastOf(value: Uint8Array): LastScore {
  for (let at = 0; at < value.length; at += SCORE_BYTES) {
    const one = value.subarray(at, at + SCORE_BYTES);
    if (one.some((byte) => byte !== 0)) return readScore(one);
  }
  throw new Error('no processor has a score');
}

/** Differences between kernel, interpreter and reference over `packets`. */
async function differences(
  fit: FittedBinding & { readonly input: PayloadInput },
  packets: readonly Uint8Array[],
  cpu: 'v3' | 'v4' = 'v4',
): Promise<{ messages: string[]; ran: number; processed: number }> {
  const program = programOf(xdpHook(fit), fit.input.length, fit.classes, SCALE, cpu);
  const loaded = await kernel!.load(program, { logLevel: 1 });
  expect(loaded.accepted, loaded.log.slice(-3000)).toBe(true);
  const inKernel = loaded.program!;
  const vm = new Vm(program);
  const score = inKernel.map(SCORE_MAP);
  const messages: string[] = [];
  let ran = 0;
  for (const [i, packet] of packets.entries()) {
    await score.update(KEY, new Uint8Array(SCORE_BYTES));
    const { returnValue } = await inKernel.testRun(packet);
    const last = lastOf((await score.lookup(KEY))!);
    const mine = vm.runXdp(packet).returnValue;
    const mineLast = readScore(vm.maps.get(SCORE_MAP).lookup(KEY)!);
    if (
      returnValue !== mine ||
      JSON.stringify({ ...last, lead: `${last.lead}` }) !== JSON.stringify({ ...mineLast, lead: `${mineLast.lead}` })
    ) {
      messages.push(`packet ${i}: kernel ${returnValue} ${last.scoreQ16}, interpreter ${mine} ${mineLast.scoreQ16}`);
    }
    const tokens = tokensOf(packet, fit.binding);
    if (last.ran !== (tokens !== null)) messages.push(`packet ${i}: ran ${last.ran}`);
    if (!tokens) continue;
    ran++;
    const decision = decide(
      standInOutputs(tokens, fit.classes).map((value) => value * SCALE),
      fit,
    );
    if (Math.abs(last.scoreQ16 - decision.score * 65536) > 3)
      messages.push(`packet ${i}: score ${last.scoreQ16}, reference ${decision.score * 65536}`);
    if (decision.margin > 3 / 65536 && returnValue !== VERDICT_ORDER.indexOf(decision.verdict))
      messages.push(`packet ${i}: ${returnValue} for ${decision.verdict}`);
  }
  const processed = loaded.processed ?? Number.POSITIVE_INFINITY;
  await inKernel.closeAll();
  return { messages, ran, processed };
}

describe.skipIf(!kernel)('the kernel runs the hook as interpreter and reference do', () => {
  it.each([
    ['l4_payload', fitted('l4_payload', 48, threshold(0.5), 2)],
    ['l3', fitted('l3', 20, threshold(0.5), 1)],
    ['l4, five classes', fitted('l4', 32, { kind: 'argmax', verdicts: ['PASS', 'DROP', 'TX', 'PASS', 'DROP'] }, 5)],
    ['l2, three classes', fitted('l2', 300, { ...threshold(0.4), class: 2 }, 3)],
  ] as const)('random packets, %s', async (_, fit) => {
    const packets = randomPackets(5, 600).filter((packet) => packet.length >= 14);
    const { messages, ran, processed } = await differences(fit, packets);
    expect(messages).toEqual([]);
    expect(ran).toBeGreaterThan(150);
    expect(processed).toBeLessThan(30_000);
  });

  it('the held-out capture, with the instructions of kernel 5.15', async () => {
    expect(capture.length).toBe(2000);
    const { messages, ran } = await differences(fitted('l4_payload', 48, threshold(0.5), 2), capture, 'v3');
    expect(messages).toEqual([]);
    expect(ran).toBe(2000);
  });

  it('only some ports of the held-out capture', async () => {
    const input = { kind: 'payload', layer: 'l4_payload', length: 48, pad: 256, ports: [53, 25, 443] } as const;
    const { messages, ran } = await differences(fitted('l4_payload', 48, threshold(0.5), 2, { input }), capture);
    expect(messages).toEqual([]);
    expect(ran).toBeGreaterThan(150);
    expect(ran).toBeLessThan(250);
  });

  it('TAG and REDIRECT', async () => {
    const fit = fitted('l2', 8, { kind: 'argmax', verdicts: ['TAG', 'REDIRECT', 'DROP'], redirectIfindex: 1 }, 3);
    const loaded = await kernel!.load(programOf(xdpHook(fit), 8, 3, SCALE));
    expect(loaded.accepted, loaded.log.slice(-3000)).toBe(true);
    const seen = new Set<number>();
    for (const packet of randomPackets(6, 60)) {
      const tokens = tokensOf(packet, fit.binding)!;
      const { verdict } = decide(standInOutputs(tokens, 3), fit);
      const { returnValue } = await loaded.program!.testRun(packet);
      expect(returnValue).toBe(verdict === 'TAG' ? 2 : VERDICT_ORDER.indexOf(verdict));
      seen.add(returnValue);
    }
    expect(seen).toEqual(new Set([1, 2, 4]));
    await loaded.program!.closeAll();
  });

  it('the tensor hook', async () => {
    const loaded = await kernel!.load(programOf(tensorHook(), 8, 3, 1));
    expect(loaded.accepted, loaded.log.slice(-3000)).toBe(true);
    const tokens = Uint16Array.of(5, 4, 3, 2, 1, 0, 300, 256);
    const value = new Uint8Array(16 + 16 + 6);
    value.set(new Uint8Array(tokens.buffer), 16);
    await loaded.program!.map('in').update(KEY, value);
    expect((await loaded.program!.testRun(new Uint8Array(14))).returnValue).toBe(2);
    const out = (await loaded.program!.map('out').lookup(KEY))!;
    expect(Array.from(new Int32Array(out.slice(8, 20).buffer))).toEqual(standInOutputs(tokens, 3));
    await loaded.program!.closeAll();
  });
});
