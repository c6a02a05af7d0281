import { InputError } from '../base/errors.ts';
import { randomOf } from '../base/random.ts';
import { assemblePrograms } from '../bpf/asm.ts';
import { disassemble } from '../bpf/listing.ts';
import type { Program } from '../bpf/program.ts';
import type { KernelVersion, VerifyOptions, VerifyResult } from '../verifier/api.ts';
import { explain } from '../verifier/explain/explain.ts';
import { verify } from '../verifier/verify.ts';
import { VmFault } from '../vm/fault.ts';
import { Vm } from '../vm/vm.ts';
import type { CommandCheck } from './command-check.ts';
import { giveMaps, givensOf } from './given-maps.ts';
import type { CheckRow, Grade, GradeHost, Made } from './grade.ts';
import { bytesOf, hex, limitRow, s32 } from './grade-words.ts';
import type { Check, Exercise } from './lesson.ts';

/** Instructions after which a run is given up: an answer may loop for ever where it is run unverified. */
const MOST_INSNS = 5_000_000;

interface RunCheck {
  readonly packet?: string;
  readonly context?: string;
  readonly returns?: number;
  readonly leaves?: string;
  readonly times?: number;
}

interface SameCheck {
  readonly inputs: number;
  readonly packets?: readonly [number, number];
  readonly contexts?: readonly [number, number];
  readonly seed?: number;
  readonly start?: string;
}

/** The one program of an answer in assembly or C, or why there is none. */
export async function makeProgram(kind: 'bpf' | 'c', text: string, host: GradeHost): Promise<Made> {
  if (kind === 'c') return host.compileC(text);
  const { programs, diagnostics } = assemblePrograms(text);
  if (!programs) return { message: diagnostics[0].message, line: diagnostics[0].line };
  if (programs.length !== 1) return { message: `it has ${programs.length} programs, and one is wanted`, line: null };
  return { program: programs[0] };
}

interface Ran {
  readonly returnValue: number;
  readonly packet: Uint8Array | null;
}

/** A run of a program on one input, or what it stumbled over, in words. */
function runOn(vm: Vm, input: { packet: Uint8Array } | { context: Uint8Array }): Ran | string {
  try {
    const { returnValue, packet } = vm.run(input);
    return { returnValue, packet };
  } catch (error) {
    if (error instanceof VmFault || error instanceof InputError) return error.message;
    throw error;
  }
}

function inputOf({ packet, context }: { packet?: string; context?: string }): { packet: Uint8Array } | { context: Uint8Array } {
  return packet === undefined ? { context: bytesOf(context!) } : { packet: bytesOf(packet) };
}

function inputWords({ packet, context }: { packet?: string; context?: string }): string {
  const bytes = bytesOf(packet ?? context!);
  return `${packet === undefined ? 'the context' : 'the packet'} ${hex(bytes)} (${bytes.length} bytes)`;
}

/** Lines of a listing in which a pattern with `*` is found, compared without regard to spaces. */
export function linesWith(program: Program, pattern: string): readonly string[] {
  const escaped = pattern
    .replace(/\s+/g, '')
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  // In code `*` also stands before a load; a pattern's own `*` therefore may be it, too.
  const wanted = new RegExp(escaped.join('.*'));
  return disassemble(program)
    .split('\n')
    .filter((line) => wanted.test(line.replace(/;.*$/, '').replace(/\s+/g, '')));
}

/** One run of a machine whose maps may hold what earlier runs left. */
function runRow(vm: Vm, wanted: RunCheck): { name: string; passed: boolean; observed: string } {
  const times = wanted.times ?? 1;
  let ran: Ran | string = '';
  for (let i = 0; i < times; i++) ran = runOn(vm, inputOf(wanted));
  const again = times > 1 ? `, ${times} times` : '';
  const expected = [
    ...(wanted.returns === undefined ? [] : [`returns ${wanted.returns}`]),
    ...(wanted.leaves === undefined ? [] : [`leaves ${hex(bytesOf(wanted.leaves))}`]),
  ];
  const name = `for ${inputWords(wanted)}${again} it ${expected.join(' and ') || 'ends'}`;
  if (typeof ran === 'string') return { name, passed: false, observed: `For ${inputWords(wanted)} the run stopped: ${ran}` };
  const returned = s32(ran.returnValue);
  const left = hex(ran.packet ?? new Uint8Array());
  const passed =
    (wanted.returns === undefined || returned === s32(wanted.returns)) &&
    (wanted.leaves === undefined || left === hex(bytesOf(wanted.leaves)));
  const packet = wanted.leaves === undefined ? '' : ` and left ${left}`;
  return { name, passed, observed: `For ${inputWords(wanted)}${again} it returned ${returned}${packet}.` };
}

/** Runs one after another on the same maps, up to the first that does something else. */
function runsRow(vm: Vm, wanted: readonly RunCheck[]): { name: string; passed: boolean; observed: string } {
  const name = `${wanted.length} runs one after another, on the same maps, do what they should`;
  for (const [i, one] of wanted.entries()) {
    const row = runRow(vm, one);
    if (!row.passed) return { name, passed: false, observed: `Run ${i + 1} of ${wanted.length}: ${row.observed} Wanted: ${row.name}.` };
  }
  return { name, passed: true, observed: `All ${wanted.length} do.` };
}

type CommandRow = typeof import('./command-check.ts').commandRow;

class ProgramGrader {
  readonly #exercise: Exercise;
  readonly #program: Program;
  readonly #verdict: VerifyResult;
  readonly #options: VerifyOptions;
  readonly #solution: Program | null;
  readonly #commands: CommandRow | null;

  constructor(exercise: Exercise, program: Program, solution: Program | null, commands: CommandRow | null) {
    this.#commands = commands;
    this.#exercise = exercise;
    this.#program = program;
    this.#solution = solution;
    this.#options = { kernel: exercise.kernel as KernelVersion, privilege: 'root', logLevel: 0 };
    this.#verdict = verify(program, this.#options);
  }

  get accepted(): boolean {
    return this.#verdict.accepted;
  }

  row(check: Check): CheckRow {
    const { name, passed, observed } = this.#ran(check);
    return { line: check.line, name, passed, observed, advice: passed ? null : (check.advice ?? this.#ownAdvice(check)) };
  }

  #ran(check: Check): { name: string; passed: boolean; observed: string } {
    try {
      return this.#check(check);
    } catch (error) {
      if (error instanceof InputError) return { name: 'its maps are those of the task', passed: false, observed: error.message };
      throw error;
    }
  }

  #check(check: Check): { name: string; passed: boolean; observed: string } {
    const { processed, stackDepth } = this.#verdict;
    switch (check.kind) {
      case 'accepted':
        return { name: `Linux ${this.#exercise.kernel} accepts it`, passed: this.accepted, observed: this.#verdictWords() };
      case 'rejected': {
        const part = String(check.value);
        const passed = !this.accepted && (this.#verdict.message ?? '').includes(part);
        return { name: `the verifier refuses it with “${part}”`, passed, observed: this.#verdictWords() };
      }
      case 'run':
        return runRow(this.#machine(), check.value as RunCheck);
      case 'runs':
        return runsRow(this.#machine(), check.value as readonly RunCheck[]);
      case 'same':
        return this.#same(check.value as SameCheck);
      case 'map':
        return this.#map(check.value as { name: string; key: string; value: string });
      case 'command':
        return this.#commands!(this.#program, [check.value as CommandCheck | readonly CommandCheck[]].flat());
      case 'insns':
        return limitRow('instructions', this.#program.insns.length, check.value);
      case 'processed':
        return limitRow('instructions processed by the verifier', processed, check.value);
      case 'stack':
        return limitRow('bytes of stack', Math.max(...stackDepth.split('+').map(Number)), check.value);
      case 'uses':
      case 'avoids': {
        const found = linesWith(this.#program, String(check.value));
        const passed = found.length > 0 === (check.kind === 'uses');
        const observed =
          found.length > 0
            ? `It has ${found.length === 1 ? 'the line' : `${found.length} such lines, the first`} “${found[0].trim()}”.`
            : 'No instruction of it looks so.';
        return { name: check.kind === 'uses' ? `it uses ${check.value}` : `it does without ${check.value}`, passed, observed };
      }
      default:
        throw new Error(`no check ${check.kind} of programs`);
    }
  }

  /** Where the author says nothing: what the explanation of a rejection says. */
  #ownAdvice(check: Check): string | null {
    if (check.kind !== 'accepted' || this.accepted) return null;
    const { why, change } = explain(this.#program, this.#verdict, { verify: this.#options, maxTries: 0 });
    return [why, change].filter(Boolean).join(' ') || null;
  }

  #verdictWords(): string {
    const { message, insnIdx, processed } = this.#verdict;
    if (this.accepted) return `The verifier accepted it after ${processed} instructions.`;
    return insnIdx === null ? `The verifier refused it: ${message}` : `The verifier refused instruction ${insnIdx}: ${message}`;
  }

  /** A program with what the exercise gives its maps. Throws an InputError where it has others. */
  #machine(program = this.#program): Vm {
    const vm = new Vm(program, { maxInsns: MOST_INSNS });
    giveMaps(vm, givensOf(this.#exercise.checks));
    return vm;
  }

  #map({ name: mapName, key, value }: { name: string; key: string; value: string }): { name: string; passed: boolean; observed: string } {
    const name = `map ${mapName} holds ${hex(bytesOf(value))} under ${hex(bytesOf(key))} after the runs above`;
    const runs = this.#exercise.checks.flatMap(({ kind, value: one }) =>
      kind === 'run' ? [one] : kind === 'runs' ? (one as unknown[]) : [],
    );
    try {
      const vm = this.#machine();
      for (const one of runs as readonly RunCheck[])
        for (let i = 0; i < (one.times ?? 1); i++) {
          const ran = runOn(vm, inputOf(one));
          if (typeof ran === 'string') return { name, passed: false, observed: `A run stopped: ${ran}` };
        }
      if (!vm.maps.has(mapName)) return { name, passed: false, observed: `The program has no map ${mapName}.` };
      const found = vm.maps.get(mapName).lookup(bytesOf(key));
      const observed = found ? `Map ${mapName} holds ${hex(found)} there.` : `Map ${mapName} has nothing there.`;
      return { name, passed: found !== null && hex(found) === hex(bytesOf(value)), observed };
    } catch (error) {
      if (error instanceof InputError) return { name, passed: false, observed: error.message };
      throw error;
    }
  }

  #same(wanted: SameCheck): { name: string; passed: boolean; observed: string } {
    const name = `on ${wanted.inputs} inputs made at random it does what the reference does`;
    if (!this.#solution) return { name, passed: false, observed: 'The reference of this exercise cannot be made.' };
    const random = randomOf(wanted.seed ?? 1);
    const [least, most] = (wanted.packets ?? wanted.contexts)!;
    const start = bytesOf(wanted.start ?? '');
    const machines = [this.#program, this.#solution].map((program) => this.#machine(program));
    for (let i = 0; i < wanted.inputs; i++) {
      const bytes = new Uint8Array(least + Math.floor(random() * (most - least + 1))).map(() => Math.floor(random() * 256));
      bytes.set(start.subarray(0, bytes.length));
      const input = wanted.packets ? { packet: bytes } : { context: bytes };
      const [own, reference] = machines.map((vm) => runOn(vm, input));
      const words = (ran: Ran | string) => (typeof ran === 'string' ? `stopped (${ran})` : `returned ${s32(ran.returnValue)}`);
      const packetOf = (ran: Ran | string) => (typeof ran === 'string' || !wanted.packets ? '' : hex(ran.packet ?? new Uint8Array()));
      if (words(own) !== words(reference) || packetOf(own) !== packetOf(reference)) {
        const what = inputWords(wanted.packets ? { packet: hex(bytes) } : { context: hex(bytes) });
        const differs = words(own) === words(reference) ? 'the packet that is left differs' : `the reference ${words(reference)}`;
        return { name, passed: false, observed: `For ${what} it ${words(own)}, ${differs}.` };
      }
    }
    return { name, passed: true, observed: `All ${wanted.inputs} agree.` };
  }
}

/** Grades a program in assembly or C. Runs mean nothing for a program that the verifier refuses, and are left out then. */
export async function gradeProgram(exercise: Exercise, answer: string, host: GradeHost): Promise<Grade> {
  const kind = exercise.kind as 'bpf' | 'c';
  const made = await makeProgram(kind, answer, host);
  if ('message' in made) {
    const observed = made.line === null ? made.message : `Line ${made.line}: ${made.message}`;
    const name = kind === 'c' ? 'clang compiles it' : 'it can be assembled';
    return { passed: false, rows: [{ line: exercise.line, name, passed: false, observed, advice: null }], answerLine: made.line };
  }
  const reference = exercise.checks.some(({ kind: check }) => check === 'same') ? await makeProgram(kind, exercise.solution, host) : null;
  // The simulated device is loaded by the exercises that need it.
  const commands = exercise.checks.some(({ kind: check }) => check === 'command') ? (await import('./command-check.ts')).commandRow : null;
  const grader = new ProgramGrader(exercise, made.program, reference && 'program' in reference ? reference.program : null, commands);
  const rows: CheckRow[] = [];
  const wantsRefusal = exercise.checks.some(({ kind: check }) => check === 'rejected');
  for (const check of exercise.checks) {
    if (check.kind === 'given') continue;
    const needsRun = ['run', 'runs', 'same', 'map', 'command'].includes(check.kind);
    if (needsRun && !grader.accepted && !wantsRefusal) continue;
    rows.push(grader.row(check));
  }
  if (!grader.accepted && !wantsRefusal && rows.every(({ passed }) => passed))
    rows.push(grader.row({ line: exercise.line, kind: 'accepted', value: true, advice: null }));
  return { passed: rows.every(({ passed }) => passed), rows, answerLine: null };
}
