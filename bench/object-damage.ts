import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../src/base/errors.ts';
import { randomOf } from '../src/base/random.ts';
import { runningKernel } from '../src/companion/kernel-target.ts';
import { readObject } from '../src/object/reader.ts';

/**
 * `npm run long object-damage [CHANGES] [SEED]`: objects of every clang that is installed, cut at every byte and changed at random places. Each is read
 * or refused by one line that says what and where; anything else ends the run.
 */
const COMPILERS = ['clang-13', 'clang-14', 'clang-15', 'clang-16', 'clang-19', 'clang-22'];
const VALUES = [0, 1, 0x7f, 0x80, 0xff];
const WIDTHS = [1, 1, 2, 4, 8];

export default async function measure(args: string[]): Promise<unknown> {
  const changes = Number(args[0] ?? 20_000);
  const seed = Number(args[1] ?? 1);
  const testdata = fileURLToPath(new URL('../src/object/testdata/', import.meta.url));
  const sources = readdirSync(testdata).filter((name) => name.endsWith('.c'));
  const compilers = COMPILERS.filter((name) => spawnSync(name, ['--version']).status === 0);
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-damage-'));
  const figures = { compilers, objects: 0, cut: 0, changed: 0, read: 0, refused: 0, slowestMs: 0 };
  const look = (bytes: Uint8Array, about: string): void => {
    const started = performance.now();
    try {
      readObject(bytes, 'bad.o', runningKernel());
      figures.read++;
    } catch (error) {
      if (!(error instanceof InputError)) throw new Error(`${about}: ${String(error)}`, { cause: error });
      if (!/^bad\.o[^\n]*$/.test(error.message) || /Infinity|NaN|undefined/.test(error.message))
        throw new Error(`${about}: ${error.message}`);
      figures.refused++;
    }
    figures.slowestMs = Math.max(figures.slowestMs, Math.round(performance.now() - started));
  };
  // The kernel's types take half a second, once.
  runningKernel().btf();
  const random = randomOf(seed);
  const below = (count: number): number => Math.floor(random() * count);
  for (const compiler of compilers)
    for (const source of sources) {
      const path = join(folder, 'object.o');
      const options = ['-target', 'bpf', '-O2', '-g', '-I/usr/include/x86_64-linux-gnu', '-c', join(testdata, source), '-o', path];
      if (spawnSync(compiler, options).status !== 0) continue;
      execFileSync('test', ['-s', path]);
      const good = new Uint8Array(readFileSync(path));
      figures.objects++;
      for (let length = 0; length < good.length; length++) {
        look(good.subarray(0, length), `${compiler} ${source} cut at ${length}`);
        figures.cut++;
      }
      const each = Math.ceil(changes / (compilers.length * sources.length));
      for (let at = 0; at < each; at++) {
        const bytes = good.slice();
        for (let count = 1 + below(4); count > 0; count--) {
          const place = below(bytes.length);
          bytes.fill(below(2) ? VALUES[below(VALUES.length)]! : below(256), place, place + WIDTHS[below(WIDTHS.length)]!);
        }
        look(bytes, `${compiler} ${source} seed ${seed} change ${at}`);
        figures.changed++;
      }
    }
  rmSync(folder, { recursive: true });
  return figures;
}
