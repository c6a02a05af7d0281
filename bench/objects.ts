/**
 * `npm run long objects [FOLDER] [FILTER]`: the objects that two clangs make of `bench/objects/*.c` here and now, and those below a folder,
 * in the kernel, through libbpf, and here (object-judge.ts). Needs clang-16 and clang-19 too.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judgeObjects } from './object-judge.ts';

/** How the C files beside are compiled: debug information is left out where a file has no maps that need it. */
const BUILDS: readonly (readonly [compiler: string, cpu: string, level: string, debug: boolean])[] = [
  ['clang-16', 'v2', 'O2', true],
  ['clang-16', 'v3', 'Os', true],
  ['clang-16', 'v3', 'O2', false],
  ['clang-19', 'v1', 'O2', true],
  ['clang-19', 'v3', 'O2', true],
  ['clang-19', 'v4', 'O1', true],
];
const NO_MAPS = new Set(['context.c', 'returns.c', 'legacy.c', 'stack.c']);

/** Compiles the C files beside into folders named after the compiler; returns what a compiler refused. */
function buildOwn(folder: string): string[] {
  const sources = join(import.meta.dirname, 'objects');
  const refused: string[] = [];
  for (const [compiler, cpu, level, debug] of BUILDS) {
    const name = `${compiler} -mcpu=${cpu} -${level}${debug ? ' -g' : ''}`;
    mkdirSync(join(folder, name), { recursive: true });
    for (const file of readdirSync(sources).filter((entry) => entry.endsWith('.c') && (debug || NO_MAPS.has(entry)))) {
      const flags = [
        '-target',
        'bpf',
        `-mcpu=${cpu}`,
        `-${level}`,
        ...(debug ? ['-g'] : []),
        '-w',
        '-idirafter',
        '/usr/include/x86_64-linux-gnu',
      ];
      const run = spawnSync(compiler, [...flags, '-c', join(sources, file), '-o', join(folder, name, file.replace(/c$/, 'o'))], {
        encoding: 'utf8',
      });
      if (run.status !== 0) refused.push(`${name} ${file}: ${/error: (.*)/.exec(run.stderr)?.[1] ?? 'not compiled'}`);
    }
  }
  return refused;
}

export default function measure([folder, filter = '']: string[]): object {
  const built = mkdtempSync(join(tmpdir(), 'bpformer-own-objects-'));
  const uncompiled = buildOwn(built);
  const own = judgeObjects(built, filter);
  rmSync(built, { recursive: true });
  return { own: { uncompiled, ...own }, ...(folder === undefined ? {} : { folder: judgeObjects(folder, filter) }) };
}
