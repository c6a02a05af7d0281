import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { MAP_TYPE_HASH, MAP_TYPE_PERCPU_ARRAY, MAP_TYPE_PERCPU_HASH } from '../../bpf/maps.ts';
import type { Program } from '../../bpf/program.ts';
import { openKernel } from '../../companion/kernel.ts';
import type { KernelProgram } from '../../companion/kernel-program.ts';
import { KernelText } from '../../companion/kernel-text.ts';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import { STATUS } from '../../compiler/lm/layout.ts';
import { LOCK_ENTRIES, LOCK_MAP } from '../../compiler/lm/lock.ts';
import { STATE_MAP } from '../../compiler/lm/sample-kernels.ts';
import { programBtf } from '../../object/program-btf.ts';
import { decodeResult, encodeRequest, type TextMachine } from '../../replay/generate.ts';
import { PacketText } from '../../replay/packet-text.ts';
import { verify } from '../../verifier/verify.ts';
import { Vm } from '../../vm/vm.ts';
import { OTHERWISE_COUNTER, VERDICT_ORDER } from '../decide.ts';
import { CONTROL_MAP, COUNTERS_MAP, type Counter, LATENCY_MAP, MODE, readCounters } from '../production/binding.ts';
import { flowIsSampled } from '../production/flow-hash.ts';
import { bucketEnd, bucketStart, readHistogram } from '../production/histogram.ts';
import { control } from '../testing/production-runs.ts';
import { BODY, behindIpv6, edited, frameOf, OTHERS, REQUESTS, TEXT_BINDING, textInProduction, UDP } from '../testing/text.ts';
import { VERDICTS_MAP } from '../xdp.ts';
import { answerOf, TEXT } from './packet.ts';

const kernel = await kernelForTests();
if (kernel) await kernel.pin(0);

const KEY = new Uint8Array(4);
const [DROP, PASS, TX] = [1, 2, 3];
const key = (index: number): Uint8Array => new Uint8Array(Uint32Array.of(index).buffer);
const total = (value: Uint8Array): number => new BigUint64Array(value.slice().buffer).reduce((sum, n) => sum + Number(n), 0);

/** A program in the kernel and in both engines, which are told the same and have to say the same. */
class Machines {
  static readonly open: Machines[] = [];
  readonly program: Program;
  readonly real: KernelProgram;
  readonly vms: readonly Vm[];

  private constructor(program: Program, real: KernelProgram) {
    this.program = program;
    this.real = real;
    this.vms = (['wasm', 'interp'] as const).map((engine) => new Vm(program, { engine }));
    Machines.open.push(this);
  }

  static async of(program: Program): Promise<Machines> {
    const loaded = await kernel!.load(program, { btf: programBtf(program) });
    expect(loaded.message, loaded.log.slice(-3000)).toBeNull();
    return new Machines(program, loaded.program!);
  }

  async set(map: string, at: Uint8Array, value: Uint8Array): Promise<void> {
    await this.real.map(map).update(at, value);
    for (const vm of this.vms) vm.maps.get(map).update(at, value);
  }

  async unset(map: string, at: Uint8Array): Promise<void> {
    await this.real.map(map).delete(at);
    for (const vm of this.vms) vm.maps.get(map).delete(at);
  }

  mode(mode: number, oneIn = 0, seed = 0): Promise<void> {
    return this.set(CONTROL_MAP, KEY, control(mode, oneIn, seed));
  }

  async run(frame: Uint8Array): Promise<{ code: number; packet: Uint8Array }> {
    const { returnValue, errno, data } = await this.real.testRun(frame);
    expect(errno).toBe(0);
    for (const vm of this.vms) {
      const mine = vm.runXdp(frame);
      expect(mine.returnValue).toBe(returnValue);
      expect(Buffer.from(mine.packet).equals(Buffer.from(data))).toBe(true);
    }
    return { code: returnValue, packet: data };
  }

  /** The answer in the packet that comes back. */
  async answer(frame: Uint8Array): Promise<ReturnType<typeof answerOf>> {
    const { code, packet } = await this.run(frame);
    expect(code).toBe(TX);
    return answerOf(packet);
  }

  /** The packet passes and nothing of it is touched. */
  async passes(frame: Uint8Array): Promise<void> {
    const { code, packet } = await this.run(frame);
    expect(code).toBe(PASS);
    expect(Buffer.from(packet).equals(Buffer.from(frame))).toBe(true);
  }

  /** Numbers of map `verdicts`: by verdict, then packets that are no request. */
  async verdicts(): Promise<number[]> {
    const counts: number[] = [];
    for (let i = 0; i <= OTHERWISE_COUNTER; i++) counts.push(total((await this.real.map(VERDICTS_MAP).lookup(key(i)))!));
    for (const vm of this.vms) expect(counts.map((_, i) => total(vm.maps.get(VERDICTS_MAP).lookup(key(i))!))).toEqual(counts);
    return counts;
  }

  /** Counters that are not 0, but for the time; every event is in one of them. */
  async counters(): Promise<Partial<Record<Counter, number>>> {
    const counts = { ...readCounters((await this.real.map(COUNTERS_MAP).lookup(KEY))!), nanoseconds: 0 };
    for (const vm of this.vms) expect({ ...readCounters(vm.maps.get(COUNTERS_MAP).lookup(KEY)!), nanoseconds: 0 }).toEqual(counts);
    const { events, shadowed: _, ...rest } = counts;
    const others = (await this.verdicts())[OTHERWISE_COUNTER]!;
    expect(Object.values(rest).reduce((sum, n) => sum + n, others)).toBe(events);
    return Object.fromEntries(Object.entries(counts).filter(([, n]) => n > 0));
  }
}

const open = async (...options: Parameters<typeof textInProduction>): Promise<Machines> =>
  Machines.of((await textInProduction(...options)).program);

afterEach(async () => {
  await Promise.all(Machines.open.splice(0).map(({ real }) => real.closeAll()));
});
afterAll(() => kernel?.close());

/** Of {@link REQUESTS}. */
const STALE = 1;

describe.skipIf(!kernel)('a text generating program in production', () => {
  it('without `production` nothing of it is in the program', async () => {
    const { program } = await textInProduction();
    const names = program.maps.map(({ name }) => name);
    for (const name of [CONTROL_MAP, COUNTERS_MAP, LATENCY_MAP, VERDICTS_MAP]) expect(names).not.toContain(name);
  });

  it('answers as without, and counts: a time for each packet that the model saw', async () => {
    const [plain, production] = [await open(), await open({ latency: true })];
    for (const frame of [...REQUESTS, ...OTHERS]) expect(await production.run(frame)).toEqual(await plain.run(frame));
    const scored = REQUESTS.length - STALE;
    expect(await production.counters()).toEqual({ events: REQUESTS.length + OTHERS.length, scored, stale: STALE });
    const verdicts = VERDICT_ORDER.map((name) => (name === 'TX' ? REQUESTS.length : name === 'PASS' ? OTHERS.length : 0));
    expect(await production.verdicts()).toEqual([...verdicts, OTHERS.length]);
    const times = readHistogram((await production.real.map(LATENCY_MAP).lookup(KEY))!);
    expect(times.reduce((sum, n) => sum + n, 0)).toBe(scored);
    const { nanoseconds } = readCounters((await production.real.map(COUNTERS_MAP).lookup(KEY))!);
    const within = (end: (bucket: number) => number): number => times.reduce((sum, n, bucket) => sum + (n === 0 ? 0 : n * end(bucket)), 0);
    expect(nanoseconds).toBeGreaterThanOrEqual(within(bucketStart));
    expect(nanoseconds).toBeLessThanOrEqual(within(bucketEnd));
    expect(within(bucketStart)).toBeGreaterThan(0);
    for (const vm of production.vms)
      expect(readHistogram(vm.maps.get(LATENCY_MAP).lookup(KEY)!).reduce((sum, n) => sum + n, 0)).toBe(scored);
  }, 60_000);

  it('in shadow mode writes what it would have said to map `output`, and no packet is touched', async () => {
    const [plain, shadow] = [await open(), await open({ shadow: true, latency: true })];
    const bytes = new Set<number>();
    for (const frame of REQUESTS) {
      expect((await plain.run(frame)).code).toBe(TX);
      await shadow.passes(frame);
      const [told, kept] = await Promise.all([plain, shadow].map(({ real }) => real.map('output').lookup(KEY)));
      expect(kept).toEqual(told);
      for (const byte of told!) bytes.add(byte);
    }
    expect(bytes.size).toBeGreaterThan(4);
    for (const frame of OTHERS) await shadow.passes(frame);
    const scored = REQUESTS.length - STALE;
    expect(await shadow.counters()).toEqual({
      events: REQUESTS.length + OTHERS.length,
      scored,
      stale: STALE,
      shadowed: REQUESTS.length,
    });
    expect((await shadow.verdicts())[TX]).toBe(REQUESTS.length);
    const times = readHistogram((await shadow.real.map(LATENCY_MAP).lookup(KEY))!);
    expect(times.reduce((sum, n) => sum + n, 0)).toBe(scored);
    await shadow.mode(MODE.enforce);
    expect((await shadow.answer(frameOf())).status).toBe(STATUS.done);
  }, 60_000);

  it('in shadow mode passes what else would be dropped, and holds answers back that would pass', async () => {
    const machines = await open({}, { otherwise: 'DROP', reply: 'PASS' });
    expect((await machines.run(OTHERS[0]!)).code).toBe(DROP);
    const { code, packet } = await machines.run(frameOf());
    expect(code).toBe(PASS);
    expect(answerOf(packet).tokens).toHaveLength(6);
    await machines.mode(MODE.shadow);
    await machines.passes(OTHERS[0]!);
    await machines.passes(frameOf());
    expect(await machines.counters()).toEqual({ events: 4, scored: 2, shadowed: 2 });
    expect(await machines.verdicts()).toEqual([0, 2, 2, 0, 0, 0, 2]);
  }, 60_000);

  it('switched off, passes every packet unseen, from one packet to the next', async () => {
    const machines = await open({ latency: true });
    await machines.answer(frameOf());
    for (const mode of [MODE.off, 99]) {
      await machines.mode(mode);
      for (const frame of [...REQUESTS, ...OTHERS]) await machines.passes(frame);
    }
    await machines.mode(MODE.compiled);
    await machines.answer(frameOf());
    const off = 2 * (REQUESTS.length + OTHERS.length);
    expect(await machines.counters()).toEqual({ events: off + 2, off, scored: 2 });
  }, 60_000);

  it('no text goes on over packets that passed, and none that began in shadow mode is answered', async () => {
    const machines = await open({ sample: { oneIn: 1, by: 'flow' } });
    const next = frameOf({ reset: false, prompt: [1], generate: 1 });
    const of = (session: number): Uint8Array => frameOf({ session });
    const goesOn = async (status: number): Promise<void> => expect((await machines.answer(next)).status).toBe(status);
    // Any packet while it is switched off.
    await machines.answer(of(9));
    await machines.mode(MODE.off);
    await machines.passes(OTHERS[3]!);
    await machines.mode(MODE.enforce);
    await goesOn(STATUS.stale);
    await machines.answer(of(9));
    await goesOn(STATUS.done);
    // A part of it in shadow mode: there it goes on, its sender has to begin anew.
    await machines.mode(MODE.shadow);
    await machines.passes(next);
    await machines.passes(next);
    await machines.mode(MODE.enforce);
    await goesOn(STATUS.stale);
    await machines.mode(MODE.shadow);
    await machines.passes(of(9));
    await machines.mode(MODE.off);
    await machines.passes(next);
    await machines.mode(MODE.shadow);
    await machines.passes(next);
    expect(await machines.counters()).toEqual({ events: 11, off: 2, scored: 6, shadowed: 4, stale: 3 });
  }, 60_000);

  it('a packet that the sample leaves out ends the text of its session, and no other', async () => {
    const machines = await open({ sample: { oneIn: 1, by: 'flow' } });
    const next = frameOf({ reset: false, prompt: [1], generate: 1 });
    const foreign = frameOf({ reset: false, prompt: [1], generate: 1, session: 10 });
    const left = [...new Array(100).keys()].find((seed) => !flowIsSampled(next, 64, seed))!;
    await machines.answer(frameOf());
    for (const [frame, status] of [
      [foreign, STATUS.done],
      [next, STATUS.stale],
    ] as const) {
      await machines.mode(MODE.enforce, 64, left);
      await machines.passes(frame);
      await machines.mode(MODE.enforce, 1);
      expect((await machines.answer(next)).status).toBe(status);
    }
    expect(await machines.counters()).toEqual({ events: 5, unsampled: 2, scored: 2, stale: 1 });
  }, 60_000);

  it('answers the flows of the sample and no others', async () => {
    const machines = await open({ sample: { oneIn: 2, by: 'flow' } });
    const flows = Array.from({ length: 24 }, (_, i) => edited(edited(frameOf({ generate: 1 }), UDP, 0x9c, i), UDP + 6, 0, 0));
    let unsampled = 0;
    for (const [mode, oneIn, seed] of [
      [MODE.compiled, 2, 0],
      [MODE.enforce, 4, 1234],
    ] as const) {
      await machines.mode(mode, mode === MODE.compiled ? 0 : oneIn, seed);
      for (const frame of flows) {
        if (flowIsSampled(frame, oneIn, seed)) await machines.answer(frame);
        else {
          unsampled++;
          await machines.passes(frame);
        }
      }
    }
    expect(unsampled).toBeGreaterThan(10);
    expect(unsampled).toBeLessThan(48);
    expect(await machines.counters()).toEqual({ events: 48, unsampled, scored: 48 - unsampled });
  }, 60_000);

  it('two processors, while it is switched again and again: every packet is answered or untouched, and counted once', async () => {
    const { real } = await open({ latency: true });
    // struct bpf_prog_info: type, id.
    const id = (await kernel!.info(real.fd, 16)).getUint32(4, true);
    const callers = await Promise.all(
      [0, 1].map(async (cpu) => {
        const own = (await openKernel())!;
        await own.pin(cpu);
        return { own, program: await own.openProgram(id) };
      }),
    );
    const CALLS = 4000;
    const seen = { answered: 0, busy: 0, passed: 0 };
    let calling = true;
    const switching = (async () => {
      for (let i = 0; calling; i++) await real.map(CONTROL_MAP).update(KEY, control([MODE.enforce, MODE.shadow, MODE.off][i % 3]!));
    })();
    const session = (caller: number): Uint8Array => frameOf({ generate: 2, session: caller });
    await Promise.all(
      callers.map(async ({ program }, caller) => {
        for (let call = 0; call < CALLS; call++) {
          const frame = session(caller);
          const { returnValue, data } = await program.testRun(frame);
          if (returnValue === TX) seen[answerOf(data).status === STATUS.busy ? 'busy' : 'answered']++;
          else if (returnValue === PASS && Buffer.from(data).equals(Buffer.from(frame))) seen.passed++;
        }
      }),
    );
    calling = false;
    await switching;
    const counters = readCounters((await real.map(COUNTERS_MAP).lookup(KEY))!);
    const { events, off, scored, busy, shadowed, stale, eligible: _, nanoseconds: _ns, ...rest } = counters;
    expect(events).toBe(2 * CALLS);
    expect(seen.answered + seen.busy + seen.passed).toBe(events);
    expect(off + scored + busy).toBe(events);
    expect(off + shadowed).toBe(seen.passed);
    expect({ stale, ...rest }).toEqual(Object.fromEntries(['stale', ...Object.keys(rest)].map((name) => [name, 0])));
    for (const n of [seen.answered, off, shadowed]) expect(n).toBeGreaterThan(0);
    expect(readHistogram((await real.map(LATENCY_MAP).lookup(KEY))!).reduce((sum, n) => sum + n, 0)).toBe(scored);
    expect(await real.map(LOCK_MAP).lookup(KEY)).toBeNull();
    for (const { own } of callers) own.close();
  }, 60_000);

  it('writes texts for `generate` whatever it is told by its binding', async () => {
    const { program, meta } = await textInProduction({ shadow: true, sample: { oneIn: 1 << 30, by: 'flow' } });
    const decoder = meta.decoder!;
    const loaded = await kernel!.load(program, { btf: programBtf(program) });
    const machines: TextMachine[] = [
      await new KernelText(kernel!, loaded.program!, program).inPackets(TEXT_BINDING, decoder),
      PacketText.inVm(program, 'wasm', TEXT_BINDING, decoder),
    ];
    const request = { reset: true, prompt: [1, 2, 0, 1, 2, 1], count: 9, candidates: 1, temperature: 0, seed: 1, stop: null };
    const [real, mine] = await Promise.all(
      machines.map(async (machine) => decodeResult((await machine.run(encodeRequest(request, decoder))).output, decoder)),
    );
    expect(real!.tokens).toHaveLength(9);
    expect(mine).toEqual(real);
    await loaded.program!.closeAll();
  }, 60_000);

  it.each(['5.15', '6.1', '6.6', '6.12'] as const)(
    'is accepted by the profile of %s, and its code by this kernel',
    async (version) => {
      const { program } = await textInProduction({ sample: { oneIn: 2, by: 'flow' }, latency: true }, {}, version);
      expect(verify(program, { kernel: version, privilege: 'root', logLevel: 0 }).message).toBeNull();
      if (version !== '5.15') return;
      const [machines, plain] = [await Machines.of(program), await open(undefined, {}, version)];
      await machines.mode(MODE.enforce, 1);
      for (const frame of [...REQUESTS, ...OTHERS]) expect(await machines.run(frame)).toEqual(await plain.run(frame));
      await machines.mode(MODE.shadow, 1);
      for (const frame of REQUESTS) await machines.passes(frame);
      expect(await machines.counters()).toMatchObject({ scored: 2 * (REQUESTS.length - STALE), shadowed: REQUESTS.length });
    },
    60_000,
  );
});

/** The same instructions around a hash in the place of an array, which has no entry that nobody made (see production/failures.kernel.test.ts). */
function withHash(program: Program, name: string): Program {
  const type = program.maps.find((map) => map.name === name)!.type === MAP_TYPE_PERCPU_ARRAY ? MAP_TYPE_PERCPU_HASH : MAP_TYPE_HASH;
  return { ...program, maps: program.maps.map((map) => (map.name === name ? { ...map, type } : map)) };
}

describe.skipIf(!kernel)('what fails of a text passes and is counted by its reason, whatever would become of other packets', () => {
  const next = frameOf({ reset: false, prompt: [1], generate: 1 });
  const dropping = (): Promise<Machines> => open({}, { otherwise: 'DROP' });
  const goesOn = async (machines: Machines, status: number): Promise<void> => expect((await machines.answer(next)).status).toBe(status);

  it.each([CONTROL_MAP, 'input', 'output', STATE_MAP, LATENCY_MAP])(
    'fail_map: map %s has no entry',
    async (name) => {
      const program = withHash((await textInProduction({ latency: true }, { otherwise: 'DROP' })).program, name);
      const machines = await Machines.of(program);
      for (let i = 0; i < 2; i++) await machines.passes(frameOf());
      // The second one did not find the lock taken.
      expect(await machines.counters()).toEqual({ events: 2, fail_map: 2 });
      if (name === LATENCY_MAP) return;
      await machines.set(name, KEY, new Uint8Array(program.maps.find((map) => map.name === name)!.valueSize));
      expect((await machines.answer(frameOf())).status).toBe(STATUS.done);
    },
    60_000,
  );

  it('fail_map: the lock cannot be taken, and nobody has it', async () => {
    const machines = await dropping();
    await machines.answer(frameOf());
    for (let other = 1; other <= LOCK_ENTRIES; other++) await machines.set(LOCK_MAP, key(other), new Uint8Array(4));
    await machines.passes(next);
    for (let other = 1; other <= LOCK_ENTRIES; other++) await machines.unset(LOCK_MAP, key(other));
    await goesOn(machines, STATUS.stale);
    expect(await machines.counters()).toEqual({ events: 3, scored: 1, fail_map: 1, stale: 1 });
  }, 60_000);

  it('fail_weights: the map holds no weights', async () => {
    const machines = await dropping();
    const { data, valueSize } = machines.program.maps.find(({ name }) => name === '.data.weights')!;
    await machines.set('.data.weights', KEY, new Uint8Array(valueSize));
    await machines.passes(frameOf());
    await machines.set('.data.weights', KEY, data!);
    expect((await machines.answer(frameOf())).status).toBe(STATUS.done);
    expect(await machines.counters()).toEqual({ events: 2, scored: 1, fail_weights: 1 });
  }, 60_000);

  it('fail_truncated: what may be a request does not lie in the frame', async () => {
    const machines = await dropping();
    const six = behindIpv6(frameOf());
    const cut = [frameOf().subarray(0, -1), frameOf().subarray(0, 38), frameOf().subarray(0, 20), six.subarray(0, 50), six.subarray(0, 58)];
    for (const frame of cut) {
      await machines.answer(frameOf());
      await goesOn(machines, STATUS.done);
      await machines.passes(frame);
      await goesOn(machines, STATUS.stale);
    }
    for (const frame of [edited(frameOf(), 23, 6).subarray(0, 38), edited(frameOf(), 12, 8, 6).subarray(0, 20)])
      expect((await machines.run(frame)).code).toBe(DROP);
    const n = cut.length;
    expect(await machines.counters()).toEqual({ events: 4 * n + 2, scored: 2 * n, stale: n, fail_truncated: n });
  }, 60_000);

  it('fail_length: a request asks for more than the lengths', async () => {
    const machines = await dropping();
    const [prompt, generate] = [BODY + TEXT.prompt, BODY + TEXT.generate];
    await machines.answer(frameOf());
    await machines.passes(edited(frameOf({ session: 10 }), prompt, 6));
    await goesOn(machines, STATUS.done);
    await machines.passes(edited(next, generate, 8));
    await goesOn(machines, STATUS.stale);
    expect(await machines.counters()).toEqual({ events: 5, scored: 2, stale: 1, fail_length: 2 });
  }, 60_000);

  it('busy is an answer; in shadow mode the packet passes, and its text has a gap', async () => {
    const machines = await dropping();
    const whileBusy = async (then: () => Promise<void>): Promise<void> => {
      await machines.set(LOCK_MAP, KEY, new Uint8Array(4));
      await then();
      await machines.unset(LOCK_MAP, KEY);
    };
    await machines.answer(frameOf());
    await whileBusy(() => goesOn(machines, STATUS.busy));
    await goesOn(machines, STATUS.done);
    await machines.mode(MODE.shadow);
    await machines.passes(next);
    await whileBusy(() => machines.passes(next));
    await machines.passes(next);
    expect(await machines.counters()).toEqual({ events: 6, scored: 3, busy: 2, stale: 1, shadowed: 3 });
    expect((await machines.verdicts())[TX]).toBe(6);
  }, 60_000);
});
