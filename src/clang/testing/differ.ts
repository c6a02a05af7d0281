import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomOf } from '../../base/random.ts';
import type { Program } from '../../bpf/program.ts';
import type { Kernel } from '../../companion/kernel.ts';
import { programBtf } from '../../object/program-btf.ts';
import { readObject } from '../../object/reader.ts';
import { type Cpu, compileC } from '../compile.ts';
import { formatDiagnostic } from '../diagnostics.ts';
import { builtinHeaders } from '../headers/tree.ts';
import type { FileTree } from '../toolchain.ts';

const PACKET_BYTES = 64;

/** What a comparison of one source came to. */
export interface Differences {
  /** Programs that both compilers' code was run for, on every input. */
  compared: number;
  runs: number;
  /** Results that differ: program, input, ours, clang's. */
  readonly different: string[];
  /** Accepted from clang, refused from us: with the kernel's message. */
  readonly lost: string[];
  /** Refused in clang's code, and whether ours was. */
  readonly refused: string[];
  /** Instructions of all compared programs. */
  insns: { ours: number; clang: number };
}

function writeTree(tree: FileTree, folder: string, run: (path: string, text: string) => void): void {
  for (const [name, item] of Object.entries(tree)) {
    if (typeof item === 'string') run(join(folder, name), item);
    else if (!(item instanceof Uint8Array)) writeTree(item, join(folder, name), run);
  }
}

/** The object that a native clang makes of the same source with the same headers. */
export function nativeObject(source: string, cpu: string, optimize: string, compiler = 'clang-19'): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-c-'));
  try {
    const include = join(folder, 'include');
    execFileSync('mkdir', ['-p', join(include, 'bpf'), join(include, 'linux')]);
    writeTree(builtinHeaders(), include, (path, text) => writeFileSync(path, text));
    writeFileSync(join(folder, 'program.c'), source);
    const args = ['-target', 'bpf', `-mcpu=${cpu}`, `-O${optimize}`, '-g', `-I${include}`, '-c', 'program.c', '-o', 'program.o'];
    execFileSync(compiler, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    return new Uint8Array(readFileSync(join(folder, 'program.o')));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Packets that programs take their inputs from: small numbers, limits, and random ones. */
function packets(seed: number, count: number): Uint8Array[] {
  const random = randomOf(seed);
  const corners = [
    0n,
    1n,
    2n,
    7n,
    0x7fn,
    0x80n,
    0xffn,
    0x7fffn,
    0xffffn,
    0x7fff_ffffn,
    0x8000_0000n,
    0xffff_ffffn,
    1n << 63n,
    (1n << 64n) - 1n,
  ];
  return Array.from({ length: count }, (_, at) => {
    const view = new DataView(new ArrayBuffer(PACKET_BYTES));
    for (let i = 0; i < 8; i++) {
      const corner = corners[Math.floor(random() * corners.length)]!;
      const any = (BigInt(Math.floor(random() * 2 ** 32)) << 32n) | BigInt(Math.floor(random() * 2 ** 32));
      view.setBigUint64(i * 8, at % 2 === 0 || random() < 0.3 ? corner : any, true);
    }
    return new Uint8Array(view.buffer);
  });
}

async function results(kernel: Kernel, program: Program, inputs: readonly Uint8Array[]): Promise<string[] | { message: string }> {
  // Types matter to functions that are verified by themselves alone; loading them takes as long as all the rest.
  const types = program.subprogs.length > 1 ? { btf: programBtf(program) } : {};
  const loaded = await kernel.load(program, { logLevel: 0, ...types });
  if (!loaded.program) {
    const again = await kernel.load(program, { logLevel: 1, ...types });
    await again.program?.closeAll();
    return { message: `${again.message ?? `errno ${again.errno}`}` };
  }
  const found: string[] = [];
  for (const packet of inputs) {
    const run = await loaded.program.testRun(packet);
    found.push(`${run.errno}:${run.returnValue}:${Buffer.from(run.data.subarray(0, 16)).toString('hex')}`);
  }
  await loaded.program.closeAll();
  return found;
}

/** Runs every program of a source as we and as a native clang compile it, on the same packets in the kernel. */
export async function compareWithClang(
  kernel: Kernel,
  source: string,
  cpu: Cpu,
  optimize: '1' | '2' | 's',
  inputs: number,
): Promise<Differences> {
  const ours = await compileC(source, { cpu, optimize });
  if (!ours.object) throw new Error(ours.diagnostics.map(formatDiagnostic).join('\n'));
  return compareObjects(kernel, ours.object, nativeObject(source, cpu, optimize), inputs);
}

/** The same for two objects of one source. */
export async function compareObjects(kernel: Kernel, ours: Uint8Array, clang: Uint8Array, inputs: number): Promise<Differences> {
  const byName = new Map(readObject(clang, 'program.o').programs.map((program) => [program.name, program]));
  const all: Differences = { compared: 0, runs: 0, different: [], lost: [], refused: [], insns: { ours: 0, clang: 0 } };
  const data = packets(1, inputs);
  for (const program of readObject(ours, 'program.o').programs) {
    const other = byName.get(program.name)!;
    const [mine, theirs] = [await results(kernel, program, data), await results(kernel, other, data)];
    if ('message' in theirs) {
      all.refused.push(`${program.name}: ${theirs.message}; ours ${'message' in mine ? `too: ${mine.message}` : 'accepted'}`);
      continue;
    }
    if ('message' in mine) {
      all.lost.push(`${program.name}: ${mine.message}`);
      continue;
    }
    all.compared++;
    all.runs += data.length;
    all.insns.ours += program.insns.length;
    all.insns.clang += other.insns.length;
    const at = mine.findIndex((result, i) => result !== theirs[i]);
    if (at >= 0) all.different.push(`${program.name}, input ${at}: ${mine[at]}, clang ${theirs[at]}`);
  }
  return all;
}
