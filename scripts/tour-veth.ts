// `node --import tsx scripts/tour-veth.ts [--generic]`: the tour of docs/deploy.md. It makes two network namespaces with a pair of veth interfaces, attaches the sample
// classifier to one with the exported loader, and sends benign and malicious messages from the other. As root; everything is removed at the end.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { loaderSource } from '../src/cli/export/libbpf.ts';
import type { Calibration, Compiled } from '../src/compiler/api.ts';
import { compile } from '../src/compiler/compile.ts';
import { familiesFor } from '../src/compiler/families.ts';
import { swapped, weightsFile, weightsTarget } from '../src/compiler/weights-file.ts';
import { checkBinding } from '../src/hooks/fit.ts';
import { hookOf } from '../src/hooks/hook.ts';
import { layerRange } from '../src/hooks/layers.ts';
import { parseBinding } from '../src/hooks/parse.ts';
import { writeObject } from '../src/object/writer.ts';
import { importModel } from '../src/onnx/import.ts';
import type { Model } from '../src/onnx/model.ts';
import { framesOf } from '../src/replay/testing/frames-of.ts';
import { Vm } from '../src/vm/vm.ts';

const SAMPLE = fileURLToPath(new URL('../public/samples/payload/', import.meta.url));
const PEER = fileURLToPath(new URL('./veth-peer.mjs', import.meta.url));
const [SERVER, CLIENT] = ['10.77.0.1', '10.77.0.2'];
/** HTTP and echo; the markers' port is not among them, so that they are no event for the model. */
const PORTS = [80, 7];
/** Of enum xdp_action. */
const XDP_DROP = 1;
const MESSAGES = 40;
const REQUESTS = 5;
/** How long a client waits for an answer to a request that is dropped (TCP sends it again meanwhile), and to one that is not, on a busy machine too. */
const PATIENCE_MS = { dropped: 700, answered: 20_000 };
const SWAPS = 12;
const KEY = new Uint8Array(4);
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** A fact of the tour, beside what it has to be. */
export interface Fact {
  readonly what: string;
  readonly got: unknown;
  readonly wanted: unknown;
}

export interface Tour {
  readonly facts: readonly Fact[];
  /** What the loader's `metrics` wrote at the end. */
  readonly metrics: string;
  readonly mode: string;
  readonly p50Ns: number;
  readonly p99Ns: number;
}

const text = (name: string): string => readFileSync(join(SAMPLE, name), 'utf8');

/** The sample for two ports and production; `bias` is added to the logit of an attack, as another training might. */
function build(model: Model, bias: number, slots?: Compiled['meta']): Promise<Compiled> {
  const initializers = new Map(
    [...model.initializers].map(([name, tensor]) => {
      const { data, dims } = tensor;
      const isBias = data instanceof Float32Array && dims.length === 1 && dims[0] === 2;
      return [name, isBias ? { ...tensor, data: Float32Array.of(data[0]!, data[1]! + bias) } : tensor];
    }),
  );
  const given = JSON.parse(text('binding.json')) as { input: object };
  const binding = parseBinding({ ...given, input: { ...given.input, ports: PORTS }, production: { latency: true } }, 'binding.json');
  return compiled({ ...model, initializers }, binding, slots);
}

async function compiled(model: Model, binding: ReturnType<typeof parseBinding>, slots?: Compiled['meta']): Promise<Compiled> {
  return compile({
    model,
    modelFile: 'payload-ids.onnx',
    hook: hookOf(checkBinding(binding, model)),
    families: await familiesFor(model),
    kernel: '5.15',
    strategy: 'auto',
    quant: 'w8a16',
    calibration: JSON.parse(text('calibration.json')) as Calibration,
    ...(slots ? { slots } : {}),
  });
}

/** A frame of UDP to the echo port; checksums do not matter to the program. */
function frameOf(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(42 + message.length);
  const view = new DataView(frame.buffer);
  view.setUint16(12, 0x0800);
  frame[14] = 0x45;
  view.setUint16(16, 28 + message.length);
  frame[23] = 17;
  view.setUint16(36, 7);
  view.setUint16(38, 8 + message.length);
  frame.set(message, 42);
  return frame;
}

interface Messages {
  /** Held-out attacks that both sets of weights drop. */
  readonly malicious: Uint8Array[];
  /** Held-out benign messages that both pass. */
  readonly benign: Uint8Array[];
  /** What the first weights pass and the second drop. */
  readonly between: Uint8Array[];
}

/** Messages of the held-out capture, by their labels and by what our engine says of them with the two sets of weights. */
async function choose(first: Compiled, file: Uint8Array): Promise<Messages> {
  const vms = [new Vm(first.program, { engine: 'wasm' }), new Vm(first.program, { engine: 'wasm' })];
  const weights = vms[1]!.maps.get('.data.weights');
  weights.update(KEY, swapped(weights.lookup(KEY)!, file, 'b.bin'));
  const { packets: labels } = JSON.parse(text('heldout-labels.json')) as { packets: { label: number }[] };
  const chosen: Messages = { malicious: [], benign: [], between: [] };
  const frames = await framesOf(new Uint8Array(readFileSync(join(SAMPLE, 'heldout.pcap'))));
  for (const [i, frame] of frames.entries()) {
    const { start, end } = layerRange(frame, 'l4_payload')!;
    const message = frame.slice(start, end);
    const [a, b] = vms.map((vm) => vm.runXdp(frameOf(message)).returnValue === XDP_DROP);
    if (a && b && labels[i]!.label === 1) chosen.malicious.push(message);
    else if (!a && !b && labels[i]!.label === 0) chosen.benign.push(message);
    else if (!a && b) chosen.between.push(message);
  }
  return chosen;
}

/** A process at one end of the wire, asked line by line. */
class Peer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(namespace: string, role: 'server' | 'client') {
    // One processor for both ends: packets keep their order then, because each processor has a queue of its own.
    this.#child = spawn('nsenter', [`--net=/run/netns/${namespace}`, 'taskset', '-c', '0', process.execPath, PEER, role, SERVER], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface(this.#child.stdout!)[Symbol.asyncIterator]();
  }

  async read<T>(): Promise<T> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('a peer ended');
    return JSON.parse(value) as T;
  }

  ask<T>(command: object): Promise<T> {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
    return this.read<T>();
  }

  end(): void {
    this.#child.kill();
  }
}

/** What the loader answers at a port of loopback: status and text of /metrics, status of something else. */
async function served(loader: string, pins: string): Promise<unknown[]> {
  const child = spawn(loader, ['--pin', pins, 'serve', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const { value } = (await createInterface(child.stdout)[Symbol.asyncIterator]().next()) as { value: string };
    const at = `http://127.0.0.1:${/\d+/.exec(value)![0]}`;
    const [good, other] = [await fetch(`${at}/metrics`), await fetch(`${at}/other`)];
    return [good.status, await good.text(), other.status];
  } finally {
    child.kill();
  }
}

const base64 = (messages: readonly Uint8Array[]): string[] => messages.map((message) => Buffer.from(message).toString('base64'));
const isRequest = (message: Uint8Array): boolean =>
  /^GET \/[\w./?=&%'-]* HTTP\/1\.1\r\n[\s\S]*\r\n\r\n$/.test(Buffer.from(message).toString('latin1'));
const yes = (answered: readonly boolean[]): number => answered.filter(Boolean).length;

/** The tour; `say` is told of each step. Throws where the machine does not let it go on; what it saw otherwise stands in the facts. */
export async function tour(say: (line: string) => void = () => {}, driver: 'native' | 'generic' = 'native'): Promise<Tour> {
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-tour-'));
  const [server, client] = ['server', 'client'].map((end) => `bpformer-${end}-${process.pid}`) as [string, string];
  const pins = `/sys/fs/bpf/bpformer-tour-${process.pid}`;
  const loader = (...args: string[]): string => execFileSync(join(folder, 'loader'), ['--pin', pins, ...args], { encoding: 'utf8' });
  const ip = (...args: string[]): void => void execFileSync('ip', args, { stdio: 'pipe' });
  const made: (() => void)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const remove = (): void => {
    for (const undo of made.splice(0).reverse()) undo();
  };
  const stopped = (): void => {
    remove();
    process.exit(130);
  };
  for (const signal of SIGNALS) process.once(signal, stopped);
  const facts: Fact[] = [];
  const fact = (what: string, got: unknown, wanted: unknown): void => {
    facts.push({ what, got, wanted });
    const shown = JSON.stringify(got);
    say(`${shown === JSON.stringify(wanted) ? 'ok ' : 'NOT'} ${what}: ${shown.length > 60 ? `${shown.slice(0, 59)}…` : shown}`);
  };
  try {
    say('compile the sample and a second training, and build the loader');
    const onnx = new Uint8Array(readFileSync(join(SAMPLE, 'payload-ids.onnx')));
    const model = importModel(onnx, { fileName: 'payload-ids.onnx', dims: { batch: 1 } });
    const first = await build(model, 0);
    const second = await build(model, 1.5, first.meta);
    const target = weightsTarget(first, 'payload.o');
    const files = [first, second].map((one, i) => {
      const bytes = weightsFile(one, target, 'payload-ids.onnx');
      writeFileSync(join(folder, `${'ab'[i]}.bin`), bytes);
      return bytes;
    });
    writeFileSync(join(folder, 'loader.c'), loaderSource(first.program, first.meta, writeObject([first.program], { meta: first.meta })));
    const flags = ['-O2', '-Wall', '-Wextra', '-Werror'];
    execFileSync('cc', [...flags, '-o', join(folder, 'loader'), join(folder, 'loader.c'), '-lbpf'], { stdio: 'pipe' });
    const all = await choose(first, files[1]!);
    const [malicious, benign, between] = [all.malicious, all.benign, all.between].map((some) => base64(some.slice(0, MESSAGES)));
    const [attacks, requests] = [all.malicious, all.benign].map((some) => base64(some.filter(isRequest).slice(0, REQUESTS)));

    say('two network namespaces and a pair of interfaces');
    for (const namespace of [server, client]) {
      ip('netns', 'add', namespace);
      made.push(() => ip('netns', 'del', namespace));
      // Nothing but what the tour sends goes over the wire: no neighbour discovery, and below no ARP.
      const disable = 'f=/proc/sys/net/ipv6/conf/all/disable_ipv6; [ ! -e $f ] || echo 1 > $f';
      execFileSync('nsenter', [`--net=/run/netns/${namespace}`, 'sh', '-c', disable], { stdio: 'pipe' });
    }
    ip('-n', server, 'link', 'add', 'under', 'type', 'veth', 'peer', 'name', 'beyond', 'netns', client);
    const ends = [
      [server, 'under', SERVER, '02:00:00:00:00:01', CLIENT, '02:00:00:00:00:02'],
      [client, 'beyond', CLIENT, '02:00:00:00:00:02', SERVER, '02:00:00:00:00:01'],
    ] as const;
    for (const [namespace, name, address, mac] of ends) {
      ip('-n', namespace, 'link', 'set', name, 'address', mac, 'up');
      ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', name);
    }
    for (const [namespace, name, , , other, mac] of ends)
      ip('-n', namespace, 'neighbour', 'replace', other, 'lladdr', mac, 'dev', name, 'nud', 'permanent');
    const [serving, sending] = [new Peer(server, 'server'), new Peer(client, 'client')];
    made.push(() => {
      for (const peer of [serving, sending]) peer.end();
    });
    await Promise.all([serving.read(), sending.read()]);
    const send = async (messages: readonly string[]): Promise<number> =>
      yes((await sending.ask<{ answered: boolean[] }>({ do: 'messages', messages })).answered);

    fact('without the program, malicious messages are answered', await send(malicious!), MESSAGES);
    const inServer = [`--net=/run/netns/${server}`, join(folder, 'loader'), '--pin', pins, `--${driver}`];
    const attachedTo = execFileSync('nsenter', [...inServer, 'attach', 'under'], { encoding: 'utf8' });
    let attached = true;
    const detach = (): void => {
      if (attached) loader('detach');
      attached = false;
    };
    made.push(detach);
    say(attachedTo.trim());
    const mode = /\((\w+)\)/.exec(attachedTo)?.[1] ?? '';

    fact('malicious messages answered', await send(malicious!), 0);
    fact('benign messages answered', await send(benign!), MESSAGES);
    // Each message is followed by a marker, which is no event for the model.
    const seen = numbersOf(loader('stats'));
    fact('counted as DROP', seen['verdict DROP'], MESSAGES);
    fact('counted as PASS, with a marker behind each message', seen['verdict PASS'], 3 * MESSAGES);
    fact('packets that reached the program', seen.events, 4 * MESSAGES);
    fact('packets that the model saw', seen.scored, 2 * MESSAGES);

    fact('messages between the two sets of weights, answered before', await send(between!), between!.length);
    await sending.ask({ do: 'stream', messages: benign });
    for (let n = 0; n < SWAPS; n++) loader('swap', join(folder, `${'ba'[n % 2]}.bin`));
    loader('swap', join(folder, 'b.bin'));
    const stream = await sending.ask<{ sent: number; answered: number }>({ do: 'stop' });
    fact(`of ${stream.sent} benign messages, lost while the weights were replaced ${SWAPS + 1} times`, stream.sent - stream.answered, 0);
    fact('the stream went on while they were', stream.sent > SWAPS, true);
    fact('messages between the two, answered afterwards', await send(between!), 0);
    loader('swap', join(folder, 'a.bin'));

    loader('mode', 'shadow');
    const before = numbersOf(loader('stats'));
    fact('in shadow mode, malicious messages answered', await send(malicious!), MESSAGES);
    const shadowed = numbersOf(loader('stats'));
    fact('counted as DROP all the same', shadowed['verdict DROP']! - before['verdict DROP']!, MESSAGES);
    fact('counted as passed by shadow mode', shadowed.shadowed! - before.shadowed!, MESSAGES);
    loader('mode', 'off');
    fact('switched off, malicious messages answered', await send(malicious!), MESSAGES);
    const off = numbersOf(loader('stats'));
    fact('counted as unseen, with their markers', off.off! - shadowed.off!, 2 * MESSAGES);
    fact('seen by the model meanwhile', off.scored! - shadowed.scored!, 0);
    loader('mode', 'enforce');
    fact('enforced again, malicious messages answered', await send(malicious!), 0);

    const last = numbersOf(loader('stats'));
    const failures = Object.keys(last).filter((name) => name.startsWith('failed '));
    fact(
      'failures',
      failures.map((name) => last[name]),
      failures.map(() => 0),
    );
    const metrics = loader('metrics');
    loader('metrics', join(folder, 'bpformer.prom'));
    fact('metrics in a file are the same', readFileSync(join(folder, 'bpformer.prom'), 'utf8') === metrics, true);
    fact('and at a port', await served(join(folder, 'loader'), pins), [200, metrics, 404]);
    // Behind all that is counted exactly: how often TCP sends something is its own affair.
    const http = async (messages: readonly string[], patienceMs: number): Promise<number> =>
      yes((await sending.ask<{ answered: boolean[] }>({ do: 'requests', messages, patienceMs })).answered);
    fact('benign HTTP requests answered', await http(requests!, PATIENCE_MS.answered), REQUESTS);
    fact('malicious HTTP requests answered', await http(attacks!, PATIENCE_MS.dropped), 0);
    fact('malicious HTTP requests', attacks!.length, REQUESTS);
    fact('requests that the server saw', (await serving.ask<{ requests: string[] }>({})).requests.length, REQUESTS);
    say(`p50 ${last.p50} ns, p99 ${last.p99} ns`);
    detach();
    fact('detached, malicious messages answered', await send(malicious!), MESSAGES);
    return { facts, metrics, mode, p50Ns: last.p50!, p99Ns: last.p99! };
  } finally {
    for (const signal of SIGNALS) process.off(signal, stopped);
    remove();
  }
}

/** Lines of the loader's `stats`: the last number of each, by what stands before it. */
const numbersOf = (stats: string): Record<string, number> =>
  Object.fromEntries(
    stats
      .split('\n')
      .map((line) => /^(.*?) (\d+)( ns)?$/.exec(line))
      .flatMap((match) => (match ? [[match[1]!, Number(match[2])]] : [])),
  );

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { facts, mode } = await tour((line) => console.info(line), process.argv.includes('--generic') ? 'generic' : 'native');
  const wrong = facts.filter(({ got, wanted }) => JSON.stringify(got) !== JSON.stringify(wanted));
  console.info(`${facts.length - wrong.length} of ${facts.length} as it has to be; XDP was ${mode}`);
  process.exit(wrong.length > 0 ? 1 : 0);
}
