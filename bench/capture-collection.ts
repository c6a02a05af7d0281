import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'fflate';
import { randomOf } from '../src/base/random.ts';
import { type MadePacket, pcapFile, pcapngFile } from '../src/traces/testing/capture-files.ts';
import { oddCaptures } from './odd-captures.ts';
import { PacketMaker } from './packets.ts';

/** What randpkt and editcap know (Wireshark 4.0). */
const RANDOM_PACKETS =
  `arp bgp bvlc dns eth fddi giop icmp ieee802.15.4 ip ipv6 llc m2m megaco nbns ncp2222 sctp syslog tds tcp tr udp usb-linux`.split(' ');
const FORMATS =
  `pcap pcapng 5views btsnoop commview-ncf commview-ncfx dct2000 erf eyesdn k12text lanalyzer logcat modpcap netmon1 netmon2 nettl ngsniffer
  ngwsniffer_1_1 ngwsniffer_2_0 nokiapcap nsecpcap nstrace10 nstrace20 nstrace30 nstrace35 observer rf5 rh6_1pcap snoop suse6_3pcap visual`.split(
    /\s+/,
  );

/** Captures of connections to ourselves: file, program, its arguments. */
const LIVE: readonly (readonly [file: string, program: string, flags: readonly string[]])[] = [
  ['tcpdump-lo.pcap', 'tcpdump', ['-i', 'lo', '-U']],
  ['tcpdump-any.pcap', 'tcpdump', ['-i', 'any', '-U']],
  ['tcpdump-any-v1.pcap', 'tcpdump', ['-i', 'any', '-y', 'LINUX_SLL', '-U']],
  ['tcpdump-snap.pcap', 'tcpdump', ['-i', 'lo', '-s', '60', '--nano', '-U']],
  ['dumpcap-lo.pcapng', 'dumpcap', ['-q', '-i', 'lo']],
  ['dumpcap-two.pcapng', 'dumpcap', ['-q', '-i', 'lo', '-i', 'any', '-s', '80', '--capture-comment', 'two interfaces']],
  ['dumpcap-pcap.pcap', 'dumpcap', ['-q', '-P', '-i', 'any']],
];

/** Runs a tool; says on stderr when it is missing or fails, and goes on. */
function tool(name: string, ...args: string[]): void {
  try {
    execFileSync(name, args, { stdio: 'ignore', timeout: 20_000 });
  } catch (error) {
    console.error(`${name} ${args.join(' ')}: ${(error as Error).message.split('\n')[0]}`);
  }
}

/** Fills a folder with captures: by generators, by the tools of Wireshark and by tcpdump; then cut, with bits flipped, packed. */
export async function makeCollection(folder: string): Promise<void> {
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
  for (const type of RANDOM_PACKETS) {
    tool('randpkt', '-b', '400', '-c', '50', '-t', type, path(`randpkt-${type}.pcap`));
  }
  const base = path('le-a1b2c3d4.pcap');
  writeFileSync(
    path('hexdump.txt'),
    '0000 00 01 02 03 04 05 06 07 08 09 0a 0b 08 00 45 00\n0010 00 14 00 00 00 00 40 11 00 00 0a 00 00 01 0a 00\n0020 00 02\n',
  );
  for (const format of FORMATS) {
    tool('editcap', '-F', format, base, path(`editcap-${format}.cap`));
    if (/pcap/.test(format)) tool('editcap', '-F', format, '-s', '60', path('randpkt-tcp.pcap'), path(`editcap-${format}-snap.cap`));
  }
  tool('editcap', '-s', '40', base, path('editcap-snap-40.pcapng'));
  tool('editcap', '-i', '1', base, path('editcap-split.pcapng'));
  tool('editcap', '-a', '3:a comment', '-a', '7:another', base, path('editcap-comments.pcapng'));
  tool('editcap', '-E', '0.05', base, path('editcap-errors.pcapng'));
  tool('editcap', '-T', 'user0', base, path('editcap-user0.pcapng'));
  tool('editcap', '-C', '12', '-L', base, path('editcap-chopped.pcapng'));
  tool('editcap', '-t', '-1800000000', base, path('editcap-before-1970.pcapng'));
  tool('editcap', '--inject-secrets', `tls,${path('hexdump.txt')}`, base, path('editcap-secrets.pcapng'));
  tool('editcap', '--capture-comment', 'of the file', base, path('editcap-file-comment.pcapng'));
  tool('editcap', '-d', base, path('editcap-unique.pcapng'));
  tool('mergecap', '-w', path('mergecap-links.pcapng'), base, path('le-link-101.pcap'), path('randpkt-tr.pcap'), path('le-link-113.pcap'));
  tool('mergecap', '-F', 'pcap', '-w', path('mergecap.pcap'), path('randpkt-udp.pcap'), path('randpkt-tcp.pcap'));
  tool('text2pcap', path('hexdump.txt'), path('text2pcap.pcap'));
  tool('text2pcap', '-u', '1000,53', path('hexdump.txt'), path('text2pcap-udp.pcapng'));
  tool('text2pcap', '-l', '228', path('hexdump.txt'), path('text2pcap-raw.pcap'));
  for (const [name, dump, flags] of LIVE) await captureLoopback(path(name), dump, flags);
  for (const { name, bytes } of oddCaptures(packets.slice(0, 24), (one) => readFileSync(path(one)))) write(name, bytes);
  const wholes = readdirSync(folder).filter((name) => /\.(pcap|pcapng|cap)$/.test(name));
  for (const name of wholes.filter((_, at) => at % 3 === 0)) {
    write(`${name}.gz`, gzipSync(readFileSync(path(name))));
    tool('zstd', '-q', '-f', '-19', path(name), '-o', path(`${name}.zst`));
  }
  const random = randomOf(42);
  const names = readdirSync(folder).filter((one) => /\.(pcap|pcapng|cap|gz|zst)$/.test(one));
  for (const [at, name] of names.entries()) {
    if (at % 3 > 0) continue;
    const bytes = readFileSync(path(name));
    write(`cut-${at}-${name}`, bytes.subarray(0, Math.floor(random() * bytes.length)));
    for (const flips of [1, 8]) {
      const flipped = new Uint8Array(bytes);
      for (let i = 0; i < flips; i++) flipped[Math.floor(random() ** 2 * flipped.length)]! ^= 1 << Math.floor(random() * 8);
      write(`flip${flips}-${at}-${name}`, flipped);
    }
  }
  // The beginnings of each format, cut at every byte, then here and there.
  for (const name of [
    'le-a1b2c3d4.pcap',
    'be-a1b23c4d.pcap',
    'editcap-modpcap.cap',
    'be-comments.pcapng',
    'sections.pcapng',
    'gzip-named.pcap.gz',
    'zstd-frames.pcap.zst',
  ]) {
    const bytes = readFileSync(path(name));
    const cuts = [...Array.from({ length: 64 }, (_, at) => at), ...Array.from({ length: 40 }, () => Math.floor(random() * bytes.length))];
    for (const cut of cuts) write(`byte-${cut}-${name}`, bytes.subarray(0, cut));
  }
}

/** Captures a few connections to ourselves. */
async function captureLoopback(file: string, program: string, flags: readonly string[]): Promise<void> {
  const server = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const filter = program === 'dumpcap' ? ['-f', `tcp port ${port}`] : [`tcp port ${port}`];
  const dump = spawn(program, [...flags, '-w', file, ...filter], { stdio: ['ignore', 'ignore', 'pipe'] });
  await new Promise<void>((resolve) => {
    dump.stderr.on('data', (text: Buffer) => {
      if (/listening|File: /.test(text.toString())) resolve();
    });
    dump.on('error', () => resolve());
    dump.on('exit', () => resolve());
  });
  for (let i = 0; i < 4 && dump.exitCode === null; i++) {
    await new Promise<void>((resolve) => {
      const socket = createConnection(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: loopback\r\n\r\n'));
      socket.on('data', () => undefined).on('close', () => resolve());
    });
  }
  if (dump.exitCode === null && dump.pid !== undefined) {
    dump.kill('SIGINT');
    await new Promise((resolve) => dump.once('exit', resolve));
  }
  server.close();
}
