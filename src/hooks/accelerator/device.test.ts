import { describe, expect, it } from 'vitest';
import { ACCEL_HOOKS, ACCEL_RETURNS } from '../../bpf/accelerator/hooks.ts';
import type { Command } from './command.ts';
import { CONTEXT_BYTES } from './context.ts';
import { Device } from './device.ts';
import type { DeviceEvent, EventKind } from './events.ts';
import { type CommandSketch, commandOf, fake } from './testing/device.ts';

const EPERM = -1;
const of = (device: Device, kind: EventKind): DeviceEvent[] => [...device.events.rows()].filter((event) => event.kind === kind);
const seqs = (device: Device, kind: EventKind): number[] => of(device, kind).map(({ seq }) => seq);

/** A pass of commands that each read what the one before wrote. */
const chain = (first: number, count: number, sketch: Partial<CommandSketch> = {}): Command[] =>
  Array.from({ length: count }, (_, i) =>
    commandOf({ seq: first + i, reads: [4096 * (i + 1)], writes: [4096 * (i + 2)], flops: 1e6, bytes: 1e4, ...sketch }),
  );

describe('commands without programs', () => {
  it('go through the queue to the units in their order and take the time that the parameters say', () => {
    const device = new Device({ pcieNs: 1000, launchNs: 100, tileElements: 8, units: 4, flopsPerSecond: 4e9, memoryBytesPerSecond: 1e9 });
    // One unit of four does 1e9 FLOP/s: 5 µs; its bytes take 2 µs meanwhile. The second is bound by its bytes: 8 µs.
    device.submit([
      commandOf({ seq: 0, reads: [256], writes: [512], flops: 5000, bytes: 2000 }),
      commandOf({ seq: 1, reads: [512], writes: [768], flops: 5000, bytes: 8000 }),
    ]);
    device.run();
    expect(of(device, 'finished').map(({ durationNs }) => durationNs)).toEqual([5100, 8100]);
    expect(seqs(device, 'completed')).toEqual([0, 1]);
    // The contexts of two commands go over the bus.
    expect(of(device, 'started')[0]!.timeNs).toBe(1000 + Math.ceil((2 * CONTEXT_BYTES) / 64));
    expect(device.nowNs - of(device, 'started')[0]!.timeNs).toBe(5100 + 8100);
    expect(device.unfinished).toBe(0);
  });

  it('share the units where none needs what another makes, and the bandwidth of memory', () => {
    const device = new Device({ launchNs: 0, tileElements: 8, units: 2, flopsPerSecond: 2e9, memoryBytesPerSecond: 1e9 });
    device.submit([0, 1, 2].map((seq) => commandOf({ seq, writes: [256 * (seq + 1)], flops: 1000, bytes: 400 })));
    device.run();
    const [a, b, c] = of(device, 'finished');
    // Two units for three commands of 1 µs each.
    expect([a!.timeNs, b!.timeNs].map((t) => t - of(device, 'started')[0]!.timeNs)).toEqual([1000, 1000]);
    expect(c!.timeNs - a!.timeNs).toBe(1000);
    const bound = new Device({ launchNs: 0, tileElements: 8, units: 4, memoryBytesPerSecond: 1e9 });
    bound.submit([0, 1, 2].map((seq) => commandOf({ seq, writes: [256 * (seq + 1)], bytes: 400 })));
    bound.run();
    const began = of(bound, 'started')[0]!.timeNs;
    expect(of(bound, 'finished').map(({ timeNs }) => timeNs - began)).toEqual([400, 800, 1200]);
  });

  it('wait with the driver while the queue is full, and enter whole passes in their order', () => {
    const device = new Device({ queueDepth: 4 });
    for (const at of [0, 3, 6, 9]) device.submit(chain(at, 3, { request: at }));
    expect(seqs(device, 'entered')).toEqual([0, 1, 2]);
    device.run();
    expect(seqs(device, 'entered')).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(device.metrics.mostQueued).toBeLessThanOrEqual(4);
    expect(device.metrics.layers.row(0)).toMatchObject({ commands: 12, completed: 12, aborted: 0 });
  });

  it('go by priority, then deadline, then number', () => {
    const device = new Device({ units: 1 });
    const busy = commandOf({ seq: 0, request: 9, flops: 1e9 });
    device.submit([busy]);
    const waiting: CommandSketch[] = [
      { seq: 1, request: 1 },
      { seq: 2, request: 2, deadlineNs: 9e9 },
      { seq: 3, request: 3, deadlineNs: 8e9 },
      { seq: 4, request: 4, priority: 200 },
      { seq: 5, request: 5 },
    ];
    for (const each of waiting) device.submit([commandOf({ flops: 1e6, ...each })]);
    device.run();
    expect(seqs(device, 'started')).toEqual([0, 4, 3, 2, 1, 5]);
  });

  it('are refused when they are no pass', () => {
    const device = new Device();
    expect(() => device.submit([])).toThrow('no commands');
    device.submit([commandOf({ seq: 5 })]);
    expect(() => device.submit([commandOf({ seq: 5 })])).toThrow('command 5: its number is not above 5');
    expect(() => device.submit([commandOf({ seq: 6 }), commandOf({ seq: 7, request: 1 })])).toThrow('another request');
    expect(() => new Device({ units: 0 })).toThrow('Matrix units: 0 units is not within 1 to 4096');
  });
});

describe('programs', () => {
  it('run at every hook when the table says, several in their order', () => {
    const device = new Device();
    const ran: string[] = [];
    for (const [name, order] of [
      ['second', 2],
      ['first', 1],
    ] as const)
      for (const hook of ACCEL_HOOKS)
        device.attach(
          fake(name, hook, ({ seq, tensorIndex }) => {
            ran.push(`${hook} ${name} ${seq}.${tensorIndex}`);
            return 0;
          }),
          { order },
        );
    device.submit([commandOf({ seq: 0, reads: [256], writes: [512], flops: 1e3 })]);
    device.run();
    expect(ran.filter((line) => !line.startsWith('telemetry'))).toEqual([
      'submit first 0.0',
      'submit second 0.0',
      'validate_tensor first 0.0',
      'validate_tensor second 0.0',
      'validate_tensor first 0.1',
      'validate_tensor second 0.1',
      'token first 0.0',
      'token second 0.0',
      'dispatch first 0.0',
      'dispatch second 0.0',
      'complete first 0.0',
      'complete second 0.0',
    ]);
  });

  it('take engine time by instructions and wait for a free core', () => {
    const device = new Device({ engineCores: 2, hookEntryNs: 100, cyclesPerInsn: 2, engineHz: 1e9 });
    device.attach(fake('p', 'submit', undefined, 50));
    device.submit([0, 1, 2, 3].map((seq) => commandOf({ seq })));
    device.run();
    const runs = of(device, 'hook');
    expect(runs.map(({ durationNs, insns }) => [durationNs, insns])).toEqual(Array(4).fill([200, 50]));
    expect(runs.map(({ timeNs, place }) => [timeNs - runs[0]!.timeNs, place])).toEqual([
      [0, 0],
      [0, 1],
      [200, 0],
      [200, 1],
    ]);
  });

  it('see a pass refused before any command of it, or of the request, reaches the units', () => {
    for (const hook of ['submit', 'validate_tensor', 'token'] as const) {
      const device = new Device();
      device.attach(fake('no', hook, ({ seq }) => (seq === 2 || hook === 'token' ? EPERM : 0)));
      device.submit(chain(0, 4));
      device.submit(chain(4, 2, { token: 1 }));
      device.submit(chain(6, 2, { request: 1 }));
      device.run();
      const started = hook === 'token' ? [] : [6, 7];
      expect(seqs(device, 'started'), hook).toEqual(started);
      const aborted = of(device, 'aborted').filter(({ request }) => request === 0);
      expect(aborted.map(({ seq, value }) => [seq, value]).sort((a, b) => a[0]! - b[0]!)).toEqual(
        [0, 1, 2, 3, 4, 5].map((seq) => [seq, seq === (hook === 'token' ? 0 : 2) ? EPERM : -125]),
      );
      expect(device.unfinished).toBe(0);
    }
  });

  it('end a request at dispatch and withhold an output at completion', () => {
    const twice = (inputs: readonly Uint8Array[]) => [Uint8Array.from(inputs[0]!, (x) => 2 * x)];
    const device = new Device();
    device.memory.write(256, new Uint8Array(32).fill(3));
    device.attach(fake('no', 'complete', ({ seq }) => (seq === 1 ? EPERM : 0)));
    const kernel = { how: 'computed', run: twice } as const;
    device.submit([0, 1, 2].map((seq) => commandOf({ seq, reads: [256 * (seq + 1)], writes: [256 * (seq + 2)], kernel })));
    device.run();
    expect(device.memory.read(512, 32)).toEqual(new Uint8Array(32).fill(6));
    expect(device.memory.read(768, 32)).toEqual(new Uint8Array(32));
    expect([seqs(device, 'completed'), seqs(device, 'started')]).toEqual([[0], [0, 1]]);
    expect(of(device, 'aborted').map(({ seq, value, program }) => [seq, value, program])).toEqual([
      [1, EPERM, 'no'],
      [2, -125, null],
    ]);
  });

  it('defer a command: others pass it, and it is asked again', () => {
    const device = new Device({ units: 1 });
    let asked = 0;
    device.attach(
      fake('later', 'dispatch', (seen) => {
        if (seen.seq !== 0 || asked++ >= 2) return 0;
        seen.set('defer_ns', 50_000);
        return ACCEL_RETURNS.DEFER;
      }),
    );
    device.submit([0, 1, 2].map((seq) => commandOf({ seq })));
    device.run();
    expect(seqs(device, 'completed')).toEqual([1, 2, 0]);
    expect(of(device, 'deferred').map(({ durationNs }) => durationNs)).toEqual([50_000, 50_000]);
  });

  it('defer no longer than to the deadline, and not for ever', () => {
    const device = new Device({ mostDefers: 3 });
    const times: number[] = [];
    device.attach(
      fake('later', 'dispatch', (seen) => {
        times.push(seen.nowNs);
        seen.set('defer_ns', 1e6);
        return ACCEL_RETURNS.DEFER;
      }),
    );
    device.submit([commandOf({ seq: 0, deadlineNs: 100_000 })]);
    device.run();
    expect(times[1]).toBe(100_000);
    expect(times).toHaveLength(4);
    expect(of(device, 'aborted').map(({ value }) => value)).toEqual([-110]);
  });

  it('defer a whole pass at its token, and the hook runs again', () => {
    const device = new Device();
    let asked = 0;
    device.attach(
      fake('bucket', 'token', (seen) => {
        seen.set('defer_ns', 10_000);
        return asked++ < 2 ? ACCEL_RETURNS.DEFER : 0;
      }),
    );
    device.submit(chain(0, 3));
    device.submit(chain(3, 3, { token: 1 }));
    device.run();
    expect(asked).toBe(4);
    expect(seqs(device, 'completed')).toEqual([0, 1, 2, 3, 4, 5]);
    expect(of(device, 'started')[0]!.timeNs).toBeGreaterThan(20_000);
  });

  it('reorder: the next one goes first; a command with none beside it goes all the same', () => {
    const device = new Device({ units: 1, engineCores: 1 });
    device.attach(fake('after you', 'dispatch', ({ seq }) => (seq === 0 || seq === 3 ? ACCEL_RETURNS.REORDER : 0)));
    device.submit([0, 1, 2, 3].map((seq) => commandOf({ seq, flops: 1e6 })));
    device.run();
    expect(seqs(device, 'completed')).toHaveLength(4);
    expect(of(device, 'reordered').every(({ seq, value }) => seq !== value)).toBe(true);
    expect(seqs(device, 'completed')[0]).toBe(1);
    const both = new Device({ units: 1, mostReorders: 5 });
    both.attach(fake('no, you', 'dispatch', () => ACCEL_RETURNS.REORDER));
    both.submit([0, 1].map((seq) => commandOf({ seq })));
    both.run();
    expect(seqs(both, 'completed')).toHaveLength(2);
  });

  it('never pass a command of the same pass whose result they need', () => {
    const device = new Device({ mostDefers: 1e9 });
    let left = 20;
    device.attach(fake('some', 'dispatch', () => (left-- > 0 ? ACCEL_RETURNS.DEFER : 0)));
    device.submit(chain(0, 6));
    device.run();
    expect(seqs(device, 'completed')).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('change the priority of the rest of a request', () => {
    const device = new Device({ units: 1 });
    device.attach(
      fake('raise', 'submit', ({ seq }, services) => {
        if (seq === 4) services.setPriority(500);
        return 0;
      }),
    );
    device.submit(chain(0, 4, { request: 1 }));
    device.submit(chain(4, 2, { request: 2 }));
    device.submit(chain(6, 2, { request: 2, token: 1 }));
    device.run();
    expect(seqs(device, 'started')).toEqual([0, 4, 5, 6, 7, 1, 2, 3]);
  });
});

describe('attaching while commands flow', () => {
  it('holds for commands that enter afterwards', () => {
    const device = new Device();
    const seen: string[] = [];
    const note = (name: string) =>
      fake(name, 'complete', ({ seq }) => {
        seen.push(`${name}${seq}`);
        return 0;
      });
    const link = device.attach(note('a'));
    device.submit(chain(0, 1));
    link.replace(note('b'));
    device.submit(chain(1, 1, { request: 1 }));
    link.detach();
    device.submit(chain(2, 1, { request: 2 }));
    device.run();
    expect(seen.sort()).toEqual(['a0', 'b1']);
    expect(() => link.replace(note('c'))).toThrow('detached');
    expect(() => device.attach(note('d')).replace(fake('e', 'submit'))).toThrow('hook submit');
  });
});

describe('sealed memory', () => {
  const double = { how: 'computed', run: (inputs: readonly Uint8Array[]) => [Uint8Array.from(inputs[0]!, (x) => 2 * x)] } as const;
  const sealing = (hook: 'submit' | 'complete', tensor: number) => fake('seal', hook, (_seen, services) => services.seal(tensor, 7));
  const run = (tamper: (device: Device) => void) => {
    const device = new Device();
    device.enclave.put(7, new Uint8Array(32).fill(9));
    device.memory.write(256, new Uint8Array(32).fill(3));
    device.attach(sealing('submit', 0));
    device.attach(sealing('complete', 1));
    device.submit([commandOf({ seq: 0, reads: [256], writes: [512], kernel: double })]);
    device.run(1000);
    tamper(device);
    device.run();
    return device;
  };

  it('is opened by the units alone', () => {
    const device = run(() => {});
    expect(seqs(device, 'completed')).toEqual([0]);
    expect(device.memory.read(256, 32)).not.toEqual(new Uint8Array(32).fill(3));
    const sealed = device.memory.read(512, 32);
    expect(sealed).not.toEqual(new Uint8Array(32).fill(6));
    // The next command of the request gets what was sealed.
    device.submit([commandOf({ seq: 1, token: 1, reads: [768], writes: [1024] })]);
    expect(device.command(0)!.tensors.map((tensor) => tensor.sealed)).toEqual([true, true]);
  });

  it('ends the command when someone changed it', () => {
    const device = run(({ memory }) => memory.rewrite(260, new Uint8Array([1])));
    expect(of(device, 'aborted').map(({ value }) => value)).toEqual([-74]);
    expect(device.memory.read(512, 32).some((byte) => byte === 6)).toBe(false);
  });
});

describe('trace buffer and UUIDs', () => {
  it('keeps records while there is room, and UUIDs only grow', () => {
    const device = new Device({ traceBytes: 40 });
    const results: number[] = [];
    device.attach(
      fake('audit', 'submit', (_seen, services) => {
        results.push(services.trace(services.uuid()));
        return 0;
      }),
    );
    device.submit([0, 1, 2].map((seq) => commandOf({ seq })));
    device.run();
    expect(results).toEqual([0, 0, -28]);
    const hex = device.traceBuffer.records.map(({ data }) => Buffer.from(data).toString('hex'));
    expect(hex[0]! < hex[1]!).toBe(true);
    expect(hex.every((text) => /^[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/.test(text))).toBe(true);
    device.traceBuffer.drain();
    expect(device.traceBuffer.append({ timeNs: 0, program: '', seq: 0, request: 0, data: new Uint8Array(40) })).toBe(true);
  });
});

it('runs the same every time', () => {
  const run = (): DeviceEvent[] => {
    const device = new Device({ units: 3, engineCores: 2, queueDepth: 16 });
    device.attach(fake('d', 'dispatch', ({ seq, nowNs }) => [0, ACCEL_RETURNS.DEFER, ACCEL_RETURNS.REORDER][(seq + nowNs) % 3]));
    for (let i = 0; i < 20; i++) device.submit(chain(i * 5, 5, { request: i }), { atNs: i * 700 });
    device.run();
    return [...device.events.rows()];
  };
  const first = run();
  expect(first.length).toBeGreaterThan(500);
  expect(run()).toEqual(first);
});
