import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import { programBtf } from '../../object/program-btf.ts';
import { readCalls } from '../../traces/syscalls/calls.ts';
import { verify } from '../../verifier/verify.ts';
import { Vm } from '../../vm/vm.ts';
import { CONTROL, CONTROL_MAP, COUNTERS_MAP, LATENCY_MAP, MODE, readCounters } from '../production/binding.ts';
import { manners } from '../production/code.ts';
import { readHistogram } from '../production/histogram.ts';
import { attach } from '../testing/attach.ts';
import { programOf } from '../testing/harness.ts';
import { fittedCalls } from '../testing/syscalls.ts';
import { ringOf } from './binding.ts';
import { enterContext } from './context.ts';
import { EVENT, EVENTS_MAP, PROCESS, PROCESSES_MAP, syscallHook } from './hook.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const KEY = new Uint8Array(4);
const input = { kind: 'syscalls', length: 32, every: 7 } as const;
const program = programOf(syscallHook(fittedCalls(input), input), input.length, 2, 2e-5);
/** Makes 400 calls without effect, in an order that a generator gives, says so, and waits for the end of its input. */
const CHILD = `#include <unistd.h>
#include <sys/syscall.h>
int main(void) {
  static const int calls[] = {39, 110, 102, 104, 107, 108, 24, 121, 95, 186, 140, 98};
  unsigned state = 12345;
  for (int i = 0; i < 400; i++) {
    state = state * 1103515245u + 12345u;
    syscall(calls[(state >> 16) % 12], 0, 0, 0);
  }
  char c;
  write(1, "x", 1);
  read(0, &c, 1);
  return 0;
}
`;
const ready = spawnSync('strace', ['-V']).status === 0 && existsSync('/usr/include/bpf/libbpf.h');
if (kernel && !ready) console.warn('skipped: the tracepoint is attached where strace and libbpf-dev are');

describe.skipIf(!kernel || !ready)('attached to raw_syscalls/sys_enter', () => {
  it('the kernel’s sequences of a process are those that strace saw, and its scores the engine’s', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bpformer-calls-'));
    try {
      const at = (name: string) => join(folder, name);
      writeFileSync(at('child.c'), CHILD);
      execFileSync('cc', ['-o', at('child'), at('child.c')]);
      const attached = await attach(program, folder, kernel!);
      const [processes, events] = [await attached.open(PROCESSES_MAP), await attached.open(EVENTS_MAP)];
      const child = spawn('strace', ['-f', '-o', at('trace.txt'), at('child')], { stdio: ['pipe', 'pipe', 'ignore'] });
      await new Promise((resolve) => child.stdout.once('data', resolve));
      // The child waits in read: nobody of its name makes calls now. Which process it is strace says at the end.
      const held = new Map(
        (await processes.dump()).map(({ key, value }) => [new DataView(key.buffer, key.byteOffset).getUint32(0, true), value]),
      );
      const records = await events.takeRecords();
      await attached.end();
      child.stdin.end();
      await new Promise((resolve) => child.once('close', resolve));
      const { calls } = readCalls(readFileSync(at('trace.txt'), 'utf8'), 'trace.txt');
      const { pid } = calls[0]!;
      const value = held.get(pid)!;
      const view = new DataView(value.buffer, value.byteOffset);
      const count = view.getUint32(PROCESS.count, true);
      const ring = ringOf(input);
      const tokens = Array.from({ length: input.length }, (_, i) =>
        view.getUint16(PROCESS.ring + ((count - input.length + i) & (ring - 1)) * 2, true),
      );
      // Up to the read in which it waits; that call may not have begun when the map was read.
      const numbers = calls.map(({ nr }) => nr);
      const read = numbers.lastIndexOf(0) + 1;
      const seen = tokens.at(-1) === 0 ? read : read - 1;
      expect(tokens).toEqual(numbers.slice(seen - input.length, seen));
      expect(new Set(tokens).size).toBeGreaterThan(8);

      // The same calls through the engine, after as many others as the process made before strace looked.
      const vm = new Vm(program, { engine: 'wasm' });
      vm.task = { process: pid, thread: pid };
      for (let i = 0; i < count - seen; i++) vm.runUnseen({ context: enterContext(1, pid) });
      for (const nr of numbers.slice(0, seen)) vm.runUnseen({ context: enterContext(nr, pid) });
      const mine = vm.maps.get(PROCESSES_MAP).lookup(new Uint8Array(Uint32Array.of(pid).buffer))!;
      const bytesOf = (bytes: Uint8Array) => [...bytes.subarray(PROCESS.count, PROCESS.ring)];
      expect(bytesOf(value)).toEqual(bytesOf(mine));
      expect(view.getUint32(PROCESS.verdict, true)).toBeGreaterThan(0);
      const own = records.filter((record) => new DataView(record.buffer, record.byteOffset).getUint32(EVENT.process, true) === pid);
      expect(own.length).toBeGreaterThan(5);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 60_000);

  it.each(['v3', 'v4'] as const)('is accepted with the instructions of %s', async (cpu) => {
    for (const added of [null, manners({ sample: { oneIn: 2, by: 'event' }, latency: true })]) {
      const one = programOf(syscallHook(fittedCalls(input), input, added), input.length, 2, 2e-5, cpu);
      const loaded = await kernel!.load(one, { btf: programBtf(one) });
      expect(loaded.accepted, loaded.log.slice(-2000)).toBe(true);
      await loaded.program!.closeAll();
      if (cpu === 'v3') expect(verify(one, { kernel: '5.15', privilege: 'root', logLevel: 0 }).message).toBeNull();
    }
  });

  it('in shadow mode it counts and times, and tells nobody', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bpformer-calls-'));
    try {
      const at = (name: string) => join(folder, name);
      const added = manners({ shadow: true, latency: true });
      writeFileSync(at('child.c'), CHILD);
      execFileSync('cc', ['-o', at('child'), at('child.c')]);
      const attached = await attach(programOf(syscallHook(fittedCalls(input), input, added), input.length, 2, 2e-5), folder, kernel!);
      const [control, counted, timed, events] = [
        await attached.open(CONTROL_MAP),
        await attached.open(COUNTERS_MAP),
        await attached.open(LATENCY_MAP),
        await attached.open(EVENTS_MAP),
      ];
      execFileSync(at('child'), { input: '' });
      // Others make calls too: switched off, the program counts no more of them but as such.
      await control.update(KEY, Uint8Array.of(MODE.off, ...new Uint8Array(CONTROL.bytes - 1)));
      const counters = readCounters((await counted.lookup(KEY))!);
      expect(counters.scored).toBeGreaterThan(40);
      expect(counters.shadowed).toBeGreaterThan(5);
      expect(counters.events).toBeGreaterThan(400);
      expect(await events.takeRecords()).toEqual([]);
      const histogram = readHistogram((await timed.lookup(KEY))!);
      expect(Math.abs(histogram.reduce((sum, n) => sum + n, 0) - counters.scored)).toBeLessThanOrEqual(kernel!.cpus);
      await attached.end();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 60_000);
});
