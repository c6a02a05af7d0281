/**
 * `npm run long captures FOLDER`: makes a collection of captures in FOLDER (generators, editcap, randpkt, mergecap, text2pcap, tcpdump on loopback; all
 * formats, byte orders and link types; cut, with bits flipped, packed), and counts the packets of every capture found there, made or not, as tshark does.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'fflate';
import { InputError } from '../src/base/errors.ts';
import { randomOf } from '../src/base/random.ts';
import { openFile } from '../src/cli/file-source.ts';
import { openCapture } from '../src/traces/capture/capture.ts';
import { type MadePacket, pcapFile, pcapngFile } from '../src/traces/testing/capture-files.ts';
import { PacketMaker } from './packets.ts';

const run = promisify(execFile);
const JOBS = 2;

/** Runs a tool; says on stderr when it is missing or fails, and goes on. */
function tool(name: string, ...args: string[]): void {
  try {
    execFileSync(name, args, { stdio: 'ignore', timeout: 20_000 });
  } catch (error) {
    console.error(`${name} ${args.join(' ')}: ${(error as Error).message.split('\n')[0]}`);
  }
}

async function make(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const path = (name: string) => join(folder, name);
  const write = (name: string, bytes: Uint8Array) => writeFileSync(path(name), bytes);
  const maker = new PacketMaker(1);
  const packets = maker.make(120);
  const raw: MadePacket[] = packets
    .filter(({ data }) => data[12] === 8 && data[13] === 0)
    .map((one) => ({ ...one, data: one.data.subarray(14), original: one.original! - 14 }));

  for (const little of [true, false]) {
    const order = little ? 'le' : 'be';
    for (const magic of [0xa1b2c3d4, 0xa1b23c4d]) write(`${order}-${magic.toString(16)}.pcap`, pcapFile(packets, { little, magic }));
    for (const resolution of [3, 6, 9, 0x8a])
      write(
        `${order}-tsresol-${resolution}.pcapng`,
        pcapngFile(
          packets.map((one) => ({ ...one, seconds: 1000 })),
          { little, resolution: resolution & 0x7f },
        ),
      );
    write(
      `${order}-simple.pcapng`,
      pcapngFile(
        packets.map(({ data }) => ({ data })),
        { little, simple: true },
      ),
    );
    write(
      `${order}-comments.pcapng`,
      pcapngFile(
        packets.map((one, at) => ({ ...one, comment: `packet ${at}` })),
        { little },
      ),
    );
    for (const linkType of [0, 1, 12, 14, 101, 108, 113, 127, 139, 147, 189, 195, 228, 229, 249, 276]) {
      write(`${order}-link-${linkType}.pcap`, pcapFile([12, 14, 101, 228].includes(linkType) ? raw : packets, { little, linkType }));
      write(`${order}-link-${linkType}.pcapng`, pcapngFile(packets, { little, linkType }));
    }
  }
  for (const type of [
    'arp',
    'dns',
    'eth',
    'fddi',
    'icmp',
    'ip',
    'llc',
    'm2m',
    'nbns',
    'sctp',
    'syslog',
    'tcp',
    'tds',
    'tr',
    'udp',
    'usb-linux',
  ]) {
    tool('randpkt', '-b', '400', '-c', '50', '-t', type, path(`randpkt-${type}.pcap`));
  }
  const base = path('le-a1b2c3d4.pcap');
  for (const format of [
    'modpcap',
    'nokiapcap',
    'rh6_1pcap',
    'suse6_3pcap',
    'nsecpcap',
    'pcap',
    'pcapng',
    'snoop',
    'netmon1',
    'netmon2',
    'ngsniffer',
    'k12text',
    'lanalyzer',
    'nettl',
    'visual',
    '5views',
    'erf',
    'btsnoop',
    'eyesdn',
  ]) {
    tool('editcap', '-F', format, base, path(`editcap-${format}.cap`));
  }
  tool('editcap', '-s', '40', base, path('editcap-snap-40.pcapng'));
  tool('editcap', '-i', '1', base, path('editcap-split.pcapng'));
  tool('editcap', '-a', '3:a comment', '-a', '7:another', base, path('editcap-comments.pcapng'));
  tool('editcap', '-d', base, path('editcap-unique.pcapng'));
  tool('mergecap', '-w', path('mergecap-links.pcapng'), base, path('le-link-101.pcap'), path('randpkt-tr.pcap'), path('le-link-113.pcap'));
  tool('mergecap', '-F', 'pcap', '-w', path('mergecap.pcap'), base, path('randpkt-tcp.pcap'));
  writeFileSync(
    path('hexdump.txt'),
    '0000 00 01 02 03 04 05 06 07 08 09 0a 0b 08 00 45 00\n0010 00 14 00 00 00 00 40 11 00 00 0a 00 00 01 0a 00\n0020 00 02\n',
  );
  tool('text2pcap', path('hexdump.txt'), path('text2pcap.pcap'));
  tool('text2pcap', '-u', '1000,53', path('hexdump.txt'), path('text2pcap-udp.pcapng'));
  tool('text2pcap', '-l', '228', path('hexdump.txt'), path('text2pcap-raw.pcap'));
  for (const [name, flags] of [
    ['tcpdump-lo', ['-i', 'lo']],
    ['tcpdump-any', ['-i', 'any']],
    ['tcpdump-any-v1', ['-i', 'any', '-y', 'LINUX_SLL']],
    ['tcpdump-snap', ['-i', 'lo', '-s', '60', '--nano']],
  ] as const) {
    await captureLoopback(path(`${name}.pcap`), [...flags]);
  }
  // Two sections of different byte orders, one after the other.
  write('sections.pcapng', Buffer.concat([readFileSync(path('le-comments.pcapng')), readFileSync(path('be-tsresol-9.pcapng'))]));
  const wholes = readdirSync(folder).filter((name) => /\.(pcap|pcapng|cap)$/.test(name));
  for (const name of wholes.filter((_, at) => at % 3 === 0)) {
    write(`${name}.gz`, gzipSync(readFileSync(path(name))));
    tool('zstd', '-q', '-f', '-19', path(name), '-o', path(`${name}.zst`));
  }
  const random = randomOf(42);
  for (const [at, name] of readdirSync(folder)
    .filter((one) => /\.(pcap|pcapng|cap|gz|zst)$/.test(one))
    .entries()) {
    const bytes = readFileSync(path(name));
    write(`cut-${at}-${name}`, bytes.subarray(0, Math.floor(random() * bytes.length)));
    for (const flips of [1, 8]) {
      const flipped = new Uint8Array(bytes);
      for (let i = 0; i < flips; i++) flipped[Math.floor(random() ** 2 * flipped.length)]! ^= 1 << Math.floor(random() * 8);
      write(`flip${flips}-${at}-${name}`, flipped);
    }
  }
}

/** Captures a few connections to ourselves. */
async function captureLoopback(file: string, flags: string[]): Promise<void> {
  const server = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const dump = spawn('tcpdump', [...flags, '-U', '-w', file, '-c', '20', 'tcp', 'port', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const listening = new Promise<void>((resolve) => {
    dump.stderr.on('data', (text: Buffer) => {
      if (text.toString().includes('listening')) resolve();
    });
    dump.on('error', () => resolve());
    dump.on('exit', () => resolve());
  });
  await listening;
  for (let i = 0; i < 4 && dump.exitCode === null; i++) {
    await new Promise<void>((resolve) => {
      const socket = createConnection(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: loopback\r\n\r\n'));
      socket.on('data', () => undefined).on('close', () => resolve());
    });
  }
  if (dump.exitCode === null) {
    dump.kill('SIGINT');
    await new Promise((resolve) => dump.once('exit', resolve));
  }
  server.close();
}

/** Packets that tshark lists before it stops; null where it does not take the file at all. */
async function tsharkCount(file: string): Promise<number | null> {
  const child = run('tshark', ['-n', '-r', file, '-T', 'fields', '-e', 'frame.number'], { maxBuffer: 1 << 28 });
  try {
    const { stdout } = await child;
    return lines(stdout);
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return stdout === '' && /isn't a capture file|appears to be damaged|unsupported|not understand|less data than/.test(stderr)
      ? null
      : lines(stdout);
  }
}

const lines = (text: string): number => (text === '' ? 0 : text.trimEnd().split('\n').length);

interface Outcome {
  readonly file: string;
  readonly theirs: number | null;
  readonly ours: number | null;
  readonly message: string;
}

async function compare(folder: string, file: string): Promise<Outcome> {
  const path = join(folder, file);
  const theirs = await tsharkCount(path);
  const source = await openFile(path);
  try {
    const { count, damage } = await openCapture(source);
    return { file, theirs, ours: count, message: damage ? `byte ${damage.offset}: ${damage.what}` : '' };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { file, theirs, ours: null, message: error.what };
  } finally {
    await source.close();
  }
}

function* filesOf(folder: string, under = folder): Generator<string> {
  for (const name of readdirSync(under).sort()) {
    const path = join(under, name);
    if (statSync(path).isDirectory()) yield* filesOf(folder, path);
    else if (!name.endsWith('.txt')) yield relative(folder, path);
  }
}

export default async function captures([folder, ...rest]: string[]): Promise<unknown> {
  if (!folder)
    throw new Error('npm run long captures FOLDER [--as-is]: FOLDER is filled with captures, --as-is takes those that are there');
  if (!rest.includes('--as-is')) await make(folder);
  const files = [...filesOf(folder)];
  const outcomes: Outcome[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: JOBS }, async () => {
      while (next < files.length) outcomes.push(await compare(folder, files[next++]!));
    }),
  );
  const equal = outcomes.filter(({ ours, theirs }) => (ours ?? 0) === (theirs ?? 0));
  const other = outcomes.filter(({ ours, theirs }) => (ours ?? 0) !== (theirs ?? 0));
  const told = other.filter(({ message }) => /byte \d+/.test(message));
  const wrong = other.filter(({ message }) => !/byte \d+/.test(message));
  return {
    files: files.length,
    /** Broken on purpose or by their format. */
    damaged: outcomes.filter(({ message }) => message !== '').length,
    sameCount: equal.length,
    /** Another count, with a message that says at which byte the capture ends. */
    saysTheByte: told.length,
    wrong: wrong.map(({ file, ours, theirs }) => ({ file, ours, theirs })),
    otherCounts: told.map(({ file, ours, theirs, message }) => ({ file, ours, theirs, message })).slice(0, 60),
  };
}
