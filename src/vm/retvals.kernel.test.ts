import { existsSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { MAP_TYPE_PROG_ARRAY } from '../bpf/maps.ts';
import { PROG_TYPE_NAMES } from '../bpf/progtypes.ts';
import type { Kernel, KernelMap } from '../companion/kernel.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { type Case, caseProgram, parseCases } from '../verifier/corpus.ts';
import { caseData, caseMachine, hasTestRun, SLOT_OF_42, slotPrograms } from './retvals.ts';
import { TaintCheck } from './testing/taint.ts';

const folder = process.env.BPFORMER_CORPUS;
const file = folder ? `${folder}/verifier-raw.jsonl` : '';
const found = file !== '' && existsSync(file);
const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const TRACEPOINT = PROG_TYPE_NAMES.indexOf('tracepoint');
const RAW_TRACEPOINT = PROG_TYPE_NAMES.indexOf('raw_tracepoint');

const word = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
/** The number that cases state whose programs return an address. */
const ANY_ADDRESS = 0xcafe4a;
/** Programs that write an address into the packet. */
const WRITES_ADDRESS = /^direct packet (access: test4 \(write\)|access: test22|write for LWT_XMIT)/;

/** Loads the case with its maps filled as {@link caseMachine} fills them; null when this kernel refuses it. */
async function load(k: Kernel, test: Case) {
  const program = caseProgram(test);
  const maps = program.maps.map((def, i) => ({ ...def, name: `m${i}` }));
  const made = new Map<string, KernelMap>();
  for (const def of maps) {
    const map = await k.tryCreateMap(def);
    if (typeof map === 'number') return null;
    made.set(def.name, map);
  }
  const named = { ...program, maps };
  const loaded = await k.load(named, { maps: made });
  if (!loaded.program) return null;
  const slots: { close(): Promise<void> }[] = [];
  for (const [i, kind] of Object.keys(test.fixups).entries()) {
    const map = made.get(`m${i}`)!;
    if (/array_(48b|ro|wo|small)$/.test(kind)) {
      const value = new Uint8Array(48);
      value.set(word(28));
      value.set(word(0xabcdef12), 28);
      await map.update(word(0), value.subarray(0, map.def.valueSize));
    }
    if (map.def.type !== MAP_TYPE_PROG_ARRAY) continue;
    for (const [n, slot] of slotPrograms(named).entries()) {
      const other = await k.load({ ...slot, name: 'slot' }, { maps: made });
      slots.push(other.program!);
      await map.update(word(n === 0 ? SLOT_OF_42[kind] : n), word(other.program!.fd));
    }
  }
  return { program, loaded: loaded.program, slots };
}

describe.skipIf(!kernel || !found)('accepted verifier cases', () => {
  it('return in both engines what they return in the kernel, and leave the same packet', { timeout: 300_000 }, async () => {
    await kernel!.pin(0);
    const cases = parseCases(readFileSync(file, 'utf8')).filter((test) => test.verdict618 === 'accept' && hasTestRun(test.prog_type));
    const differences: string[] = [];
    let runs = 0;
    for (const test of cases) {
      const ready = await load(kernel!, test);
      if (!ready) continue;
      for (const { data } of test.retvals.length > 0 ? test.retvals : [{ data: '00'.repeat(64) }]) {
        const packet = caseData(data);
        const expected = await ready.loaded.testRun(packet);
        if (expected.errno !== 0) continue;
        for (const engine of ['interp', 'wasm'] as const) {
          const got = caseMachine(test, ready.program, engine).run({ packet });
          const isAddress = test.retvals.some(({ retval }) => retval === ANY_ADDRESS);
          if (got.returnValue !== expected.returnValue && !isAddress)
            differences.push(`${engine}, ${test.descr}: ${got.returnValue}, in the kernel ${expected.returnValue}`);
          const left = Buffer.concat([got.metadata, got.packet!]);
          if (!left.equals(expected.data) && !WRITES_ADDRESS.test(test.descr)) differences.push(`${engine}, ${test.descr}: another packet`);
          runs++;
        }
      }
      await Promise.all([ready.loaded.closeAll(), ...ready.slots.map((slot) => slot.close())]);
    }
    expect(differences).toEqual([]);
    expect(runs).toBeGreaterThan(1000);
  });

  /** Linux runs no tracepoint's program on data, but the same code as a raw tracepoint's. */
  it('of tracepoints return what they return in the kernel as those of raw tracepoints', { timeout: 120_000 }, async () => {
    await kernel!.pin(0);
    const context = new Uint8Array(64);
    const differences: string[] = [];
    const ran = { equal: 0, 'by chance': 0 };
    const tests = parseCases(readFileSync(file, 'utf8')).filter((test) => test.verdict618 === 'accept' && test.prog_type === TRACEPOINT);
    for (const test of tests) {
      const ready = await load(kernel!, { ...test, prog_type: RAW_TRACEPOINT });
      if (!ready) continue;
      const expected = await ready.loaded.testRun(new Uint8Array(0), { ctx: context });
      await ready.loaded.closeAll();
      const program = caseProgram(test);
      if (new TaintCheck(caseMachine(test, program, 'interp')).run({ context }) !== null) {
        ran['by chance']++;
        continue;
      }
      for (const engine of ['interp', 'wasm'] as const) {
        const got = caseMachine(test, program, engine).run({ context }).returnValue;
        if (got !== expected.returnValue) differences.push(`${engine}, ${test.descr}: ${got}, in the kernel ${expected.returnValue}`);
      }
      ran.equal++;
    }
    expect(differences).toEqual([]);
    expect(ran.equal).toBeGreaterThan(20);
    expect(ran['by chance']).toBeLessThan(8);
  });
});
