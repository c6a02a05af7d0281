/** tshark that stays: one start for thousands of captures (`tshark-server.c`). Needs Linux, a C compiler and a tshark that links libwiretap at run time. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { pcapFile } from '../src/traces/testing/capture-files.ts';

const SOURCE = fileURLToPath(new URL('tshark-server.c', import.meta.url));

/** Answers are kept from run to run: what a tshark that is served in the same way says of a capture does not change. */
const KEPT = fileURLToPath(new URL('../.cache/tshark/', import.meta.url));

/** Answers about one capture after another; asks one at a time. */
export class TsharkServer {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tshark-server-'));
  readonly #child: ChildProcess;
  /** Answers that have come and were not taken. */
  #ended = 0;
  readonly #key: string;
  #wake: (() => void) | null = null;
  #failed: Error | null = null;

  /** `args` as of every run, without `-r`; protocols of `disabled` are not read, as if their boxes were cleared in Wireshark's settings. */
  constructor(args: readonly string[], disabled: readonly string[] = []) {
    const library = join(this.#folder, 'server.so');
    execFileSync('cc', ['-O1', '-shared', '-fPIC', '-o', library, SOURCE, '-ldl']);
    const version = execFileSync('tshark', ['--version'], { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#key = createHash('sha256')
      .update(version)
      .update(readFileSync(SOURCE))
      .update(JSON.stringify([args, disabled]))
      .digest('hex');
    mkdirSync(KEPT, { recursive: true });
    const settings = join(this.#folder, 'settings');
    mkdirSync(settings);
    writeFileSync(join(settings, 'disabled_protos'), `${disabled.join('\n')}\n`);
    const empty = join(this.#folder, 'empty.pcap');
    writeFileSync(empty, pcapFile([]));
    this.#child = spawn('tshark', ['-n', ...args, '-r', empty], {
      env: { ...process.env, LD_PRELOAD: library, WIRESHARK_CONFIG_DIR: settings },
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    const fail = (error: Error) => {
      this.#failed ??= error;
      this.#wake?.();
    };
    this.#child.on('error', fail);
    this.#child.on('exit', (code) => fail(new Error(`tshark ended with ${code} instead of serving`)));
    (this.#child.stdio[4] as Readable).on('data', (piece: Buffer) => {
      this.#ended += piece.length;
      this.#wake?.();
    });
  }

  /** What tshark writes about the capture at `path`, up to where it stopped. */
  async ask(path: string): Promise<string> {
    const kept = join(KEPT, `${createHash('sha256').update(this.#key).update(readFileSync(path)).digest('hex')}.gz`);
    if (existsSync(kept)) return gunzipSync(readFileSync(kept)).toString();
    const [out, errors] = [join(this.#folder, 'stdout'), join(this.#folder, 'stderr')];
    (this.#child.stdio[3] as Duplex).write(`${path}\t${out}\t${errors}\n`);
    while (this.#ended === 0) {
      if (this.#failed) throw this.#failed;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#ended--;
    const told = readFileSync(out);
    writeFileSync(kept, gzipSync(told, { level: 1 }));
    return told.toString();
  }

  close(): void {
    (this.#child.stdio[3] as Duplex).end();
    rmSync(this.#folder, { recursive: true });
  }
}

/** Filter names of all protocols that tshark knows and that can be left out. */
export function allProtocols(): string[] {
  const table = execFileSync('tshark', ['-G', 'protocols'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 24 });
  return table
    .split('\n')
    .map((line) => line.split('\t')[2] ?? '')
    .filter(Boolean);
}
