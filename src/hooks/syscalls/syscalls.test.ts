import { describe, expect, it } from 'vitest';
import { randomOf } from '../../base/random.ts';
import { readCalls } from '../../traces/syscalls/calls.ts';
import { callNumber } from '../../traces/syscalls/numbers.ts';
import { Vm } from '../../vm/vm.ts';
import { parseAnyBinding } from '../features/parse.ts';
import { CONTROL, CONTROL_MAP, COUNTERS_MAP, LATENCY_MAP, MODE, readCounters } from '../production/binding.ts';
import { manners } from '../production/code.ts';
import { readHistogram } from '../production/histogram.ts';
import { INPUT_OFF, programOf, standInOutputs } from '../testing/harness.ts';
import { fittedCalls } from '../testing/syscalls.ts';
import { readScore, SCORE_MAP } from '../xdp.ts';
import { enterContext } from './context.ts';
import { EVENT, PROCESS, PROCESSES_MAP, syscallHook } from './hook.ts';
import { CallWindows } from './windows.ts';

const KEY = new Uint8Array(4);
const names = (text: string) => readCalls(text, 't').calls.map(({ pid, tid, nr, time }) => [pid, tid, nr, time]);

describe('traces of system calls', () => {
  it('of strace: processes, threads, interrupted calls, signals, times', () => {
    const text = `10 23:59:59.900000 execve("/bin/a", ["a"], 0x7ffe /* 3 vars */) = 0 <0.0005>
10 23:59:59.950000 clone3({flags=CLONE_VM|CLONE_THREAD, stack=0x7f}, 88 <unfinished ...>
11 00:00:00.100000 read(3,  <unfinished ...>
10 00:00:00.200000 <... clone3 resumed> => {parent_tid=[11]}, 88) = 11 <0.1>
11 00:00:00.300000 <... read resumed>"x", 1) = 1 <0.2>
10 00:00:00.400000 --- SIGCHLD {si_signo=SIGCHLD} ---
11 00:00:00.500000 write(1, "read(", 5) = 5
11 00:00:00.600000 syscall_0x1d7(0x1) = -1 ENOSYS (Function not implemented)
10 00:00:00.700000 exit_group(0) = ?
10 00:00:00.800000 +++ exited with 0 +++
`;
    const trace = readCalls(text, 't');
    expect(trace.format).toBe('strace');
    expect(trace.calls.map(({ pid, tid, nr }) => [pid, tid, nr])).toEqual([
      [10, 10, 59],
      [10, 10, 435],
      // Its process is known only when clone3 returns, two lines later.
      [10, 11, 0],
      [10, 11, 1],
      [10, 11, 471],
      [10, 10, 231],
    ]);
    expect(trace.calls.at(-1)!.time! - trace.calls[0]!.time!).toBeCloseTo(0.8, 6);
    expect(trace.left).toEqual({ resumed: 2, signals: 1, exits: 1 });
  });
  it('of strace without -f and on a terminal', () => {
    expect(names('brk(NULL)   = 0x55\n[pid  7] getppid() = 1\nhello\nstrace: Process 8 attached\n')).toEqual([
      [0, 0, 12, null],
      [7, 7, 110, null],
    ]);
  });
  it('of perf script and perf trace', () => {
    expect(
      names(
        '   my app 30859 [001] 50437.420256: raw_syscalls:sys_enter: NR 12 (0, 7f)\n a 5/6 [0] 1.5: syscalls:sys_enter_openat: dfd: 1\n',
      ),
    ).toEqual([
      [30859, 30859, 12, 50437.420256],
      [5, 6, 257, 1.5],
    ]);
    const perf = '         ? (         ): ls/30821  ... [continued]: execve())  = 0\n     0.050 ( 0.012 ms): ls/30821 brk()   = 0x55\n';
    expect(names(perf)).toEqual([[30821, 30821, 12, 0.00005]]);
  });
  it('as JSON', () => {
    expect(names('{"pid":1,"nr":0}\n\n{"pid":1,"tid":2,"name":"openat","time":3.5}\n')).toEqual([
      [1, 1, 0, null],
      [1, 2, 257, 3.5],
    ]);
    expect(names('[{"pid":1,"name":"read"}]')).toEqual([[1, 1, 0, null]]);
  });
  it.each([
    ['hello\nworld\n', /this is no trace of system calls/],
    ['a(1) = 0\nstat64("x") = 0\n', /t, line 1: x86-64 has no system call a/],
    ['{"pid":1}\n', /t, line 1: it has neither or both of nr and name/],
    ['{"pid":-1,"nr":1}\n', /line 1: its pid is -1/],
    ['{"pid":1,"nr":1}\n{"pid"', /line 2: it is not JSON/],
    ['[{"pid":1,"name":"nothing"}]', /call 1: x86-64 has no system call nothing/],
  ])('%j is refused with its line', (text, message) => {
    expect(() => readCalls(text, 't')).toThrow(message);
  });
  it('numbers are those of the kernel’s table', () => {
    expect(['read', 'execve', 'openat', 'clone3', 'mseal', 'file_setattr'].map(callNumber)).toEqual([0, 59, 257, 435, 462, 469]);
  });
});

describe('the binding', () => {
  const input = { kind: 'syscalls', length: 8, every: 4 };
  const output = { kind: 'argmax', verdicts: ['PASS', 'TAG'] };
  it.each<[unknown, RegExp]>([
    [{ hook: 'xdp', input, output }, /\/hook "xdp" does not go with an input of kind "syscalls": it takes "tracepoint"/],
    [
      { hook: 'tracepoint', input, output: { kind: 'argmax', verdicts: ['PASS', 'DROP'] } },
      /\/output says DROP, but system calls are only watched/,
    ],
    [{ hook: 'tracepoint', input: { ...input, every: 0 }, output }, /every should be a whole number/],
  ])('%j is refused', (document, message) => {
    expect(() => parseAnyBinding(document, 'b')).toThrow(message);
  });
});

describe('the program', () => {
  it('sees the windows of the reference in both engines, whatever processes interleave', () => {
    const input = { kind: 'syscalls', length: 12, every: 3, calls: 300 } as const;
    const fit = fittedCalls(input);
    const random = randomOf(9);
    for (const engine of ['interp', 'wasm'] as const) {
      const vm = new Vm(programOf(syscallHook(fit, input), input.length, 2, 2e-5), { engine });
      const windows = new CallWindows(input);
      let ran = 0;
      let tagged = 0;
      for (let i = 0; i < 2000; i++) {
        const pid = 1 + Math.floor(random() * 5) * 1_000_001;
        const nr = random() < 0.02 ? 231 : Math.floor(random() * 320) - (random() < 0.01 ? 400 : 0);
        vm.maps.get(SCORE_MAP).update(KEY, new Uint8Array(24));
        vm.task = { process: pid, thread: pid + 1 };
        const { events } = vm.run({ context: enterContext(nr, pid) });
        const tokens = windows.next(pid, nr);
        const score = readScore(vm.maps.get(SCORE_MAP).lookup(KEY)!);
        expect(score.ran).toBe(tokens !== null);
        if (!tokens) continue;
        ran++;
        const held = vm.maps.get('in').lookup(KEY)!;
        expect([...new Uint16Array(held.slice(INPUT_OFF, INPUT_OFF + input.length * 2).buffer)]).toEqual([...tokens]);
        const [a, b] = standInOutputs(tokens, 2);
        expect(score.verdict).toBe(b! >= a! ? 'TAG' : 'PASS');
        if (score.verdict === 'TAG') tagged++;
        const key = new Uint8Array(Uint32Array.of(pid).buffer);
        const process = vm.maps.get(PROCESSES_MAP).lookup(key);
        expect(process === null).toBe(nr === 231);
        if (process) expect(new DataView(process.buffer, process.byteOffset).getUint32(PROCESS.score, true)).toBe(score.scoreQ16);
        const record = events.find((event) => event.kind === 'ringbuf');
        expect(record !== undefined).toBe(score.verdict === 'TAG');
        if (record?.kind === 'ringbuf') {
          const view = new DataView(record.data.buffer, record.data.byteOffset);
          expect([view.getUint32(EVENT.process, true), view.getUint32(EVENT.thread, true)]).toEqual([pid, pid + 1]);
        }
      }
      expect(ran).toBeGreaterThan(400);
      expect(tagged).toBeGreaterThan(100);
    }
  });

  it('in production counts every call, tells nobody in shadow mode, leaves out what the sample does, and forgets nothing that it should not', () => {
    const input = { kind: 'syscalls', length: 12, every: 3, calls: 300 } as const;
    const fit = fittedCalls(input);
    const production = { sample: { oneIn: 2, by: 'event' }, latency: true } as const;
    for (const engine of ['interp', 'wasm'] as const) {
      const plain = new Vm(programOf(syscallHook(fit, input), input.length, 2, 2e-5), { engine });
      const vm = new Vm(programOf(syscallHook(fit, input, manners(production)), input.length, 2, 2e-5), { engine });
      const random = randomOf(11);
      let records = 0;
      let due = 0;
      const calls = 900;
      for (let i = 0; i < calls; i++) {
        const [pid, nr] = [1 + Math.floor(random() * 4), random() < 0.02 ? 231 : Math.floor(random() * 320)];
        // Thirds: enforcing, in shadow mode, switched off.
        const mode = [MODE.enforce, MODE.shadow, MODE.off][Math.floor(i / 300)]!;
        vm.maps.get(CONTROL_MAP).update(KEY, Uint8Array.of(mode, ...new Uint8Array(CONTROL.bytes - 1)));
        const context = enterContext(nr, pid);
        for (const one of [plain, vm]) one.task = { process: pid, thread: pid };
        plain.maps.get(SCORE_MAP).update(KEY, new Uint8Array(24));
        const theirs = plain.run({ context });
        const { events } = vm.run({ context });
        const ran = readScore(plain.maps.get(SCORE_MAP).lookup(KEY)!).ran;
        if (mode !== MODE.off && ran) due++;
        if (mode !== MODE.enforce) expect(events).toEqual([]);
        records += events.length;
        expect(theirs.events.length).toBeGreaterThanOrEqual(events.length);
        const key = new Uint8Array(Uint32Array.of(pid).buffer);
        const held = vm.maps.get(PROCESSES_MAP).lookup(key);
        expect(held === null).toBe(plain.maps.get(PROCESSES_MAP).lookup(key) === null || (mode === MODE.off && held === null));
      }
      const counters = readCounters(vm.maps.get(COUNTERS_MAP).lookup(KEY)!);
      expect(counters.events).toBe(calls);
      expect(counters.off).toBe(300);
      expect(counters.eligible).toBe(due);
      expect(counters.scored).toBe(Math.ceil(due / 2));
      expect(counters.unsampled).toBe(Math.floor(due / 2));
      expect(counters.shadowed).toBeGreaterThan(10);
      expect(records).toBeGreaterThan(10);
      expect(readHistogram(vm.maps.get(LATENCY_MAP).lookup(KEY)!).reduce((sum, n) => sum + n, 0)).toBe(counters.scored);
    }
  });
});
