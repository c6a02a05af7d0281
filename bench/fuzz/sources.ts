import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isFuncAddress } from '../../src/bpf/insn.ts';
import type { MapDef, Program } from '../../src/bpf/program.ts';
import { caseProgram, parseCases } from '../../src/verifier/corpus.ts';
import { Dice } from '../../src/verifier/testing/dice.ts';
import { structuredProgram } from '../../src/verifier/testing/generator/program.ts';
import { mutate } from '../verifier-mutate.ts';
import { clangPrograms, encoderPrograms } from '../verifier-programs.ts';

/** Mutations of programs larger than this take most of the time for few new situations: they are one in five hundred. */
const LARGE = 1500;
const SEED_OF_MUTATED = 1_000_000_007;

/** Static functions alone need no types: without them, mutations may call where they like. */
function untyped(program: Program): Program {
  const needsTypes = program.subprogs.slice(1).some(({ linkage }) => linkage === 'global') || program.insns.some(isFuncAddress);
  return needsTypes ? program : { ...program, subprogs: program.subprogs.slice(0, 1) };
}

/** Maps with a lock need types to be created. */
const plain = (def: MapDef): boolean => def.spinLockOff === undefined && def.type !== 24;

/** Accepted cases whose maps and functions need no types. */
function corpusSeeds(): Program[] {
  const folder = process.env.BPFORMER_CORPUS;
  if (!folder) return [];
  return parseCases(readFileSync(join(folder, 'verifier-raw.jsonl'), 'utf8'))
    .filter((test) => test.verdict618 === 'accept' && !test.needs_btf && !test.attach && test.kfuncs.length === 0)
    .filter((test) => !Object.keys(test.fixups).some((kind) => /timer|kptr|spin_lock|sk_storage/.test(kind)))
    .map(caseProgram)
    .map((program) => ({ ...program, name: 'fuzz', maps: program.maps.map((def, i) => ({ ...def, name: `m${i}` })) }));
}

/** Where the fuzzer's programs come from: a seed decides which kind, and the program. */
export class Sources {
  readonly #small: Program[];
  readonly #large: Program[];

  constructor() {
    const all = [
      ...corpusSeeds(),
      ...clangPrograms(['v4']).map(({ program }) => program),
      ...encoderPrograms(4).map(({ program }) => program),
    ]
      .filter(({ maps, kfuncCalls }) => maps.every(plain) && kfuncCalls.size === 0)
      .map(untyped);
    this.#small = all.filter((program) => program.insns.length <= LARGE);
    this.#large = all.filter((program) => program.insns.length > LARGE);
  }

  program(seed: number): { kind: string; program: Program } {
    const dice = new Dice(seed);
    if (dice.chance(60)) return { kind: 'structured', program: structuredProgram(seed) };
    if (dice.chance(55))
      return { kind: 'mutated structured', program: mutate(structuredProgram(seed ^ SEED_OF_MUTATED, { mistakes: 0 }), dice) };
    if (this.#large.length > 0 && dice.below(100) === 0) return { kind: 'mutated large', program: mutate(dice.pick(this.#large), dice) };
    return { kind: 'mutated', program: mutate(dice.pick(this.#small), dice) };
  }
}
