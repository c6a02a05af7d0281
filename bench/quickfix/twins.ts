/** The accepted case of the corpus that is a rejected one repaired by hand, and whether a mended program behaves as it does. */
import { isJump, jumpTarget, OP_LDDW } from '../../src/bpf/insn.ts';
import type { Program } from '../../src/bpf/program.ts';
import type { Kernel, KernelProgram } from '../../src/companion/kernel.ts';
import { type Case, caseProgram } from '../../src/verifier/corpus.ts';
import { type Input, run, runnableAs, steered } from './inputs.ts';
import { fill, load } from './load.ts';

const MAX_DISTANCE = 6;

/** Words of a case's name that say how it ends or number it. */
const VERDICT_WORDS =
  /\b(good|bad|access|valid|invalid|correct|incorrect|wrong|ok|fail|succeed|success|corner case|missing|missed|no|unchecked|with|using|too|short|full|empty|partial|out-of-bound|range|check|test)\b|[+-]?\d+\b|[(),.:]/g;

const stem = (name: string): string => name.replace(VERDICT_WORDS, ' ').replace(/\s+/g, ' ').trim();

/** Instructions as words that stay equal when code is inserted: jumps without their distance, maps by number. */
const words = (program: Program): string[] =>
  program.insns.map((insn, idx) => {
    const { opcode, dst, src, off, imm } = insn;
    if (isJump(insn)) return `${opcode} ${dst} ${src} ${imm} ${jumpTarget(insn, idx) <= idx ? 'back' : ''}`;
    return `${opcode} ${dst} ${src} ${off} ${opcode === OP_LDDW ? 0 : imm}`;
  });

/** Instructions that are inserted, removed or changed between two programs, at most `cap`. */
function distance(a: readonly string[], b: readonly string[], cap: number): number {
  if (Math.abs(a.length - b.length) >= cap) return cap;
  let row = b.map((_, j) => j + 1);
  row.unshift(0);
  a.forEach((x, i) => {
    const next = [i + 1];
    for (const [j, y] of b.entries()) next.push(Math.min(row[j]! + (x === y ? 0 : 1), row[j + 1]! + 1, next[j]! + 1));
    row = next;
  });
  return Math.min(row.at(-1)!, cap);
}

const numbered = (name: string): string => name.replace(/\d+/g, '#');

/**
 * The accepted case with the same stem, type and kinds of maps that differs least, by at most six instructions; null without one. Names that differ by
 * numbers alone are variants of a test, not repairs of each other.
 */
export function twinOf(test: Case, accepted: readonly Case[]): Case | null {
  const mine = words(caseProgram(test));
  const kinds = (of: Case): string => Object.keys(of.fixups).sort().join();
  let best: Case | null = null;
  let least = MAX_DISTANCE + 1;
  for (const other of accepted) {
    if (other.prog_type !== test.prog_type || kinds(other) !== kinds(test) || stem(other.descr) !== stem(test.descr)) continue;
    if (numbered(other.descr) === numbered(test.descr)) continue;
    const steps = distance(mine, words(caseProgram(other)), least);
    if (steps < least) [best, least] = [other, steps];
  }
  return best;
}

/** What one run left: the returned value, the packet and the maps. */
async function outcome(kernel: Kernel, loaded: KernelProgram, as: Program, input: Input): Promise<string | null> {
  await fill(kernel, loaded.maps, input.bytes);
  const chosen = loaded.maps.at(-1);
  if (as.maps.at(-1)?.name === 'chosen') await chosen?.update(new Uint8Array(4), new Uint8Array(new BigUint64Array([input.chosen]).buffer));
  const done = await run(loaded, as, input);
  if (!done) return null;
  const values: string[] = [];
  for (const map of loaded.maps) {
    const value = map.def.type <= 2 ? await map.lookup(new Uint8Array(map.def.keySize)).catch(() => null) : null;
    values.push(value ? Buffer.from(value).toString('hex') : '-');
  }
  return `${done.returnValue} ${Buffer.from(done.data).toString('hex')} ${values.join()}`;
}

export type Agreement = 'agrees' | 'differs' | 'cannot compare';

/** Runs both on the same inputs; a twin that answers one input in two ways compares with nothing. */
export async function compare(
  kernel: Kernel,
  mended: Program,
  twin: Program,
  inputs: readonly Input[],
  needsBtf: boolean,
): Promise<{ readonly result: Agreement; readonly runs: number }> {
  const ours = runnableAs(steered(mended, 0).program);
  const theirs = runnableAs(steered(twin, 0).program);
  for (const [i, as] of ours.entries()) {
    const a = await load(kernel, as, needsBtf);
    const b = await load(kernel, theirs[i]!, needsBtf);
    let runs = 0;
    let result: Agreement = 'cannot compare';
    if (a.program && b.program) {
      for (const input of inputs) {
        const expected = await outcome(kernel, b.program, as, input);
        const given = await outcome(kernel, a.program, as, input);
        if (expected === null || given === null) continue;
        runs++;
        if (given === expected) {
          result = 'agrees';
          continue;
        }
        const again = await outcome(kernel, b.program, as, input);
        result = again === expected ? 'differs' : 'cannot compare';
        break;
      }
    }
    await a.program?.closeAll();
    await b.program?.closeAll();
    if (runs > 0) return { result, runs };
  }
  return { result: 'cannot compare', runs: 0 };
}
