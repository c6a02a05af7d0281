import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { checkAudit, isAuditRecord, readAuditHead } from './audit.ts';
import { Device } from './device.ts';
import { type BpfObject, bpf_map__lookup_elem, bpf_object__find_map_by_name } from './libbpf.ts';
import { openBytes } from './seal.ts';
import type { ModelOnDevice, Stream } from './stream.ts';
import { bytesOf, tensorFrom } from './tensor-bytes.ts';
import { commandOf } from './testing/device.ts';
import { attachAll, bytes, counts, numbersAt, openUse, put, rig, u32, u64 } from './testing/uses.ts';

const KEY = 7;
const keyBytes = (seed: number): Uint8Array => new Uint8Array(createHash('sha256').update(String(seed)).digest());

/** How many commands of a request the units began, and the errno of its end: 0 for one that went through. */
function fateOf(device: Device, request: number): { started: number; errno: number } {
  const own = [...device.events.rows()].filter((event) => event.request === request);
  const aborts = own.filter(({ kind, program }) => kind === 'aborted' && program !== null);
  return { started: own.filter(({ kind }) => kind === 'started').length, errno: aborts[0]?.value ?? 0 };
}

const outputOf = (device: Device, on: ModelOnDevice, { outputs }: Stream): number[] =>
  Object.entries(outputs).flatMap(([name, { addr, bytes: size, dims }]) =>
    Array.from(tensorFrom(on.model.values.get(name)!.dtype, dims, device.memory.read(addr, size)).data as Float32Array, Number),
  );

const expectedOf = (on: ModelOnDevice, values: Readonly<Record<string, { data: unknown }>>): unknown[] =>
  on.model.outputs.flatMap(({ name }) => Array.from(values[name]!.data as Float32Array, (x) => expect.closeTo(x, 4)));

describe('shape and provenance', { timeout: 120_000 }, () => {
  const FLOATS_AND_INTEGERS = (1 << 1) | (1 << 6) | (1 << 7) | (1 << 9);
  const bounds = (most: readonly number[], vouched: number): Uint8Array => u32(...most, 8, FLOATS_AND_INTEGERS, vouched);
  const WIDE = Array(8).fill(4096);

  async function checked(vouched: number) {
    const parts = await rig();
    const object = await openUse('shape_provenance');
    for (const role of [0, 1, 2]) put(object, 'bounds', u32(role), bounds(WIDE, vouched));
    parts.device.enclave.put(KEY, keyBytes(1));
    parts.device.enclave.put(KEY + 1, keyBytes(2));
    put(object, 'vouchers', u32(0), u32(KEY));
    put(object, 'vouchers', u32(5), u32(KEY + 1));
    attachAll(object, parts.device);
    return { ...parts, object };
  }

  test('a pass that is vouched for goes through, and gives what the reference gives', async () => {
    const { device, driver, on, values, object } = await checked(1);
    const first = driver.submit(values[0]!, { request: 1, tenant: 5, vouchers: { inputs: KEY + 1, weights: KEY } });
    const second = driver.submit(values[1]!, { request: 2, tenant: 5, vouchers: { inputs: KEY + 1, weights: KEY } });
    device.run();
    expect([fateOf(device, 1).errno, fateOf(device, 2).errno]).toEqual([0, 0]);
    expect(outputOf(device, on, first)).toEqual(expectedOf(on, values[0]!));
    expect(outputOf(device, on, second)).toEqual(expectedOf(on, values[1]!));
    const [passed, ...refused] = counts(object, 'answers', 4);
    expect(passed).toBe([...first.commands, ...second.commands].reduce((sum, { tensors }) => sum + tensors.length, 0));
    expect(refused).toEqual([0, 0, 0]);
  });

  test('a wrong shape is refused before the units see anything of it', async () => {
    const { device, driver, on, values, object } = await checked(0);
    const [input] = on.model.inputs;
    const outermost = input!.dims.findIndex((dim) => dim > 1);
    const narrow = WIDE.map((most, at) => (at === outermost ? input!.dims[at]! - 1 : most));
    driver.submit(values[0]!, { request: 1 });
    device.run();
    expect(fateOf(device, 1)).toEqual({ started: on.plan.steps.length, errno: 0 });
    put(object, 'bounds', u32(0), bounds(narrow, 0));
    driver.submit(values[0]!, { request: 2 });
    device.run();
    expect(fateOf(device, 2)).toEqual({ started: 0, errno: -22 });
    // A type that is not allowed, and too many dimensions, are refused too.
    put(object, 'bounds', u32(0), u32(...WIDE, 8, 0, 0));
    driver.submit(values[0]!, { request: 3 });
    put(object, 'bounds', u32(0), u32(...WIDE, 0, FLOATS_AND_INTEGERS, 0));
    driver.submit(values[0]!, { request: 4 });
    device.run();
    expect([fateOf(device, 3), fateOf(device, 4)]).toEqual([
      { started: 0, errno: -22 },
      { started: 0, errno: -22 },
    ]);
  });

  test('a tensor that reaches beyond its own bytes is refused', async () => {
    const { device, driver, on, values } = await checked(0);
    const { commands, writes } = on.pass(values[0]!, { request: 9, firstSeq: driver.nextSeq });
    for (const { addr, data } of writes) device.memory.write(addr, data);
    const lies = commands.map((command) => ({
      ...command,
      tensors: command.tensors.map((tensor) =>
        tensor.dims.length > 0 ? { ...tensor, strides: tensor.strides.map((stride) => stride * 2) } : tensor,
      ),
    }));
    device.submit(lies);
    device.run();
    expect(fateOf(device, 9)).toEqual({ started: 0, errno: -22 });
  });

  test('a forged, a missing and a stranger’s provenance are refused before the units see anything of it', async () => {
    const { device, driver, on, values, object } = await checked(1);
    const vouchers = { inputs: KEY + 1, weights: KEY };
    // Nobody vouches; the weights' key for the inputs; another tenant, whose key is not known; a change behind the voucher's back.
    driver.submit(values[0]!, { request: 1, tenant: 5, vouchers: { weights: KEY } });
    driver.submit(values[0]!, { request: 2, tenant: 5, vouchers: { ...vouchers, inputs: KEY } });
    driver.submit(values[0]!, { request: 3, tenant: 6, vouchers });
    const stream = driver.submit(values[0]!, { request: 4, tenant: 5, vouchers });
    const [{ addr, data }] = stream.writes as [Stream['writes'][number]];
    device.memory.write(
      addr,
      data.map((byte, at) => (at === 3 ? byte ^ 1 : byte)),
    );
    const weights = driver.submit(values[0]!, { request: 5, tenant: 5, vouchers: { inputs: KEY + 1 } });
    device.run();
    expect([1, 2, 3, 4, 5].map((request) => fateOf(device, request))).toEqual([
      { started: 0, errno: -13 },
      { started: 0, errno: -129 },
      { started: 0, errno: -126 },
      { started: 0, errno: -129 },
      { started: 0, errno: -13 },
    ]);
    expect(weights.commands.length).toBe(on.plan.steps.length);
    expect(counts(object, 'answers', 4).slice(1)).toEqual([0, expect.any(Number), expect.any(Number)]);
  });
});

describe('confidential inference', { timeout: 120_000 }, () => {
  const WINDOW = 16;
  const REQUESTS = [1, 2];
  const WATCHED = 1;

  /** Everything of the device that a host can read. */
  const visible = (device: Device): Uint8Array[] => [
    device.memory.read(0, device.memory.used),
    ...device.traceBuffer.records.map(({ data }) => data),
  ];

  /** Windows of plain activations, at every offset, that `seen` holds; windows that tell nothing (fewer than six values of a byte) aside. */
  function leaks(seen: readonly Uint8Array[], plain: readonly Uint8Array[], known: ReadonlySet<string>): number {
    const key = (all: Uint8Array, at: number): string => String.fromCharCode(...all.subarray(at, at + WINDOW));
    const windows = new Set<string>();
    for (const tensor of plain)
      for (let at = 0; at + WINDOW <= tensor.length; at++) {
        const text = key(tensor, at);
        if (new Set(text).size >= 6 && !known.has(text)) windows.add(text);
      }
    expect(windows.size).toBeGreaterThan(5000);
    const found = new Set<string>();
    for (const all of seen) for (let at = 0; at + WINDOW <= all.length; at++) if (windows.has(key(all, at))) found.add(key(all, at));
    return found.size;
  }

  async function run(seal: boolean) {
    const { device, driver, on, values } = await rig();
    // What lies in memory before a request: the weights.
    const before = device.memory.read(0, device.memory.used);
    const known = new Set<string>();
    for (let at = 0; at + WINDOW <= before.length; at++) known.add(String.fromCharCode(...before.subarray(at, at + WINDOW)));
    const object = await openUse('confidential');
    for (const request of REQUESTS) {
      device.enclave.put(100 + request, keyBytes(request));
      put(object, 'request_keys', u64(request), u32(100 + request));
    }
    if (seal) attachAll(object, device);
    const streams = REQUESTS.map((request) => driver.submit(values[request]!, { request }));
    device.run();
    // All that a request computes: inputs, what lies between the layers, outputs.
    const plain = Object.entries(values[WATCHED]!)
      .filter(([name]) => on.model.values.get(name)?.dtype === 'float32' && !on.model.initializers.has(name))
      .map(([, tensor]) => bytesOf(tensor));
    return { device, on, streams, values, plain, known, object };
  }

  test('leaves no 16 bytes of any plain activation where the host can read, and without it there are', async () => {
    const sealed = await run(true);
    expect(REQUESTS.map((request) => fateOf(sealed.device, request).errno)).toEqual([0, 0]);
    expect(leaks(visible(sealed.device), sealed.plain, sealed.known)).toBe(0);
    const open = await run(false);
    expect(leaks(visible(open.device), open.plain, open.known)).toBeGreaterThan(1000);
    const [activations, , outputs] = counts(sealed.object, 'sealed', 3) as [number, number, number];
    expect(activations).toBe(REQUESTS.length * sealed.on.model.inputs.length);
    expect(outputs).toBe(sealed.streams.reduce((sum, { commands }) => sum + commands.length, 0));
  });

  test('gives who has the request’s key the right result, and nobody else', async () => {
    const { device, on, streams, values } = await run(true);
    for (const [at, request] of REQUESTS.entries())
      for (const [name, { addr, bytes: size, dims }] of Object.entries(streams[at]!.outputs)) {
        const { sealed } = device.memory.provenance(addr)!;
        const held = device.memory.read(addr, size);
        const plain = openBytes(held, sealed!.tag, keyBytes(request), sealed!.nonce, request, addr)!;
        const numbers = Array.from(tensorFrom(on.model.values.get(name)!.dtype, dims, plain).data as Float32Array, Number);
        expect(numbers).toEqual(Array.from(values[request]![name]!.data as Float32Array, (x) => expect.closeTo(x, 4)));
        expect(openBytes(held, sealed!.tag, keyBytes(request + 1), sealed!.nonce, request, addr)).toBeNull();
        expect(openBytes(held, sealed!.tag, keyBytes(request), sealed!.nonce, request + 1, addr)).toBeNull();
      }
  });

  test('refuses a request without a key', async () => {
    const { device, driver, values } = await rig();
    attachAll(await openUse('confidential'), device);
    driver.submit(values[0]!, { request: 77 });
    device.run();
    expect(fateOf(device, 77)).toEqual({ started: 0, errno: -126 });
  });
});

describe('adaptive quality of service', { timeout: 120_000 }, () => {
  const PERIOD = 1_000_000;
  const TENANT = 3;
  const policy = (rate: number, burst: number, priority = 100): Uint8Array => bytes([64, PERIOD], [32, rate, burst, priority, 0]);

  /** Passes that the bucket let through, by period. */
  function passedBy(device: Device, periods: number): number[] {
    const passed = Array<number>(periods).fill(0);
    for (const event of device.events.rows())
      if (event.kind === 'hook' && event.hook === 'token' && event.value === 0) {
        const period = Math.floor(event.timeNs / PERIOD);
        if (period < periods) passed[period]!++;
      }
    return passed;
  }

  async function busy(requests: number, first: Uint8Array) {
    const device = new Device();
    const object = await openUse('adaptive_qos');
    put(object, 'policies', u32(TENANT), first);
    attachAll(object, device);
    const commands = Array.from({ length: requests }, (_, at) => commandOf({ seq: at, request: at + 1, tenant: TENANT, flops: 1e6 }));
    for (const command of commands) device.submit([command]);
    return { device, object, commands };
  }

  test('throughput follows the rate within one period of a change in flight, down and up again', async () => {
    const { device, object } = await busy(130, policy(8, 1));
    device.run(3.5 * PERIOD);
    put(object, 'policies', u32(TENANT), policy(2, 1));
    device.run(7.5 * PERIOD);
    put(object, 'policies', u32(TENANT), policy(16, 1));
    device.run(10 * PERIOD);
    const passed = passedBy(device, 10);
    const near = (rate: number) => (count: number) => Math.abs(count - rate) <= 1;
    // Whole periods before the first change; those that begin at most one period after a change.
    expect(passed.slice(1, 3).every(near(8)), passed.join()).toBe(true);
    expect(passed.slice(5, 7).every(near(2)), passed.join()).toBe(true);
    expect(passed.slice(9, 10).every(near(16)), passed.join()).toBe(true);
    const [, , all, deferrals] = numbersAt(object, 'buckets', u32(TENANT));
    expect(all).toBe(passed.reduce((sum, count) => sum + count, 0));
    expect(deferrals).toBeGreaterThan(0);
  });

  test('no pass is lost, and tenants without a policy are not held', async () => {
    const { device, object } = await busy(20, policy(8, 1));
    device.submit([commandOf({ seq: 50, request: 99, tenant: TENANT + 1 })]);
    device.run();
    expect(device.unfinished).toBe(0);
    for (let request = 1; request <= 20; request++) expect(fateOf(device, request).errno).toBe(0);
    expect(fateOf(device, 99).errno).toBe(0);
    expect(numbersAt(object, 'buckets', u32(TENANT))[2]).toBe(20);
    expect(numbersAt(object, 'buckets', u32(TENANT + 1))).toEqual([]);
  });

  test('a burst is saved up, and a rate of nothing holds until it changes', async () => {
    const { device, object } = await busy(6, policy(0, 4));
    device.run(5 * PERIOD);
    expect(numbersAt(object, 'buckets', u32(TENANT))[2]).toBe(4);
    put(object, 'policies', u32(TENANT), policy(4, 4));
    device.run();
    expect(numbersAt(object, 'buckets', u32(TENANT))[2]).toBe(6);
  });

  test('the priority of a tenant goes to its commands', async () => {
    const { device, commands } = await busy(3, policy(8, 8, 250));
    device.run();
    expect(new Set(commands.map(({ priority }) => priority))).toEqual(new Set([250]));
  });
});

describe('auditable serving', { timeout: 120_000 }, () => {
  async function audited(parameters: Parameters<typeof rig>[1] = {}) {
    const parts = await rig('encoder-post-relu-cls', parameters);
    const object = await openUse('audit');
    attachAll(object, parts.device);
    return { ...parts, object };
  }
  const headOf = (object: BpfObject) => readAuditHead(bpf_map__lookup_elem(bpf_object__find_map_by_name(object, 'head')!, u32(0))!);

  test('keeps a record of every pass and every output, in one chain whose end the device holds', async () => {
    const { device, driver, values, object } = await audited();
    const streams = [1, 2, 3].map((request) => driver.submit(values[request - 1]!, { request, tenant: 4, token: request }));
    device.run();
    const log = device.traceBuffer.records.map(({ data }) => data);
    expect(log.every(isAuditRecord)).toBe(true);
    const report = checkAudit(log, headOf(object));
    expect([report.findings, report.limits]).toEqual([[], null]);
    expect(report.records.filter(({ kind }) => kind === 'pass').map(({ request, tenant, token }) => [request, tenant, token])).toEqual([
      [1, 4, 1],
      [2, 4, 2],
      [3, 4, 3],
    ]);
    const outputs = report.records.filter(({ kind }) => kind === 'output');
    expect(outputs.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(streams.flatMap(({ commands }) => commands.map(({ seq }) => seq)));
    expect(report.records.every(({ uuid }) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]/.test(uuid))).toBe(true);
    // The last command's output, as node:crypto hashes what lies in device memory.
    const [last] = Object.values(streams[2]!.outputs);
    const hash = createHash('sha256').update(device.memory.read(last!.addr, last!.bytes)).digest('hex');
    expect(outputs.map(({ output }) => Buffer.from(output).toString('hex'))).toContain(hash);
  });

  test('shows any one record that was removed, changed or moved, and an end that was cut off', async () => {
    const { device, driver, values, object } = await audited();
    driver.submit(values[0]!, { request: 1 });
    device.run();
    const log = device.traceBuffer.records.map(({ data }) => data);
    const head = headOf(object);
    for (let at = 0; at < log.length; at++) {
      const without = log.filter((_, i) => i !== at);
      const faults = checkAudit(without, head).findings.map(({ fault }) => fault);
      expect(faults).toEqual([at === log.length - 1 ? 'cut off' : 'missing']);
      const changed = log.map((record, i) => (i === at ? record.map((byte, b) => (b === 100 ? byte ^ 4 : byte)) : record));
      expect(checkAudit(changed, head).findings.map(({ fault }) => fault)).toEqual(['changed']);
    }
    expect(checkAudit([log[1]!, log[0]!, ...log.slice(2)], head).findings.length).toBeGreaterThan(0);
    expect(checkAudit(log.slice(0, -5), head).findings.map(({ fault }) => fault)).toEqual(['cut off']);
  });

  test('serves nothing that it cannot record', async () => {
    const { device, driver, values, object } = await audited({ traceBytes: 152 * 3 });
    driver.submit(values[0]!, { request: 1 });
    device.run();
    expect(fateOf(device, 1).errno).toBe(-28);
    expect(headOf(object)).toMatchObject({ count: 3, dropped: expect.any(Number) });
    // After the host has read the buffer there is room again, and the chain goes on.
    const first = device.traceBuffer.drain().map(({ data }) => data);
    const { dropped } = headOf(object);
    driver.submit(values[0]!, { request: 2 });
    device.run();
    const log = [...first, ...device.traceBuffer.records.map(({ data }) => data)];
    const report = checkAudit(log, headOf(object));
    expect(report.findings).toEqual([]);
    expect(report.records[3]).toMatchObject({ request: 2, dropped });
  });
});

describe('metrics and quotas', { timeout: 120_000 }, () => {
  test('are what the device counts itself, layer by layer', async () => {
    const { device, driver, values } = await rig();
    const object = await openUse('metrics');
    attachAll(object, device);
    for (const request of [1, 2, 3]) driver.submit(values[request - 1]!, { request, tenant: request });
    device.run();
    const layers = device.metrics.layers.rows();
    expect(layers.length).toBeGreaterThan(1);
    for (const row of layers) {
      const [commands, flops, moved, , busy, failed, ...took] = numbersAt(object, 'layers', u32(row.key));
      expect([commands, flops, moved, failed]).toEqual([row.completed, row.flops, row.bytes, 0]);
      expect(busy).toBeGreaterThan(0);
      expect(took.reduce((sum, count) => sum + count, 0)).toBe(commands);
    }
    // The histogram's slots are powers of two of the times in the device's own events.
    const times = [...device.events.rows()].filter(({ kind }) => kind === 'finished').map(({ durationNs }) => durationNs);
    const slots = Array<number>(32).fill(0);
    for (const ns of times) slots[Math.floor(Math.log2(ns))]!++;
    const all = layers.map(({ key }) => numbersAt(object, 'layers', u32(key)).slice(6));
    expect(slots.map((_, at) => all.reduce((sum, took) => sum + took[at]!, 0))).toEqual(slots);
    for (const tenant of [1, 2, 3]) expect(numbersAt(object, 'tenants', u32(tenant))[2]).toBe(1);
    const reports = device.traceBuffer.records.filter(({ seq }) => seq === -1);
    expect(reports.length).toBeGreaterThan(0);
  });

  const quota = (windowNs: number, tokens: number, perRequest: number, holds: number): Uint8Array =>
    bytes([64, windowNs], [32, tokens, perRequest, holds, 0]);

  test('a tenant beyond its quota is refused, or held until the next window', async () => {
    const WINDOW = 10_000_000;
    const { device, driver, values } = await rig();
    const object = await openUse('metrics');
    put(object, 'quotas', u32(1), quota(WINDOW, 3, 0, 0));
    put(object, 'quotas', u32(2), quota(WINDOW, 3, 0, 1));
    attachAll(object, device);
    for (let i = 0; i < 5; i++) {
      driver.submit(values[0]!, { request: 10 + i, tenant: 1 });
      driver.submit(values[0]!, { request: 20 + i, tenant: 2 });
    }
    device.run(WINDOW - 1);
    expect([10, 11, 12, 13, 14].map((request) => fateOf(device, request).errno)).toEqual([0, 0, 0, -122, -122]);
    const finished = () => [20, 21, 22, 23, 24].map((request) => fateOf(device, request).started > 0);
    expect(finished()).toEqual([true, true, true, false, false]);
    device.run();
    expect(finished()).toEqual([true, true, true, true, true]);
    expect(numbersAt(object, 'tenants', u32(1)).slice(2, 5)).toEqual([3, 0, 2]);
    expect(numbersAt(object, 'tenants', u32(2)).slice(2, 5)).toEqual([5, 2, 0]);
  });

  test('a request may not make more tokens than its tenant’s quota says', async () => {
    const { device, driver, values } = await rig();
    const object = await openUse('metrics');
    put(object, 'quotas', u32(1), quota(0, 0, 2, 0));
    attachAll(object, device);
    const streams = [0, 1, 2].map((token) => driver.submit(values[0]!, { request: 1, tenant: 1, token }));
    device.run();
    expect(fateOf(device, 1)).toEqual({ started: streams[0]!.commands.length * 2, errno: -122 });
  });
});

describe('signed activations', { timeout: 120_000 }, () => {
  async function signing() {
    const parts = await rig();
    const object = await openUse('sign_activations');
    parts.device.enclave.put(KEY, keyBytes(1));
    put(object, 'signer', u32(0), u32(KEY));
    attachAll(object, parts.device);
    return { ...parts, object };
  }

  test('are signed when they are made, and checked by every layer that reads them', async () => {
    const { device, driver, values, on, object } = await signing();
    const stream = driver.submit(values[0]!, { request: 1 });
    device.run();
    expect(fateOf(device, 1).errno).toBe(0);
    expect(outputOf(device, on, stream)).toEqual(expectedOf(on, values[0]!));
    const [signed, checks, refused] = counts(object, 'answers', 3);
    const made = new Set(stream.commands.flatMap(({ tensors }) => tensors.filter(({ role }) => role === 'output').map(({ addr }) => addr)));
    const reads = stream.commands.flatMap(({ tensors }) => tensors.filter(({ role, addr }) => role === 'activation' && made.has(addr)));
    expect([signed, checks, refused]).toEqual([stream.commands.length, reads.length, 0]);
    const [last] = Object.values(stream.outputs);
    const { digest } = device.memory.provenance(last!.addr)!;
    const mac = createHmac('sha256', keyBytes(1)).update(device.memory.read(last!.addr, last!.bytes)).digest();
    expect(Buffer.from(digest!)).toEqual(mac);
  });

  test.each([
    [
      'one bit',
      (device: Device, addr: number, held: Uint8Array) =>
        device.memory.rewrite(
          addr,
          held.map((byte, at) => (at === 5 ? byte ^ 1 : byte)),
        ),
      -129,
    ],
    ['the mark', (device: Device, addr: number, held: Uint8Array) => device.memory.write(addr, held), -13],
  ])('when %s is changed between two layers, the request ends before the next layer runs', async (_, attack, errno) => {
    const { device, driver, values, object } = await signing();
    const { commands } = driver.submit(values[0]!, { request: 1 });
    const victim = commands[2]!.tensors.find(({ role }) => role === 'output')!;
    const stop = device.onEvent(({ kind, seq }) => {
      if (kind === 'completed' && seq === commands[2]!.seq) attack(device, victim.addr, device.memory.read(victim.addr, victim.bytes));
    });
    device.run();
    stop();
    const readers = commands
      .filter(({ tensors }) => tensors.some(({ addr, role }) => addr === victim.addr && role === 'activation'))
      .map(({ seq }) => seq);
    const started = new Set([...device.events.rows()].filter(({ kind }) => kind === 'started').map(({ seq }) => seq));
    expect(readers.length).toBeGreaterThan(0);
    expect(readers.filter((seq) => started.has(seq))).toEqual([]);
    expect(fateOf(device, 1).errno).toBe(errno);
    expect(counts(object, 'answers', 3)[2]).toBe(1);
  });
});

describe('several uses at once', { timeout: 120_000 }, () => {
  test('are compatible: vouched, sealed, then signed and recorded', async () => {
    const { device, driver, values } = await rig();
    const [shapes, sealing, signing, audit] = await Promise.all(
      (['shape_provenance', 'confidential', 'sign_activations', 'audit'] as const).map(openUse),
    );
    device.enclave.put(KEY, keyBytes(1));
    for (const role of [0, 1, 2]) put(shapes!, 'bounds', u32(role), u32(...Array(8).fill(4096), 8, 706, 1));
    put(shapes!, 'vouchers', u32(0), u32(KEY));
    put(sealing!, 'request_keys', u64(1), u32(KEY));
    put(signing!, 'signer', u32(0), u32(KEY));
    for (const [order, object] of [shapes!, sealing!, signing!, audit!].entries()) attachAll(object, device, order);
    for (const token of [0, 1]) {
      driver.submit(values[token]!, { request: 1, token, vouchers: { inputs: KEY, weights: KEY } });
      device.run();
    }
    expect(fateOf(device, 1).errno).toBe(0);
    expect(counts(signing!, 'answers', 3)[2]).toBe(0);
    const log = device.traceBuffer.records.map(({ data }) => data);
    expect(checkAudit(log, null).findings).toEqual([]);
  });
});
