import { Attr } from './attr.ts';
import type { Kernel } from './kernel.ts';
import type { KernelMap } from './kernel-map.ts';
import type { CallBuffer } from './loader-process.ts';

const PROG_TEST_RUN = 10;
const PROG_INFO_SIZE = 232;

export interface TestRunOptions {
  /** Runs of which `durationNs` is the mean; default 1. */
  readonly repeat?: number;
  /** Context in place of packet data, for SYSCALL programs. */
  readonly ctx?: Uint8Array;
  /** Context beside the packet data, as `struct xdp_md` or `struct __sk_buff`: for XDP metadata, marks and the like. */
  readonly packetCtx?: Uint8Array;
  /** Room for the packet beyond its length; a program may grow it. Default 256. */
  readonly extraRoom?: number;
}

export interface TestRun {
  /** 0, or a positive errno; the other fields mean nothing then. */
  readonly errno: number;
  /** The program's r0 as u32. */
  readonly returnValue: number;
  /** Mean of the runs as the kernel measured it; for SYSCALL programs the time of the whole call. */
  readonly durationNs: number;
  /** The packet afterwards; for SYSCALL programs the context afterwards. */
  readonly data: Uint8Array;
}

export interface ProgramInfo {
  readonly id: number;
  readonly tag: string;
  readonly jitedBytes: number;
  readonly xlatedBytes: number;
  readonly verifiedInsns: number;
}

/** A program in the kernel, with the maps it was loaded with. */
export class KernelProgram {
  readonly fd: number;
  readonly maps: readonly KernelMap[];
  readonly #kernel: Kernel;

  constructor(kernel: Kernel, fd: number, maps: readonly KernelMap[]) {
    this.#kernel = kernel;
    this.fd = fd;
    this.maps = maps;
  }

  /** The map named `name`; the kernel keeps 15 letters of a name. */
  map(name: string): KernelMap {
    const map = this.maps.find((m) => m.def.name === name) ?? this.maps.find((m) => m.def.name === name.slice(0, 15));
    if (!map) throw new Error(`the program has no map ${name}`);
    return map;
  }

  /** BPF_PROG_TEST_RUN. XDP packets need at least 14 bytes and expose at most 3,520. */
  async testRun(packet: Uint8Array, options: TestRunOptions = {}): Promise<TestRun> {
    const attr = new Attr(80).u32(0, this.fd);
    const buffers: CallBuffer[] = [];
    if (options.ctx) {
      attr.u32(40, options.ctx.length);
      buffers.push({ attrOff: 48, mode: 'both', bytes: options.ctx });
    } else {
      const room = packet.length + (options.extraRoom ?? 256);
      attr
        .u32(8, packet.length)
        .u32(12, room)
        .u32(32, options.repeat ?? 1);
      buffers.push({ attrOff: 16, mode: 'in', bytes: packet }, { attrOff: 24, mode: 'both', size: room });
      if (options.packetCtx) {
        attr.u32(40, options.packetCtx.length);
        buffers.push({ attrOff: 48, mode: 'in', bytes: options.packetCtx });
      }
    }
    const reply = await this.#kernel.loader.bpf(PROG_TEST_RUN, attr.bytes, buffers);
    const measured = reply.attr.getUint32(36, true);
    return {
      errno: reply.result < 0 ? -reply.result : 0,
      returnValue: reply.attr.getUint32(4, true),
      durationNs: options.ctx ? reply.elapsedNs : measured,
      data: options.ctx ? reply.buffers[0] : reply.buffers[0].subarray(0, reply.attr.getUint32(12, true)),
    };
  }

  /** Runs each packet once, in order, and reads `readMap` at `key` after each run. Requests are pipelined. */
  testRunBatch(
    packets: readonly Uint8Array[],
    read?: { readonly map: KernelMap; readonly key: Uint8Array },
  ): Promise<{ run: TestRun; value: Uint8Array | null }[]> {
    return Promise.all(
      packets.map(async (packet) => {
        const run = this.testRun(packet);
        const value = read ? read.map.lookup(read.key) : null;
        return { run: await run, value: await value };
      }),
    );
  }

  async info(): Promise<ProgramInfo> {
    const view = await this.#kernel.info(this.fd, PROG_INFO_SIZE);
    const tag = [...new Uint8Array(view.buffer, view.byteOffset + 8, 8)];
    return {
      id: view.getUint32(4, true),
      tag: tag.map((byte) => byte.toString(16).padStart(2, '0')).join(''),
      jitedBytes: view.getUint32(16, true),
      xlatedBytes: view.getUint32(20, true),
      verifiedInsns: view.getUint32(216, true),
    };
  }

  /** Forgets the program; its maps stay until they are closed. */
  async close(): Promise<void> {
    await this.#kernel.loader.closeFd(this.fd);
  }

  /** Forgets the program and its maps. */
  async closeAll(): Promise<void> {
    await Promise.all([this.close(), ...this.maps.map((map) => map.close())]);
  }
}
