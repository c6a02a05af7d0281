/**
 * `npm run long mutate [COUNT] [SEED] [PARSER]`: files of every kind that can be opened, changed by rules of their formats, COUNT in all. Each is read, or refused in words of ours that
 * name the place. Anything else is a finding: another error, a hang, a death, memory over the limit. A finding names its parser, seed and index, which make
 * the same input again, and lies in `.cache/findings/` as a file. Readers take turns; an interrupt (Ctrl-C) ends the run with the orders that are under way, and what was read until then is
 * its result.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Order, Report } from './mutate/child.ts';
import { PARSERS } from './mutate/parsers.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
/** The longest that one input may take, of processor time: the machine may be busy with other things. */
const HANG_MS = 2000;
/** The same by the clock, for what waits and never comes. */
const STILL_MS = 60_000;
const WATCH_MS = 100;
const HEAP_MB = 1024;
/** Inputs of one order: a process is begun anew after so many, as its memory only grows. */
const BATCH = 4000;
/** A clock tick of /proc, in ms. */
const TICK_MS = 10;
const MOST_LIKE = 3;

interface Finding {
  readonly parser: string;
  readonly index: number;
  readonly what: string;
}

interface Tally {
  inputs: number;
  read: number;
  refused: number;
  findings: number;
  slowestMs: number;
  slowest: number;
  mostMB: number;
}

const cpuMs = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
};

class Run {
  readonly findings: Finding[] = [];
  readonly tallies: Record<string, Tally> = {};
  readonly #folder = mkdtempSync(join(tmpdir(), 'bpformer-mutate-'));
  readonly #keep = join(here, '..', '.cache', 'findings');
  readonly #alike = new Map<string, number>();
  #workers = 0;

  found(order: Order, index: number, what: string, bytes?: string): void {
    const tally = this.tallies[order.parser]!;
    tally.findings++;
    // The same defect is told a few times, and counted always.
    const key = `${order.parser} ${what.replace(/\d+|`[^`]*`|"[^"]*"/g, '#').slice(0, 160)}`;
    const times = (this.#alike.get(key) ?? 0) + 1;
    this.#alike.set(key, times);
    if (times > MOST_LIKE) return;
    this.findings.push({ parser: order.parser, index, what: what.slice(0, 400) });
    console.error(`${order.parser} seed ${order.seed} index ${index}: ${what.slice(0, 400)}`);
    if (bytes === undefined) return;
    mkdirSync(this.#keep, { recursive: true });
    writeFileSync(join(this.#keep, `${order.parser.replaceAll(' ', '-')}-${order.seed}-${index}`), Buffer.from(bytes, 'base64'));
  }

  /** Has orders carried out until there are none, in one process after another. */
  async work(next: () => Order | null): Promise<void> {
    const place = join(this.#folder, `at-${this.#workers++}`);
    writeFileSync(place, Buffer.alloc(8));
    for (let order = next(); order; order = next()) await this.#carryOut(order, place);
  }

  async #carryOut(order: Order, place: string): Promise<void> {
    this.tallies[order.parser] ??= { inputs: 0, read: 0, refused: 0, findings: 0, slowestMs: 0, slowest: 0, mostMB: 0 };
    const tally = this.tallies[order.parser]!;
    for (let from = order.from; from < order.to; ) {
      const ended = await this.#process({ ...order, from }, place, tally);
      if (ended === null) break;
      this.found(order, ended.index, ended.what);
      from = ended.index + 1;
    }
    tally.inputs += order.to - order.from;
  }

  /** Null when the order is done; else the input that ended the process. */
  #process(order: Order, place: string, tally: Tally): Promise<{ index: number; what: string } | null> {
    const child: ChildProcess = fork(join(here, 'mutate', 'child.ts'), [place], {
      execArgv: ['--import', 'tsx', `--max-old-space-size=${HEAP_MB}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    return new Promise((resolve) => {
      let [index, since, cpu, why, errors, done, begun] = [-1, performance.now(), 0, '', '', false, false];
      child.stderr!.on('data', (data: Buffer) => {
        errors = (errors + data.toString()).slice(-3000);
      });
      const watch = setInterval(() => {
        if (!begun || child.exitCode !== null) return;
        const where = readFileSync(place);
        const at = where.readUInt32LE(4) === 1 ? where.readUInt32LE(0) : -1;
        let used: number;
        try {
          used = cpuMs(child.pid!);
        } catch {
          return;
        }
        if (at !== index || at < 0) [index, since, cpu] = [at, performance.now(), used];
        else if (used - cpu > HANG_MS) why = `takes more than ${HANG_MS} ms`;
        else if (performance.now() - since > STILL_MS) why = `stands still for ${STILL_MS} ms`;
        if (why !== '') child.kill('SIGKILL');
      }, WATCH_MS);
      child.on('message', (message: Report | { kind: 'ready' }) => {
        if (message.kind === 'ready') {
          writeFileSync(place, Buffer.alloc(8));
          begun = true;
          child.send(order);
        } else if (message.kind === 'finding') this.found(order, message.index, message.what, message.bytes);
        else {
          done = true;
          tally.read += message.read;
          tally.refused += message.refused;
          tally.mostMB = Math.max(tally.mostMB, message.mostMB);
          if (message.slowestMs > tally.slowestMs) [tally.slowestMs, tally.slowest] = [message.slowestMs, message.slowest];
          child.disconnect();
        }
      });
      child.on('exit', (code, signal) => {
        clearInterval(watch);
        if (done) return resolve(null);
        const at = Math.max(order.from, readFileSync(place).readUInt32LE());
        resolve({
          index: at,
          what: why || `ends the process (${signal ?? code}): ${errors.trim().split('\n').slice(-6).join(' | ').slice(0, 400)}`,
        });
      });
    });
  }

  end(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

export default async function measure([count = '1000000', seed = '1', only]: string[]): Promise<unknown> {
  const parsers = PARSERS.filter(({ name }) => only === undefined || name === only);
  const parts = parsers.reduce((sum, { part = 1 }) => sum + part, 0);
  const orders: Order[] = [];
  for (const { name, part = 1 } of parsers) {
    const each = Math.ceil((Number(count) * part) / parts);
    for (let from = 0; from < each; from += BATCH)
      orders.push({ parser: name, seed: Number(seed), from, to: Math.min(each, from + BATCH) });
  }
  // By turns, so that a run that is ended early has read files of every kind.
  orders.sort((a, b) => a.from - b.from);
  process.once('SIGINT', () => {
    orders.length = 0;
  });
  const run = new Run();
  const started = performance.now();
  const total = orders.length;
  const next = (): Order | null => {
    const order = orders.shift() ?? null;
    if (order && orders.length % 10 === 0)
      console.error(
        `${total - orders.length} of ${total} orders, ${Math.round((performance.now() - started) / 1000)} s, ${run.findings.length} kinds of findings`,
      );
    return order;
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 2) }, () => run.work(next)));
  run.end();
  const tallies = Object.values(run.tallies);
  const sum = (of: (tally: Tally) => number): number => tallies.reduce((all, tally) => all + of(tally), 0);
  const findings = sum((tally) => tally.findings);
  if (findings > 0) process.exitCode = 1;
  return {
    inputs: sum(({ inputs }) => inputs),
    findings,
    seconds: Math.round((performance.now() - started) / 1000),
    parsers: run.tallies,
    limitsMB: Object.fromEntries(parsers.map(({ name, limitMB }) => [name, limitMB])),
    told: run.findings,
  };
}
