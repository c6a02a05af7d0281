import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Kernel } from '../../companion/kernel.ts';
import type { KernelProgram } from '../../companion/kernel-program.ts';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import { buildDecoder } from '../../compiler/lm/build.ts';
import { STATUS } from '../../compiler/lm/layout.ts';
import { LOCK_MAP } from '../../compiler/lm/lock.ts';
import { programBtf } from '../../object/program-btf.ts';
import { decodeResult, encodeRequest, VmText } from '../../replay/generate.ts';
import { verify } from '../../verifier/verify.ts';
import { Vm } from '../../vm/vm.ts';
import { BODY, behindIpv6, edited, frameOf, ipv6Checksum, SMALL_DECODER, TEXT_BINDING, textInProduction, UDP } from '../testing/text.ts';
import { checkTextBinding, parseTextBinding } from './binding.ts';
import { answerOf, roomOf, TEXT, udpChecksum } from './packet.ts';

const [PASS, TX] = [2, 3];
const KEY = new Uint8Array(4);
const { program, meta } = await textInProduction();
const kernel: Kernel | null = await kernelForTests();

const NO_REQUESTS: [string, Uint8Array][] = [
  ['another port', edited(frameOf(), UDP + 2, 0x1b, 0x9f)],
  ['another mark', edited(frameOf(), BODY, 1)],
  ['an answer', edited(frameOf(), BODY + TEXT.flags + 1, 0x80)],
  ['too long a prompt', edited(frameOf(), BODY + TEXT.prompt, 6)],
  ['too many tokens', edited(frameOf(), BODY + TEXT.generate, 8)],
  ['a packet that is cut short', frameOf().subarray(0, BODY + TEXT.tokens + 2 * roomOf(TEXT_BINDING) - 1)],
  ['a datagram that says it is shorter', edited(frameOf(), UDP + 4, 0, 20)],
  ['TCP', edited(frameOf(), 23, 6)],
  ['a fragment', edited(frameOf(), 20, 0x20, 0)],
  ['another version of IP', edited(frameOf(), 14, 0x65)],
  ['ARP', edited(frameOf(), 12, 8, 6)],
];

afterAll(() => kernel?.close());

describe.skipIf(!kernel)('a text generating program at an interface', () => {
  let loaded: KernelProgram;
  const vms = (['wasm', 'interp'] as const).map((engine) => new Vm(program, { engine }));
  beforeAll(async () => {
    expect(verify(program, { kernel: '6.18', privilege: 'root', logLevel: 0 }).message).toBeNull();
    const result = await kernel!.load(program, { btf: programBtf(program) });
    expect(result.message, result.log.slice(-2000)).toBeNull();
    loaded = result.program!;
  });
  /** What the program makes of a packet: the same in the kernel and in both engines. */
  const answered = async (frame: Uint8Array): Promise<{ verdict: number; packet: Uint8Array }> => {
    const { returnValue, data } = await loaded.testRun(frame);
    for (const vm of vms) {
      const ours = vm.runXdp(frame);
      expect(ours.returnValue).toBe(returnValue);
      expect(Buffer.from(ours.packet).equals(Buffer.from(data))).toBe(true);
    }
    return { verdict: returnValue, packet: data };
  };

  it('answers with the tokens that a call of the same model gives', async () => {
    const plain = await buildDecoder(SMALL_DECODER);
    const decoder = plain.meta.decoder!;
    const text = new VmText(plain.program, 'wasm');
    for (const [prompt, count] of [
      [[1, 2, 0], 6],
      [[2], 7],
      [[0, 0, 1, 2, 1], 1],
    ] as const) {
      const request = { reset: true, prompt, count, candidates: 1, temperature: 0, seed: 1, stop: null };
      const { tokens } = decodeResult((await text.run(encodeRequest(request, decoder))).output, decoder);
      const { verdict, packet } = await answered(frameOf({ prompt, generate: count }));
      expect(verdict).toBe(TX);
      expect(answerOf(packet)).toEqual({ status: STATUS.done, position: prompt.length + count - 1, tokens });
    }
  });

  it('sends the answer back, with a right checksum', async () => {
    for (const temperature of [0, 65536, 200_000]) {
      const frame = frameOf({ temperature, candidates: 3, seed: 5 });
      const { packet } = await answered(frame);
      expect(packet.subarray(0, 12)).toEqual(new Uint8Array([...frame.subarray(6, 12), ...frame.subarray(0, 6)]));
      expect(packet.subarray(26, 34)).toEqual(new Uint8Array([...frame.subarray(30, 34), ...frame.subarray(26, 30)]));
      expect(packet.subarray(34, 38)).toEqual(new Uint8Array([...frame.subarray(36, 38), ...frame.subarray(34, 36)]));
      expect((packet[40]! << 8) | packet[41]!).toBe(udpChecksum(packet));
      const six = (await answered(behindIpv6(frame))).packet;
      expect((six[60]! << 8) | six[61]!).toBe(ipv6Checksum(six));
      expect(six.subarray(54 + 8 + TEXT.flags)).toEqual(packet.subarray(BODY + TEXT.flags));
      const bare = (await answered(edited(frame, 40, 0, 0))).packet;
      expect([bare[40], bare[41]]).toEqual([0, 0]);
    }
  });

  it('leaves nothing of another answer behind the last token', async () => {
    await answered(frameOf({ generate: 7 }));
    const { packet } = await answered(frameOf({ generate: 2 }));
    const { tokens } = answerOf(packet);
    expect(tokens).toHaveLength(2);
    expect(packet.subarray(BODY + TEXT.tokens + 4).every((byte) => byte === 0)).toBe(true);
  });

  it('goes on with a text for its own session only', async () => {
    const { tokens: whole } = answerOf((await answered(frameOf({ generate: 7 }))).packet);
    const { tokens: begun } = answerOf((await answered(frameOf({ generate: 4 }))).packet);
    const other = answerOf((await answered(frameOf({ reset: false, prompt: [], generate: 3, session: 10 }))).packet);
    expect(other).toMatchObject({ status: STATUS.stale, tokens: [] });
    const gone = answerOf((await answered(frameOf({ reset: false, prompt: [], generate: 3 }))).packet);
    expect([...begun, ...gone.tokens]).toEqual(whole);
  });

  it('says that it is busy while another packet is being answered', async () => {
    await loaded.map(LOCK_MAP).update(KEY, new Uint8Array(4));
    const { returnValue, data } = await loaded.testRun(frameOf());
    await loaded.map(LOCK_MAP).delete(KEY);
    expect(returnValue).toBe(TX);
    expect(answerOf(data)).toMatchObject({ status: STATUS.busy, tokens: [] });
    expect((data[40]! << 8) | data[41]!).toBe(udpChecksum(data));
  });

  it.each(NO_REQUESTS)('lets %s pass as it is', async (_, frame) => {
    const { verdict, packet } = await answered(frame);
    expect(verdict).toBe(PASS);
    expect(Buffer.from(packet).equals(Buffer.from(frame))).toBe(true);
  });
});

describe('a text binding', () => {
  it.each([
    [{ hook: 'xdp', input: { kind: 'prompt', port: 0, length: 5 }, output: { kind: 'tokens', length: 7, reply: 'TX' } }, /\/input\/port/],
    [
      { hook: 'xdp', input: { kind: 'prompt', port: 7, length: 513 }, output: { kind: 'tokens', length: 7, reply: 'TX' } },
      /\/input\/length/,
    ],
    [
      { hook: 'xdp', input: { kind: 'prompt', port: 7, length: 5 }, output: { kind: 'tokens', length: 7, reply: 'TAG' } },
      /\/output\/reply/,
    ],
    [{ hook: 'xdp', input: { kind: 'prompt', port: 7, length: 5 }, output: { kind: 'argmax' } }, /\/output/],
    [{ ...TEXT_BINDING, production: { shadow: 1 } }, /\/production\/shadow should be true or false, not 1/],
    [{ ...TEXT_BINDING, production: { kill: true } }, /\/production\/kill is unknown; here can be shadow, sample, latency/],
    [
      { ...TEXT_BINDING, production: { sample: { oneIn: 2, by: 'event' } } },
      /\/production\/sample\/by "event" would leave out packets of a text that others go on with: use "flow"/,
    ],
  ])('is refused with the place that is wrong', (document, message) => {
    expect(() => parseTextBinding(document, 'text.json')).toThrow(message);
  });
  it('is refused where it asks for more than the model has room for', () => {
    expect(() => checkTextBinding(TEXT_BINDING, { positions: 6 }, 'text.json')).toThrow(/\/output\/length is 7/);
    expect(() => checkTextBinding(TEXT_BINDING, meta.decoder!, 'text.json')).not.toThrow();
  });
});
