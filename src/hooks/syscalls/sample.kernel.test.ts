import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import type { Calibration } from '../../compiler/api.ts';
import { compile } from '../../compiler/compile.ts';
import { familiesFor } from '../../compiler/families.ts';
import { importModel } from '../../onnx/import.ts';
import { readCalls } from '../../traces/syscalls/calls.ts';
import { Vm } from '../../vm/vm.ts';
import { checkAnyBinding } from '../features/fit.ts';
import { parseAnyBinding } from '../features/parse.ts';
import { hookOf } from '../hook.ts';
import { attach } from '../testing/attach.ts';
import { ringOf, type SyscallInput } from './binding.ts';
import { enterContext } from './context.ts';
import { EVENT, EVENTS_MAP, PROCESS, PROCESSES_MAP } from './hook.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());
const ready =
  spawnSync('strace', ['-V']).status === 0 && existsSync('/usr/include/bpf/libbpf.h') && spawnSync('python3', ['-V']).status === 0;
if (kernel && !ready) console.warn('skipped: the sample is attached where strace, python3 and libbpf-dev are');

const root = fileURLToPath(new URL('../../..', import.meta.url));
const sample = (name: string): Buffer => readFileSync(join(root, 'public/samples/syscalls', name));
const WORK = join(root, 'samples/syscalls');
/** Does one kind of work, says so, and waits for the end of its input. */
const CHILD = `import os, random, sys
sys.path.insert(0, ${JSON.stringify(WORK)})
sys.dont_write_bytecode = True
import common
from abnormal import ABNORMAL
from everyday import EVERYDAY
({**EVERYDAY, **ABNORMAL})[sys.argv[1]](random.Random(7))
os.write(1, b"x")
os.read(0, 1)
`;

const binding = parseAnyBinding(sample('binding.json').toString(), 'binding.json');
const input = binding.input as SyscallInput;

async function compiledSample() {
  const model = importModel(new Uint8Array(sample('syscalls.onnx')), { fileName: 'syscalls.onnx', dims: { batch: 1 } });
  const families = await familiesFor(model);
  const calibration = JSON.parse(sample('calibration.json').toString()) as Calibration;
  return compile({
    model,
    modelFile: 'syscalls.onnx',
    calibration,
    hook: hookOf(checkAnyBinding(binding, model)),
    kernel: '6.18',
    strategy: 'auto',
    quant: 'w8a16',
    families,
  }).program;
}

/** What a record of the ring buffer says: the process's calls so far, score, class and lead. */
function recordOf(record: Uint8Array) {
  const view = new DataView(record.buffer, record.byteOffset);
  const at = (off: number) => view.getUint32(off, true);
  return {
    process: at(EVENT.process),
    count: at(EVENT.count),
    score: at(EVENT.score),
    class: at(EVENT.class),
    lead: view.getBigInt64(EVENT.lead, true),
  };
}

describe.skipIf(!kernel || !ready)('the sample model attached to raw_syscalls/sys_enter', () => {
  it.each(['encrypt', 'scan', 'database'])(
    'sees of real work (%s) the calls that strace sees, and says what the engine says',
    async (kind) => {
      const folder = mkdtempSync(join(tmpdir(), 'bpformer-sample-'));
      try {
        const at = (name: string) => join(folder, name);
        const program = await compiledSample();
        const attached = await attach(program, folder, kernel!);
        const [processes, events] = [await attached.open(PROCESSES_MAP), await attached.open(EVENTS_MAP)];
        const command = ['-f', '-o', at('trace.txt'), 'python3', '-S', '-c', CHILD, kind];
        const child = spawn('strace', command, { cwd: folder, stdio: ['pipe', 'pipe', 'ignore'] });
        let done = false;
        child.stdout.once('data', () => {
          done = true;
        });
        child.once('close', () => {
          done = true;
        });
        // Other processes of the machine are judged too: their records must not fill the ring.
        const records: Uint8Array[] = [];
        while (!done) records.push(...(await events.takeRecords()));
        records.push(...(await events.takeRecords()));
        const held = new Map(
          (await processes.dump()).map(({ key, value }) => [new DataView(key.buffer, key.byteOffset).getUint32(0, true), value]),
        );
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
        const numbers = calls.filter((call) => call.pid === pid).map(({ nr }) => nr);
        // Up to the read in which it waits; that call may not have begun when the map was read.
        const read = numbers.lastIndexOf(0) + 1;
        const seen = tokens.at(-1) === 0 ? read : read - 1;
        expect(tokens).toEqual(numbers.slice(seen - input.length, seen));

        // The same calls through the engine, after as many others as the process made before strace looked.
        const before = count - seen;
        const vm = new Vm(program, { engine: 'wasm' });
        vm.task = { process: pid, thread: pid };
        for (let i = 0; i < before; i++) vm.runUnseen({ context: enterContext(1, pid) });
        const told = numbers.slice(0, seen).flatMap((nr) => vm.run({ context: enterContext(nr, pid) }).events);
        const mine = vm.maps.get(PROCESSES_MAP).lookup(new Uint8Array(Uint32Array.of(pid).buffer))!;
        expect([...value.subarray(PROCESS.count, PROCESS.ring)]).toEqual([...mine.subarray(PROCESS.count, PROCESS.ring)]);
        // Windows that reach back before strace looked are not known.
        const known = (record: ReturnType<typeof recordOf>) =>
          record.process === pid && record.count >= before + input.length && record.count <= count;
        const own = told
          .flatMap((event) => (event.kind === 'ringbuf' && event.map === EVENTS_MAP ? [recordOf(event.data)] : []))
          .filter(known);
        expect(records.map(recordOf).filter(known)).toEqual(own);
        if (kind !== 'database') expect(own.length).toBeGreaterThan(20);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    60_000,
  );
});
