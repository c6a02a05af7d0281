import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import { weightsFile, weightsTarget } from '../../compiler/weights-file.ts';
import { writeObject } from '../../object/writer.ts';
import { framesOf } from '../../replay/testing/frames-of.ts';
import { Vm } from '../../vm/vm.ts';
import { MODEL_OPTIONS, parse } from '../args.ts';
import { compileModel } from '../model.ts';
import { bpftoolScript } from './bpftool.ts';
import { loaderSource } from './libbpf.ts';
import { Wire, works } from './testing/wire.ts';

const kernel = await kernelForTests();
kernel?.close();
const SAMPLE = fileURLToPath(new URL('../../../public/samples/payload/', import.meta.url));
const PACKETS = 40;
/** Of enum xdp_action. */
const [XDP_DROP, XDP_PASS] = [1, 2];
const folder = mkdtempSync(join(tmpdir(), 'bpformer-attach-'));
const NAMESPACE = `bpformer-${process.pid}`;
const wire = kernel ? Wire.open(folder, NAMESPACE) : null;
const ready = wire !== null && works('bpftool', 'version');
if (kernel && !ready) console.warn('skipped: exports are attached to an interface where ip netns, cc and bpftool work');

let packets: Uint8Array[] = [];
let expected: string[] = [];

const verdicts = (): string[] => wire!.send(packets);

beforeAll(async () => {
  if (!ready) return;
  const binding = { ...JSON.parse(readFileSync(join(SAMPLE, 'binding.json'), 'utf8')), production: {} };
  writeFileSync(join(folder, 'binding.json'), JSON.stringify(binding));
  const model = [join(SAMPLE, 'payload-ids.onnx'), '--dim', 'batch=1', '--binding', join(folder, 'binding.json')];
  const { compiled } = await compileModel(model[0]!, parse(model, MODEL_OPTIONS));
  const { program, meta } = compiled;
  const bytes = writeObject([program], { meta });
  writeFileSync(join(folder, 'model.o'), bytes);
  writeFileSync(join(folder, 'loader.c'), loaderSource(program, meta, bytes));
  writeFileSync(join(folder, 'weights.bin'), weightsFile(compiled, weightsTarget(compiled, 'model.o'), 'payload-ids.onnx'));
  writeFileSync(join(folder, 'model.sh'), bpftoolScript(program, meta, 'model.o'));
  execFileSync('cc', ['-O2', '-Wall', '-Werror', '-o', join(folder, 'loader'), join(folder, 'loader.c'), '-lbpf', '-lm'], {
    stdio: 'pipe',
  });
  // The stack takes VLAN tags off before a socket sees the frame.
  const tagged = (data: Uint8Array): boolean => [0x8100, 0x88a8].includes((data[12]! << 8) | data[13]!);
  const all = await framesOf(new Uint8Array(readFileSync(join(SAMPLE, 'heldout.pcap'))));
  packets = all.filter((data) => !tagged(data)).slice(0, PACKETS);
  const vm = new Vm(program);
  expected = packets.map((packet) => {
    const { returnValue } = vm.runXdp(packet);
    return returnValue === XDP_DROP ? 'DROP' : returnValue === XDP_PASS ? 'PASS' : `${returnValue}`;
  });
}, 120_000);

afterAll(() => {
  wire?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!ready)('an exported packet program on an interface', () => {
  test('without it, every packet arrives', () => {
    expect(new Set(expected)).toEqual(new Set(['DROP', 'PASS']));
    expect(verdicts()).toEqual(packets.map(() => 'PASS'));
  });

  test('loaded by the C loader, it drops and passes what our engine says, until the loader is interrupted', async () => {
    const loader: ChildProcess = spawn('nsenter', wire!.inside(join(folder, 'loader'), 'under', join(folder, 'weights.bin')), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(loader, 'exit');
    const lines = createInterface(loader.stdout!)[Symbol.asyncIterator]();
    const until = async (start: string): Promise<string> => {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`it ended before it said ${start}`);
        if (value.startsWith(start)) return value;
      }
    };
    try {
      expect(await until('attached')).toBe('attached to under (native)');
      expect(wire!.attached()).toBe(true);
      expect(verdicts()).toEqual(expected);
      loader.kill('SIGUSR1');
      expect(await until('verdict DROP')).toBe(`verdict DROP ${expected.filter((verdict) => verdict === 'DROP').length}`);
      expect(await until('weights replaced')).toBe('weights replaced 0');
      loader.kill('SIGHUP');
      expect(await until('weights replaced')).toBe('weights replaced');
      expect(verdicts()).toEqual(expected);
    } finally {
      loader.kill('SIGINT');
    }
    expect(await until('weights replaced')).toBe('weights replaced 1');
    expect((await ended)[0]).toBe(0);
    expect(wire!.attached()).toBe(false);
  }, 60_000);

  test('loaded and attached by the bpftool script, it does the same, until it is detached', () => {
    const env = { ...process.env, PIN: `/sys/fs/bpf/${NAMESPACE}`, OBJECT: join(folder, 'model.o') };
    const script = (...args: string[]): string =>
      execFileSync('nsenter', wire!.inside('sh', join(folder, 'model.sh'), ...args), {
        env,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    try {
      expect(script('load')).toMatch(/xdp/);
      script('attach', 'under');
      expect(wire!.attached()).toBe(true);
      expect(verdicts()).toEqual(expected);
      script('mode', 'off');
      expect(verdicts()).toEqual(packets.map(() => 'PASS'));
      script('mode', 'compiled');
      expect(verdicts()).toEqual(expected);
      expect(script('counters')).toMatch(/"?key"?:/);
      expect(() => script('mode', 'fast')).toThrow(/mode wants compiled\|enforce\|shadow\|off/);
      expect(script('show')).toMatch(/\.data\.weights|data_weights|weights/);
      script('detach', 'under');
      expect(wire!.attached()).toBe(false);
      expect(verdicts()).toEqual(packets.map(() => 'PASS'));
    } finally {
      script('unload');
    }
  }, 60_000);
});
