/** Parts of `npm run long kernels`: what the real kernels say about many programs at each privilege, kept between runs. */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeInsns } from '../src/bpf/insn.ts';
import type { MapDef, Program } from '../src/bpf/program.ts';
import type { Kernel, KernelMap, LoadResult } from '../src/companion/kernel.ts';
import { programBtf } from '../src/object/program-btf.ts';
import type { Privilege } from '../src/verifier/api.ts';

/** What a kernel said about one program. */
export interface Answer {
  readonly accepted: boolean;
  readonly errno: number;
  readonly message: string;
  readonly processed: number | null;
}

const CAP_NET_ADMIN = 1n << 12n;
const CAP_BPF = 1n << 39n;
const ALL = (1n << 64n) - 1n;

/** `bpf` is CAP_BPF with what networking programs need, CAP_NET_ADMIN, and without CAP_PERFMON. */
export const CAPABILITIES: Readonly<Record<Privilege, bigint>> = { root: ALL, bpf: CAP_BPF | CAP_NET_ADMIN, unpriv: 0n };

const WINDOW = 32;
const folder = fileURLToPath(new URL('../.cache/kernels/', import.meta.url));

/** The kernel's last words, without the counters and the source line that may follow. */
export function lastWords({ log }: LoadResult): string {
  const said = log.split('\n').filter((line) => line !== '' && !/^(processed \d|verification time|stack depth|; )/.test(line));
  return (said.at(-1) ?? '').replace(/(processed \d+ insns \(limit|verification time \d+).*/, '').trim();
}

const keyOf = (program: Program): string => {
  const { progType, expectedAttachType, sleepable, loadFlags, license, subprogs } = program;
  const maps = program.maps.map((def) => ({ ...def, data: def.data ? Buffer.from(def.data).toString('base64') : undefined }));
  return createHash('sha256')
    .update(encodeInsns(program.insns))
    .update(JSON.stringify([progType, expectedAttachType, sleepable, loadFlags, license, subprogs, maps]))
    .digest('base64url')
    .slice(0, 20);
};

/** Program arrays and cgroup storage belong to the first program that uses them. */
const isBound = (def: MapDef): boolean => [3, 19, 21].includes(def.type);

/** Answers of one kernel, from the file of earlier runs or from the kernel itself, which is only started when something is new. */
export class Answers {
  readonly #file: string;
  readonly #known = new Map<string, Answer>();
  readonly #start: () => Promise<Kernel>;
  #kernel: Promise<Kernel> | null = null;
  readonly #maps = new Map<string, Promise<KernelMap | number>>();

  constructor(name: string, start: () => Promise<Kernel>) {
    mkdirSync(folder, { recursive: true });
    this.#file = join(folder, `${name}.jsonl`);
    this.#start = start;
    if (!existsSync(this.#file)) return;
    for (const line of readFileSync(this.#file, 'utf8').split('\n')) {
      if (line === '') continue;
      const [key, answer] = JSON.parse(line) as [string, Answer];
      this.#known.set(key, answer);
    }
  }

  /** One answer a program, null where its maps or types cannot be made there. */
  async ask(programs: readonly Program[], privilege: Privilege): Promise<(Answer | null)[]> {
    const found: (Answer | null)[] = programs.map(() => null);
    const missing: number[] = [];
    programs.forEach((program, i) => {
      const known = this.#known.get(`${privilege} ${keyOf(program)}`);
      if (known) found[i] = known;
      else missing.push(i);
    });
    if (missing.length === 0) return found;
    this.#kernel ??= this.#start();
    const kernel = await this.#kernel;
    for (let at = 0; at < missing.length; at += WINDOW) {
      const some = missing.slice(at, at + WINDOW);
      const maps = await Promise.all(some.map((i) => this.#mapsOf(kernel, programs[i]!)));
      const status = await kernel.loader.capabilities(CAPABILITIES[privilege]);
      if (status < 0) throw new Error(`the loader cannot change its capabilities (errno ${-status})`);
      const results = await Promise.all(some.map((i, n) => load(kernel, programs[i]!, maps[n]!)));
      await kernel.loader.capabilities(ALL);
      let lines = '';
      for (const [n, i] of some.entries()) {
        const result = results[n];
        for (const map of maps[n] ?? []) if (isBound(map.def)) await map.close();
        if (!result) continue;
        await result.program?.close();
        const { accepted, errno, processed } = result;
        const answer: Answer = { accepted, errno, processed, message: accepted ? '' : lastWords(result) };
        found[i] = answer;
        lines += `${JSON.stringify([`${privilege} ${keyOf(programs[i]!)}`, answer])}\n`;
      }
      appendFileSync(this.#file, lines);
      if (at % 3200 === 0 && at > 0) console.error(`${at} of ${missing.length} asked as ${privilege}`);
    }
    return found;
  }

  async #mapsOf(kernel: Kernel, program: Program): Promise<KernelMap[] | null> {
    const found: KernelMap[] = [];
    const seen = new Map<string, number>();
    for (const def of program.maps) {
      const alike = JSON.stringify({ ...def, name: '', data: def.data ? Buffer.from(def.data).toString('base64') : undefined });
      const nth = seen.get(alike) ?? 0;
      seen.set(alike, nth + 1);
      const key = `${nth} ${alike}`;
      const named = { ...def, name: `m${this.#maps.size}` };
      const making = isBound(def) ? kernel.tryCreateMap(named) : (this.#maps.get(key) ?? kernel.tryCreateMap(named));
      if (!isBound(def)) this.#maps.set(key, making);
      const map = await making;
      if (typeof map === 'number') return null;
      found.push(map);
    }
    return found;
  }
}

async function load(kernel: Kernel, program: Program, maps: readonly KernelMap[] | null): Promise<LoadResult | null> {
  if (!maps) return null;
  // The loader closes maps that it does not know by their own name.
  const named = { ...program, name: 'p', maps: program.maps.map((def, i) => ({ ...def, name: maps[i]!.def.name })) };
  const known = new Map(maps.map((map) => [map.def.name, map]));
  try {
    const btf = program.subprogs.length > 1 ? { btf: programBtf(program) } : {};
    return await kernel.load(named, { logLevel: 4, maps: known, logSize: 1 << 18, ...btf });
  } catch {
    return null;
  }
}
