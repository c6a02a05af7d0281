import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** What a buffer of a bpf(2) call is for: sent only, sent and returned, or returned up to its first NUL. */
type BufferMode = 'in' | 'both' | 'string';

/** A buffer whose address belongs into the attributes at `attrOff`. */
export interface CallBuffer {
  readonly attrOff: number;
  readonly mode: BufferMode;
  readonly bytes?: Uint8Array;
  /** Room for the kernel to write; at least `bytes.length`. */
  readonly size?: number;
}

export interface CallReply {
  /** The system call's result, or a negative errno. */
  readonly result: number;
  readonly elapsedNs: number;
  readonly attr: DataView;
  /** Contents of the buffers that come back, in order. */
  readonly buffers: readonly Uint8Array[];
}

const OP_BPF = 0;
const OP_CLOSE = 1;
const OP_AFFINITY = 2;
const OP_CAPABILITIES = 3;
const OP_RING = 4;
const OP_CONFINE = 5;
const OP_DUMP = 6;
const MODES: Record<BufferMode, number> = { in: 0, both: 1, string: 2 };

const source = fileURLToPath(new URL('./kernel-loader.c', import.meta.url));
const cacheDir = fileURLToPath(new URL('../../.cache/', import.meta.url));

/** Path of the compiled loader, built once for each version of its source. A machine without libraries needs a static one. */
export async function buildLoader(kind: 'dynamic' | 'static' = 'dynamic'): Promise<string> {
  const hash = createHash('sha256')
    .update(await readFile(source))
    .digest('hex')
    .slice(0, 16);
  const path = join(cacheDir, `kernel-loader-${kind === 'static' ? 'static-' : ''}${hash}`);
  try {
    await access(path);
    return path;
  } catch {
    await mkdir(cacheDir, { recursive: true });
    // Test files build at the same time: each builds its own and the last rename wins.
    const mine = `${path}.${process.pid}.${Math.floor(performance.now() * 1000)}`;
    await promisify(execFile)('cc', ['-O2', ...(kind === 'static' ? ['-static'] : []), '-o', mine, source]);
    await rename(mine, path);
    return path;
  }
}

function operation(op: number, values: readonly number[]): Uint8Array {
  const words = Uint32Array.of(4 + values.length * 4, op, ...values);
  return new Uint8Array(words.buffer);
}

/** The loader program as a child process: requests are pipelined, replies come back in order. */
export class LoaderProcess {
  readonly #child;
  readonly #waiting: { resolve: (reply: Uint8Array) => void; reject: (error: Error) => void }[] = [];
  #chunks: Uint8Array[] = [];
  #buffered = 0;
  #dead: Error | null = null;

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child;
    this.#child.stdout.on('data', (chunk: Uint8Array) => this.#receive(chunk));
    this.#child.stdin.on('error', (error) => this.#die(error));
    this.#child.on('error', (error) => this.#die(error));
    this.#child.on('exit', (code) => this.#die(new Error(`kernel loader ended with status ${code}`)));
    this.#hold(false);
  }

  static async start(): Promise<LoaderProcess> {
    return LoaderProcess.run(await buildLoader(), []);
  }

  /** A program whose standard input and output lead to a loader: the loader itself, or a machine that runs it. */
  static run(path: string, args: readonly string[]): LoaderProcess {
    return new LoaderProcess(spawn(path, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
  }

  /** One bpf(2) call. `attr` is copied when the call is made. */
  async bpf(cmd: number, attr: Uint8Array, buffers: readonly CallBuffer[] = []): Promise<CallReply> {
    const sizes = buffers.map((b) => Math.max(b.size ?? 0, b.bytes?.length ?? 0));
    const length = 16 + attr.length + buffers.reduce((sum, b) => sum + 16 + (b.bytes?.length ?? 0), 0);
    const frame = new Uint8Array(4 + length);
    const view = new DataView(frame.buffer);
    let at = 0;
    const putU32 = (value: number) => {
      view.setUint32(at, value, true);
      at += 4;
    };
    for (const value of [length, OP_BPF, cmd, attr.length, buffers.length]) putU32(value);
    frame.set(attr, at);
    at += attr.length;
    buffers.forEach((b, i) => {
      for (const value of [b.attrOff, MODES[b.mode], b.bytes?.length ?? 0, sizes[i]]) putU32(value);
      if (b.bytes) frame.set(b.bytes, at);
      at += b.bytes?.length ?? 0;
    });
    const reply = await this.#send(frame);
    const head = new DataView(reply.buffer, reply.byteOffset, reply.byteLength);
    let from = 12 + attr.length;
    const returned: Uint8Array[] = [];
    while (from < reply.length) {
      const size = head.getUint32(from, true);
      returned.push(reply.subarray(from + 4, from + 4 + size));
      from += 4 + size;
    }
    return {
      result: head.getInt32(0, true),
      elapsedNs: Number(head.getBigUint64(4, true)),
      attr: new DataView(reply.buffer, reply.byteOffset + 12, attr.length),
      buffers: returned,
    };
  }

  async closeFd(fd: number): Promise<void> {
    await this.#simple(OP_CLOSE, fd);
  }

  /** What a ring buffer of `size` bytes holds, headers included; the reader's position goes to its end. A negative errno when it is none. */
  async takeRing(fd: number, size: number): Promise<Uint8Array | number> {
    const reply = await this.#send(operation(OP_RING, [fd, size]));
    const result = new DataView(reply.buffer, reply.byteOffset).getInt32(0, true);
    return result < 0 ? result : reply.subarray(12);
  }

  /** Pins the loader, and with it every test run, to one processor. Returns 0 or a negative errno. */
  pin(cpu: number): Promise<number> {
    return this.#simple(OP_AFFINITY, cpu);
  }

  /** Capabilities that following calls have in effect, a bit for each; those that the loader began with stay in reserve. */
  capabilities(mask: bigint): Promise<number> {
    return this.#simple(OP_CAPABILITIES, Number(mask & 0xffffffffn), Number(mask >> 32n));
  }

  /**
   * Capabilities that may be had from here on, for good: root becomes nobody, nothing it starts gains any, and it dies with this process.
   * 0 or a negative errno.
   */
  confine(mask: bigint): Promise<number> {
    return this.#simple(OP_CONFINE, Number(mask & 0xffffffffn), Number(mask >> 32n));
  }

  /** A program's instructions as the verifier left them, or the machine's own; a negative errno where they are not shown. */
  async dump(fd: number, what: 'xlated' | 'jited'): Promise<Uint8Array | number> {
    const reply = await this.#send(operation(OP_DUMP, [fd, what === 'jited' ? 1 : 0]));
    const result = new DataView(reply.buffer, reply.byteOffset).getInt32(0, true);
    return result < 0 ? result : reply.subarray(12);
  }

  /** Ends the call that the kernel works on: a verification then fails with EAGAIN, a test run with EINTR. */
  interrupt(): void {
    this.#child.kill('SIGUSR1');
  }

  /** Settles when the process has ended, whatever the reason. */
  get ended(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) resolve();
      else this.#child.once('exit', () => resolve());
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Ends the process; the kernel closes every descriptor that it held. */
  end(): void {
    this.#dead ??= new Error('kernel loader is closed');
    this.#child.stdin.end();
    this.#child.kill();
  }

  async #simple(op: number, ...values: number[]): Promise<number> {
    const reply = await this.#send(operation(op, values));
    return new DataView(reply.buffer, reply.byteOffset).getInt32(0, true);
  }

  #send(frame: Uint8Array): Promise<Uint8Array> {
    if (this.#dead) return Promise.reject(this.#dead);
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) this.#hold(true);
      this.#waiting.push({ resolve, reject });
      this.#child.stdin.write(frame);
    });
  }

  /** An idle loader must not keep the process alive; one with a reply outstanding must. */
  #hold(hold: boolean): void {
    for (const handle of [this.#child, this.#child.stdin, this.#child.stdout] as { ref?(): void; unref?(): void }[]) {
      if (hold) handle.ref?.();
      else handle.unref?.();
    }
  }

  #receive(chunk: Uint8Array): void {
    // A plain view: slices of a Buffer would be Buffers, which compare and serialise differently.
    this.#chunks.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    this.#buffered += chunk.length;
    while (this.#buffered >= 4) {
      const first = this.#chunks[0].length >= 4 ? this.#chunks[0] : this.#joined();
      const length = new DataView(first.buffer, first.byteOffset).getUint32(0, true);
      if (this.#buffered < 4 + length) return;
      const bytes = this.#joined();
      this.#chunks = bytes.length > 4 + length ? [bytes.subarray(4 + length)] : [];
      this.#buffered -= 4 + length;
      this.#waiting.shift()?.resolve(bytes.slice(4, 4 + length));
      if (this.#waiting.length === 0) this.#hold(false);
    }
  }

  #joined(): Uint8Array {
    if (this.#chunks.length > 1) {
      const joined = new Uint8Array(this.#buffered);
      let at = 0;
      for (const chunk of this.#chunks) {
        joined.set(chunk, at);
        at += chunk.length;
      }
      this.#chunks = [joined];
    }
    return this.#chunks[0];
  }

  #die(error: Error): void {
    this.#dead ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#dead);
  }
}
