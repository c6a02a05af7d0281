import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whether a command can be run here and ends well. */
export const works = (command: string, ...args: string[]): boolean => {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/**
 * Sends frames on one interface, and says of each what became of it: `PASS` where the other interface's stack got it, `TX` and the frame in hexadecimal where one came back, else `DROP`. Behind each go two marks, which every program here passes, the second when
 * the first has arrived: whatever came of the frame has then been delivered, since one processor keeps the order.
 */
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
static unsigned char frame[65536], got[65536], back[65536];
static int open_on(const char *name) {
  struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(3), .sll_ifindex = (int)if_nametoindex(name)};
  int fd = socket(AF_PACKET, SOCK_RAW, htons(3));
  return fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) ? -1 : fd;
}
/* The next frame that came in; -1 when \`patience\` ms went by. */
static ssize_t next(int fd, unsigned char *into, int patience) {
  for (;;) {
    struct pollfd ready = {fd, POLLIN, 0};
    struct sockaddr_ll who;
    socklen_t size = sizeof who;
    if (poll(&ready, 1, patience) != 1) return -1;
    ssize_t bytes = recvfrom(fd, into, sizeof got, 0, (struct sockaddr *)&who, &size);
    if (who.sll_pkttype != PACKET_OUTGOING) return bytes;
  }
}
int main(int argc, char **argv) {
  int to = open_on(argv[1]), from = open_on(argv[2]);
  uint32_t length, n = 0;
  cpu_set_t one;
  /* Each processor has a queue of its own: frames keep their order on one. */
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  if (sched_setaffinity(0, sizeof one, &one)) return perror("affinity"), 1;
  if (argc != 3 || to < 0 || from < 0) return perror("socket"), 1;
  while (read(0, &length, 4) == 4 && length <= sizeof frame && read(0, frame, length) == (ssize_t)length) {
    int passed = 0;
    if (send(to, frame, length, 0) < 0) return perror("send"), 1;
    for (int marks = 0; marks < 2; marks++) {
      unsigned char mark[60] = {[12] = 0x88, [13] = 0xb5};
      n++;
      memcpy(mark + 14, &n, 4);
      if (send(to, mark, sizeof mark, 0) < 0) return perror("send"), 1;
      for (;;) {
        ssize_t bytes = next(from, got, 10000);
        if (bytes < 0) return fprintf(stderr, "mark %u: nothing arrives\\n", n), 1;
        if (bytes == (ssize_t)length && !memcmp(got, frame, length)) passed = 1;
        if (bytes == sizeof mark && !memcmp(got, mark, sizeof mark)) break;
      }
    }
    ssize_t bytes = next(to, back, 0);
    if (bytes < 0) {
      puts(passed ? "PASS" : "DROP");
      continue;
    }
    printf("TX ");
    for (ssize_t i = 0; i < bytes; i++) printf("%02x", back[i]);
    puts("");
  }
  return 0;
}
`;

/** A network namespace with a pair of interfaces, `under` and `beyond`, on which packets really arrive. */
export class Wire {
  readonly namespace: string;
  readonly #folder: string;

  /** Null where there can be none. `folder` is for the program that sends; `name` tells namespaces of one machine apart. */
  static open(folder: string, name: string): Wire | null {
    if (!works('cc', '--version') || !works('ip', 'netns', 'add', name)) return null;
    return new Wire(folder, name);
  }

  private constructor(folder: string, namespace: string) {
    this.namespace = namespace;
    this.#folder = folder;
    const ip = (...args: string[]): void => void execFileSync('ip', ['-n', namespace, ...args], { stdio: 'pipe' });
    // Without IPv6 no frames but those that are sent.
    const quiet = 'f=/proc/sys/net/ipv6/conf/default/disable_ipv6; [ ! -e "$f" ] || echo 1 > "$f"';
    execFileSync('nsenter', this.inside('sh', '-c', quiet), { stdio: 'pipe' });
    ip('link', 'add', 'under', 'type', 'veth', 'peer', 'name', 'beyond');
    for (const end of ['under', 'beyond']) ip('link', 'set', end, 'up');
    writeFileSync(join(folder, 'probe.c'), PROBE);
    execFileSync('cc', ['-O2', '-Wall', '-Werror', '-o', join(folder, 'probe'), join(folder, 'probe.c')], { stdio: 'pipe' });
  }

  /** Arguments with which `nsenter` runs a command in the namespace. */
  inside(...command: string[]): string[] {
    return [`--net=/run/netns/${this.namespace}`, ...command];
  }

  /** What becomes of frames that arrive at `under`: `PASS`, `DROP`, or `TX` and the frame that went back, in hexadecimal. */
  send(frames: readonly Uint8Array[]): string[] {
    const input = Buffer.concat(frames.flatMap((frame) => [Buffer.from(Uint32Array.of(frame.length).buffer), Buffer.from(frame)]));
    const printed = execFileSync('nsenter', this.inside(join(this.#folder, 'probe'), 'beyond', 'under'), { input, encoding: 'utf8' });
    return printed.trim().split('\n');
  }

  /** Whether a program is attached to `under`. */
  attached(): boolean {
    return execFileSync('ip', ['-n', this.namespace, 'link', 'show', 'dev', 'under'], { encoding: 'utf8' }).includes('xdp');
  }

  close(): void {
    execFileSync('ip', ['netns', 'del', this.namespace]);
  }
}
