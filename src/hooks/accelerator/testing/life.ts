import { randomOf } from '../../../base/random.ts';
import { ACCEL_HOOKS, type AccelHook } from '../../../bpf/accelerator/hooks.ts';
import type { Command } from '../command.ts';
import { Device, type Link } from '../device.ts';
import type { HookProgram } from '../runner.ts';
import { commandOf } from './device.ts';

/** A program that writes down which commands it saw, and the value of its settings map when it saw them last. */
export interface Witness {
  readonly program: HookProgram;
  set(value: number): void;
  /** How often it ran for a command. */
  count(seq: number): number;
  /** What its map of settings held then. */
  setting(seq: number): number;
}

export interface LifeOptions {
  readonly commands: number;
  readonly seed: number;
  readonly witness: (hook: AccelHook, name: string) => Witness;
  /** Attached for good beside the witnesses: programs that defer, reorder and abort. */
  readonly meddlers?: readonly HookProgram[];
}

/** What a life of attaching, detaching, replacing and updating came to; all but the first block should be 0. */
export interface LifeReport {
  readonly commands: number;
  readonly completed: number;
  readonly aborted: number;
  readonly attached: number;
  readonly detached: number;
  readonly replaced: number;
  readonly mapUpdates: number;
  readonly programRuns: number;
  readonly simulatedNs: number;
  readonly events: number;
  /** Commands without exactly one end. */
  readonly lost: number;
  readonly duplicated: number;
  /** Commands that entered, ran or were seen out of their order. */
  readonly reordered: number;
  /** Commands that a program saw which was not attached when they entered, or did not see which was, or in another order. */
  readonly wronglySeen: number;
  /** Commands whose number of runs in a program's own map is another than the device's list of events says. */
  readonly miscounted: number;
  /** Runs that saw another setting than the one written last. */
  readonly staleSettings: number;
}

/** Witnesses of each hook that come and go. */
const WITNESSES = 5;
const HOOKS = ACCEL_HOOKS.filter((hook) => hook !== 'telemetry');

interface Attached {
  readonly witness: Witness;
  readonly order: number;
  readonly age: number;
  readonly link: Link;
}

type Expected = Readonly<Record<AccelHook, readonly Witness[]>>;

/**
 * Sends commands to a device while programs are attached, detached and replaced and their maps updated at random moments between any two events, and
 * keeps account of its own of who should see what. Everything follows from the seed.
 */
export function liveThrough({ commands, seed, witness, meddlers = [] }: LifeOptions): LifeReport {
  const random = randomOf(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const device = new Device({ queueDepth: 64, engineCores: 4, units: 8, tileElements: 4, mostDefers: 50 });
  const all = HOOKS.flatMap((hook) => Array.from({ length: WITNESSES }, (_, i) => witness(hook, `${hook} ${i}`)));
  const byName = new Map(all.map((each) => [each.program.name, each]));
  const settings = new Map(all.map((each) => [each, 0]));
  let attached: Attached[] = [];
  let expected: Expected = expectedOf([]);
  const expectedFor: Expected[] = [];
  const did = { attached: 0, detached: 0, replaced: 0, mapUpdates: 0 };
  let age = 0;
  let staleSettings = 0;
  for (const program of meddlers) device.attach(program, { order: 1000 });

  device.onEvent(({ kind, seq, program }) => {
    if (kind === 'entered') expectedFor[seq] = expected;
    else if (kind === 'hook') {
      const seen = byName.get(program!);
      if (seen && seen.setting(seq) !== settings.get(seen)) staleSettings++;
    }
  });

  const idle = (hook?: AccelHook): Witness | undefined => {
    const free = all.filter((each) => !attached.some((own) => own.witness === each) && (!hook || each.program.hook === hook));
    return free[below(free.length)];
  };
  const meddle = (): void => {
    const what = below(4);
    const one = attached[below(attached.length)];
    if (what === 3) {
      const some = all[below(all.length)]!;
      const value = below(2 ** 31);
      some.set(value);
      settings.set(some, value);
      did.mapUpdates++;
    } else if (what === 0 || !one) {
      const next = idle();
      if (!next) return;
      const order = below(3);
      attached.push({ witness: next, order, age: age++, link: device.attach(next.program, { order }) });
      did.attached++;
    } else if (what === 1) {
      one.link.detach();
      attached = attached.filter((each) => each !== one);
      did.detached++;
    } else {
      const next = idle(one.witness.program.hook);
      if (!next) return;
      one.link.replace(next.program);
      attached = attached.map((each) => (each === one ? { ...one, witness: next } : each));
      did.replaced++;
    }
    attached.sort((a, b) => a.order - b.order || a.age - b.age);
    expected = expectedOf(attached);
  };

  const passOf: number[] = [];
  let request = 0;
  let token = 0;
  for (let seq = 0, pass = 0; seq < commands; pass++) {
    const length = Math.min(1 + below(12), commands - seq);
    if (below(3) > 0) {
      request++;
      token = 0;
    } else token++;
    const made = passCommands(seq, length, request, token, below(2) === 0);
    for (let i = 0; i < length; i++) passOf[seq + i] = pass;
    device.submit(made);
    seq += length;
    for (let steps = below(2 * length * 14); steps > 0 && device.step(); steps--) if (below(40) === 0) meddle();
  }
  while (device.step()) if (below(40) === 0) meddle();

  return { ...did, ...judge(device, commands, expectedFor, passOf, byName, new Set(meddlers.map(({ name }) => name))), staleSettings };
}

const expectedOf = (attached: readonly Attached[]): Expected =>
  Object.fromEntries(
    ACCEL_HOOKS.map((hook) => [hook, attached.filter(({ witness }) => witness.program.hook === hook).map(({ witness }) => witness)]),
  ) as unknown as Expected;

/** A chain, in which each command reads what the one before wrote, or commands that do not need each other. */
function passCommands(first: number, length: number, request: number, token: number, chain: boolean): Command[] {
  return Array.from({ length }, (_, i) => {
    const at = 1 << 16;
    const own = at + 4096 * (i + 1);
    return commandOf({ seq: first + i, request, token, reads: [chain ? own - 4096 : at], writes: [own], flops: 1e4, bytes: 1e3 });
  });
}

function judge(
  device: Device,
  commands: number,
  expectedFor: readonly Expected[],
  passOf: readonly number[],
  byName: ReadonlyMap<string, Witness>,
  meddlers: ReadonlySet<string>,
): Omit<LifeReport, 'attached' | 'detached' | 'replaced' | 'mapUpdates' | 'staleSettings'> {
  const ends = new Uint32Array(commands);
  const starts = new Uint32Array(commands);
  const entries = new Uint32Array(commands);
  let completed = 0;
  let reordered = 0;
  let programRuns = 0;
  let lastEntered = -1;
  /** Programs in the order in which they ran, by command and hook. */
  const ran = new Map<string, string[]>();
  const aborted = new Set<number>();
  const chains = new Map<number, number>();
  const meddled = meddlers.size > 0;
  for (const { kind, seq, hook, program, request } of device.events.rows()) {
    if (seq < 0) continue;
    if (kind === 'entered') {
      if (seq !== lastEntered + 1) reordered++;
      lastEntered = seq;
      entries[seq]!++;
    } else if (kind === 'started') {
      starts[seq]!++;
      // Without programs that reorder, a request's commands that need each other, and its passes, keep their order.
      const [own] = device.command(seq)!.tensors;
      const chained = own!.addr !== 1 << 16;
      const before = chains.get(request);
      if (before !== undefined && (passOf[before]! > passOf[seq]! || (chained && passOf[before] === passOf[seq] && before > seq)))
        reordered++;
      chains.set(request, seq);
    } else if (kind === 'completed' || kind === 'aborted') {
      ends[seq]!++;
      if (kind === 'completed') completed++;
      else aborted.add(seq);
    } else if (kind === 'hook') {
      programRuns++;
      if (meddlers.has(program!)) continue;
      const key = `${seq} ${hook}`;
      const list = ran.get(key);
      if (list) list.push(program!);
      else ran.set(key, [program!]);
    }
  }
  let lost = 0;
  let duplicated = 0;
  let wronglySeen = 0;
  let miscounted = 0;
  for (let seq = 0; seq < commands; seq++) {
    if (ends[seq] === 0 || entries[seq] === 0) lost++;
    if (ends[seq]! > 1 || starts[seq]! > 1 || entries[seq]! > 1) duplicated++;
    const first = seq === 0 || passOf[seq - 1] !== passOf[seq];
    for (const hook of HOOKS) {
      const names = expectedFor[seq]![hook].map((each) => each.program.name);
      const times = hook === 'validate_tensor' ? device.command(seq)!.tensors.length : hook === 'token' && !first ? 0 : 1;
      const wanted = Array.from({ length: times }, () => names).flat();
      const found = ran.get(`${seq} ${hook}`) ?? [];
      // With programs that defer, reorder and abort, runs may repeat or be cut short; who runs, and in which order, stays.
      const right = meddled ? found.every((name, at) => name === wanted[at % Math.max(1, wanted.length)]) : found.join() === wanted.join();
      if (!right) wronglySeen++;
    }
  }
  const counted = new Map<string, number>();
  for (const [key, names] of ran)
    for (const name of names) counted.set(`${key.split(' ')[0]} ${name}`, (counted.get(`${key.split(' ')[0]} ${name}`) ?? 0) + 1);
  for (const [name, witness] of byName)
    for (let seq = 0; seq < commands; seq++) if (witness.count(seq) !== (counted.get(`${seq} ${name}`) ?? 0)) miscounted++;
  return {
    commands,
    completed,
    aborted: aborted.size,
    programRuns,
    simulatedNs: device.nowNs,
    events: device.events.length,
    lost,
    duplicated,
    reordered,
    wronglySeen,
    miscounted,
  };
}
