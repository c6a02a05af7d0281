import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../base/errors.ts';
import { CommandRecorder, isCommandTrace, passesOf, readCommandTrace, writeCommandTrace } from './command-trace.ts';
import { Device } from './device.ts';
import { commandOf, fake } from './testing/device.ts';

const plain = new Uint8Array(32).fill(3);
const doubled = new Uint8Array(32).fill(6);

/** Two passes, of which the second is refused at its second command; with `sealed` programs encrypt what goes in and out. */
function recorded(sealed: boolean): CommandRecorder {
  const device = new Device();
  const recorder = new CommandRecorder(device);
  device.enclave.put(7, new Uint8Array(32).fill(9));
  if (sealed) {
    device.attach(fake('seal in', 'submit', ({ seq }, services) => (seq % 2 === 0 ? services.seal(0, 7) : 0)));
    device.attach(fake('seal out', 'complete', (_seen, services) => services.seal(1, 7)));
  }
  device.attach(fake('second', 'dispatch', ({ seq }) => (seq === 3 ? -13 : 0)));
  const kernel = { how: 'computed', run: (inputs: readonly Uint8Array[]) => [Uint8Array.from(inputs[0]!, (x) => 2 * x)] } as const;
  for (const request of [0, 1]) {
    const at = 4096 * (request + 1);
    device.memory.write(at, plain);
    device.submit([
      commandOf({ seq: 2 * request, request, reads: [at], writes: [at + 256], kernel }),
      commandOf({ seq: 2 * request + 1, request, reads: [at + 256], writes: [at + 512], kernel }),
    ]);
  }
  device.run();
  return recorder;
}

const holds = (bytes: Uint8Array, part: Uint8Array): boolean => Buffer.from(bytes).includes(Buffer.from(part));

describe('a trace of tensor commands', () => {
  it('says what the host saw: ends, answers, times, bytes', () => {
    const { commands } = recorded(false);
    expect(commands.map(({ seq, status }) => [seq, status])).toEqual([
      [0, 0],
      [2, 0],
      [3, 13],
      [1, 0],
    ]);
    const [first] = commands;
    expect(first!.tensors.map(({ data }) => data)).toEqual([plain, doubled]);
    expect(first!.verdicts.map(({ hook, program, value }) => [hook, program, value])).toEqual([['dispatch', 'second', 0]]);
    expect([first!.enteredNs, first!.startedNs > 0, first!.endedNs > first!.startedNs]).toEqual([0, true, true]);
  });

  it('holds no plain byte of what was sealed', () => {
    const [open, closed] = [false, true].map((sealed) => writeCommandTrace(recorded(sealed).commands));
    for (const bytes of [plain, doubled]) expect([holds(open!, bytes), holds(closed!, bytes)]).toEqual([true, false]);
  });

  it('comes back as it was written', () => {
    for (const sealed of [false, true]) {
      const { commands } = recorded(sealed);
      const bytes = writeCommandTrace(commands);
      expect(isCommandTrace(bytes)).toBe(true);
      expect(readCommandTrace(bytes)).toEqual(commands);
    }
  });

  it('can be submitted again, and gives the same bytes', () => {
    const device = new Device();
    for (const { atNs, commands, writes } of passesOf(readCommandTrace(writeCommandTrace(recorded(false).commands)), 10)) {
      for (const { addr, data } of writes) device.memory.write(addr, data);
      device.submit(commands, { atNs: device.nowNs + atNs });
    }
    device.run();
    expect(
      [...device.events.rows()]
        .filter(({ kind }) => kind === 'completed')
        .map(({ seq }) => seq)
        .sort((a, b) => a - b),
    ).toEqual([10, 11, 12, 13]);
    expect(device.memory.read(4096 + 512, 32)).toEqual(new Uint8Array(32).fill(12));
  });

  it('is refused with a reason, whatever is broken in it', () => {
    const bytes = writeCommandTrace(recorded(false).commands);
    const refuses = (changed: Uint8Array): string => {
      try {
        readCommandTrace(changed, 'x.trace');
        return '';
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        return (error as Error).message;
      }
    };
    expect(refuses(bytes.subarray(0, 40))).toMatch(/line 1: the file ends/);
    expect(refuses(bytes.subarray(0, -1))).toMatch(/bytes follow its lines/);
    expect(refuses(new TextEncoder().encode('{}'))).toBe('x.trace: this is no trace of tensor commands');
    const text = new TextDecoder('latin1').decode(bytes);
    const changed = (from: RegExp, to: string): string => refuses(Uint8Array.from(text.replace(from, to), (c) => c.charCodeAt(0)));
    expect(changed(/"op":"other"/, '"op":"dance"')).toMatch(/line 2: `op` is none of/);
    expect(changed(/"data":32/, '"data":9e9')).toMatch(/claims the bytes/);
    expect(changed(/"dims":\[8\]/, '"dims":[-8]')).toMatch(/`dims` is no list/);
    expect(changed(/"seq":0/, '"seq":0.5')).toMatch(/`seq` is no whole number/);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, by, cut) => {
        const broken = cut ? bytes.slice(0, at) : Uint8Array.from(bytes);
        if (!cut) broken[at]! ^= by;
        refuses(broken);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
