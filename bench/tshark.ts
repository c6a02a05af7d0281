/** tshark as a judge: what it says of a capture is kept in a file beside the collection, by the capture's hash, so that a second run asks only what is new. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, relative } from 'node:path';

const JOBS = cpus().length;

export interface Told {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs tshark without name resolution; what it wrote before it stopped counts too. */
export function tshark(args: readonly string[]): Promise<Told> {
  return new Promise((resolve, reject) => {
    const child = spawn('tshark', ['-n', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on('data', (piece: Buffer) => out.push(piece));
    child.stderr.on('data', (piece: Buffer) => errors.push(piece));
    child.on('error', reject);
    child.on('close', () => resolve({ stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(errors).toString() }));
  });
}

/** Answers of tshark about captures, kept in `folder`. */
export class TsharkCache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = join(folder, '.tshark');
    mkdirSync(this.#folder, { recursive: true });
  }

  /** What tshark says of the capture at `path` with these arguments. */
  async ask(path: string, args: readonly string[]): Promise<Told> {
    const key = createHash('sha256').update(readFileSync(path)).update(JSON.stringify(args)).digest('hex');
    const kept = join(this.#folder, `${key}.json`);
    if (existsSync(kept)) return JSON.parse(readFileSync(kept, 'utf8')) as Told;
    const told = await tshark([...args, '-r', path]);
    writeFileSync(kept, JSON.stringify(told));
    return told;
  }
}

/** Does `work` for each of `items`, on as many at once as there are processors. */
export async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: JOBS }, async () => {
      while (next < items.length) await work(items[next++]!);
    }),
  );
}

/** Files of a collection, by their paths within it. */
export function* filesOf(folder: string, under = folder): Generator<string> {
  for (const name of readdirSync(under).sort()) {
    const path = join(under, name);
    if (name.startsWith('.') || name.endsWith('.txt')) continue;
    if (statSync(path).isDirectory()) yield* filesOf(folder, path);
    else yield relative(folder, path);
  }
}
