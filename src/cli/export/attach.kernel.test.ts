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

const kernel = await kernelForTests();
kernel?.close();
const works = (command: string, ...args: string[]): boolean => {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
const NAMESPACE = `bpformer-${process.pid}`;
/** A network namespace with a pair of interfaces, on which packets really arrive. */
const network = kernel !== null && works('ip', 'netns', 'add', NAMESPACE);
const ready = network && works('cc', '--version') && works('bpftool', 'version');
if (kernel && !ready) console.warn('skipped: exports are attached to an interface where ip netns, cc and bpftool work');

const SAMPLE = fileURLToPath(new URL('../../../public/samples/payload/', import.meta.url));
const PACKETS = 40;
/** Of enum xdp_action. */
const [XDP_DROP, XDP_PASS] = [1, 2];
const folder = mkdtempSync(join(tmpdir(), 'bpformer-attach-'));
const inside = (...command: string[]): string[] => [`--net=/run/netns/${NAMESPACE}`, ...command];
const ip = (...args: string[]): void => void execFileSync('ip', ['-n', NAMESPACE, ...args], { stdio: 'pipe' });

/** Sends frames on one interface, each followed by a frame that every program here passes, and says of each whether the other interface's stack got it. */
const PROBE = `#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
static int open_on(const char *name) {
  struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(3), .sll_ifindex = (int)if_nametoindex(name)};
  int fd = socket(AF_PACKET, SOCK_RAW, htons(3));
  return fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) ? -1 : fd;
}
int main(int argc, char **argv) {
  static unsigned char frame[65536], got[65536];
  int to = open_on(argv[1]), from = open_on(argv[2]);
  uint32_t length, n = 0;
  cpu_set_t one;
  /* Each processor has a queue of its own: frames keep their order on one. */
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  if (sched_setaffinity(0, sizeof one, &one)) return perror("affinity"), 1;
  if (argc != 3 || to < 0 || from < 0) return perror("socket"), 1;
  while (read(0, &length, 4) == 4 && length <= sizeof frame && read(0, frame, length) == (ssize_t)length) {
    unsigned char mark[60] = {[12] = 0x88, [13] = 0xb5};
    memcpy(mark + 14, &n, 4);
    n++;
    if (send(to, frame, length, 0) < 0 || send(to, mark, sizeof mark, 0) < 0) return perror("send"), 1;
    for (int passed = 0;;) {
      struct pollfd ready = {from, POLLIN, 0};
      struct sockaddr_ll who;
      socklen_t size = sizeof who;
      if (poll(&ready, 1, 10000) != 1) return fprintf(stderr, "frame %u: nothing arrives\\n", n), 1;
      ssize_t bytes = recvfrom(from, got, sizeof got, 0, (struct sockaddr *)&who, &size);
      if (who.sll_pkttype == PACKET_OUTGOING) continue;
      if (bytes == (ssize_t)length && !memcmp(got, frame, length)) passed = 1;
      if (bytes == sizeof mark && !memcmp(got, mark, sizeof mark)) {
        puts(passed ? "PASS" : "DROP");
        break;
      }
    }
  }
  return 0;
}
`;

let packets: Uint8Array[] = [];
let expected: string[] = [];

/** What becomes of the packets on the interface with the program. */
function verdicts(): string[] {
  const input = Buffer.concat(packets.flatMap((packet) => [Buffer.from(Uint32Array.of(packet.length).buffer), Buffer.from(packet)]));
  const printed = execFileSync('nsenter', inside(join(folder, 'probe'), 'beyond', 'under'), { input, encoding: 'utf8' });
  return printed.trim().split('\n');
}

const attached = (): boolean => execFileSync('ip', ['-n', NAMESPACE, 'link', 'show', 'dev', 'under'], { encoding: 'utf8' }).includes('xdp');

beforeAll(async () => {
  if (!ready) return;
  ip('link', 'add', 'under', 'type', 'veth', 'peer', 'name', 'beyond');
  for (const name of ['under', 'beyond']) ip('link', 'set', name, 'up');
  writeFileSync(join(folder, 'probe.c'), PROBE);
  execFileSync('cc', ['-O2', '-Wall', '-Werror', '-o', join(folder, 'probe'), join(folder, 'probe.c')], { stdio: 'pipe' });
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
  if (network) execFileSync('ip', ['netns', 'del', NAMESPACE]);
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!ready)('an exported packet program on an interface', () => {
  test('without it, every packet arrives', () => {
    expect(new Set(expected)).toEqual(new Set(['DROP', 'PASS']));
    expect(verdicts()).toEqual(packets.map(() => 'PASS'));
  });

  test('loaded by the C loader, it drops and passes what our engine says, until the loader is interrupted', async () => {
    const loader: ChildProcess = spawn('nsenter', inside(join(folder, 'loader'), 'under', join(folder, 'weights.bin')), {
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
      expect(attached()).toBe(true);
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
    expect(attached()).toBe(false);
  }, 60_000);

  test('loaded and attached by the bpftool script, it does the same, until it is detached', () => {
    const env = { ...process.env, PIN: `/sys/fs/bpf/${NAMESPACE}`, OBJECT: join(folder, 'model.o') };
    const script = (...args: string[]): string =>
      execFileSync('nsenter', inside('sh', join(folder, 'model.sh'), ...args), {
        env,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    try {
      expect(script('load')).toMatch(/xdp/);
      script('attach', 'under');
      expect(attached()).toBe(true);
      expect(verdicts()).toEqual(expected);
      script('mode', 'off');
      expect(verdicts()).toEqual(packets.map(() => 'PASS'));
      script('mode', 'compiled');
      expect(verdicts()).toEqual(expected);
      expect(script('counters')).toMatch(/"?key"?:/);
      expect(() => script('mode', 'fast')).toThrow(/mode wants compiled\|enforce\|shadow\|off/);
      expect(script('show')).toMatch(/\.data\.weights|data_weights|weights/);
      script('detach', 'under');
      expect(attached()).toBe(false);
      expect(verdicts()).toEqual(packets.map(() => 'PASS'));
    } finally {
      script('unload');
    }
  }, 60_000);
});
