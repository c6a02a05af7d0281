import { InputError } from '../base/errors.ts';
import { ACCEL_HOOKS, ACCEL_STACK_BYTES } from '../bpf/accelerator/hooks.ts';
import { CONTEXT_LAYOUT } from '../bpf/accelerator/layout.ts';
import { HELPERS } from '../bpf/helpers.ts';
import { MAP_TYPE_NAMES } from '../bpf/maps.ts';
import type { Program } from '../bpf/program.ts';
import { PROG_TYPE_NAMES } from '../bpf/progtypes.ts';
import { STRATEGIES } from '../compiler/strategy.ts';
import type { KernelVersion, VerifyOptions } from '../verifier/api.ts';
import { LIMIT_INSNS } from '../verifier/env.ts';
import { explain } from '../verifier/explain/explain.ts';
import { MAX_FRAMES, MAX_STACK } from '../verifier/state.ts';
import { verify } from '../verifier/verify.ts';
import type { Exercise, Lesson } from './lesson.ts';
import { exercisesOf } from './lesson.ts';
import { KERNELS } from './read.ts';

type Value = number | string;

/** Facts that lessons name instead of stating them. */
export interface Facts {
  /** Throws an {@link InputError} for a name that no fact has. */
  value(name: string): Promise<Value>;
}

/** What makes a program of an exercise's text; null where it does not become one. */
export type Maker = (exercise: Exercise, text: string) => Promise<Program | null>;

/** Figures of a sample by name, from what is shipped with it; null where there is no such sample. */
export type SampleFigures = (sample: string) => Promise<Readonly<Record<string, Value>> | null>;

/** Entries of the tables that assembler, verifier and engine share. */
const TABLES: Readonly<Record<string, Value>> = {
  'linux.stack': MAX_STACK,
  'linux.frames': MAX_FRAMES,
  'linux.helpers': HELPERS.filter((helper, id) => id > 0 && helper !== undefined).length,
  'linux.program-types': PROG_TYPE_NAMES.length - 1,
  'linux.map-types': MAP_TYPE_NAMES.length - 1,
  'linux.processed': LIMIT_INSNS,
  'linux.kernels': `${KERNELS.slice(0, -1).join(', ')} and ${KERNELS.at(-1)}`,
  ...Object.fromEntries(STRATEGIES.map(({ name, linux }) => [`strategy.${name}.since`, linux])),
  'accelerator.hooks': ACCEL_HOOKS.length,
  'accelerator.stack': ACCEL_STACK_BYTES,
  'accelerator.context': CONTEXT_LAYOUT.bytes,
};

const PROGRAM_FIGURES = ['insns', 'processed', 'stack', 'message', 'refused', 'proved', 'lost'];

function figureOf(program: Program, exercise: Exercise, figure: string): Value {
  if (figure === 'insns') return program.insns.length;
  const options: VerifyOptions = { kernel: exercise.kernel as KernelVersion, privilege: 'root', logLevel: 0 };
  const result = verify(program, options);
  const { processed, stackDepth, message, insnIdx } = result;
  if (figure === 'proved' || figure === 'lost') {
    const told = result.accepted ? null : explain(program, result, { verify: options, maxTries: 0 });
    return (figure === 'proved' ? told?.provedAt : told?.lostAt) ?? 'none';
  }
  if (figure === 'processed') return processed;
  if (figure === 'stack') return Math.max(...stackDepth.split('+').map(Number));
  return figure === 'message' ? (message ?? 'accepted') : (insnIdx ?? 'none');
}

/**
 * The facts that a lesson may name: `linux.…` and `accelerator.…` from the tables, `exercise.ID.start|solution.FIGURE` of its own programs, computed by assembler
 * and verifier, and `sample.ID.FIGURE`. A value is computed once.
 */
export function lessonFacts(lesson: Lesson, make: Maker, sample: SampleFigures): Facts {
  const known = new Map<string, Promise<Value>>();
  const compute = async (name: string): Promise<Value> => {
    if (Object.hasOwn(TABLES, name)) return TABLES[name];
    const [first, id = '', third = '', figure = ''] = name.split('.');
    if (first === 'exercise') {
      const exercise = exercisesOf(lesson).find((one) => one.id === id);
      const text = third === 'start' ? exercise?.start : third === 'solution' ? exercise?.solution : undefined;
      if (exercise && text !== undefined && PROGRAM_FIGURES.includes(figure) && (exercise.kind === 'bpf' || exercise.kind === 'c')) {
        const program = await make(exercise, text);
        if (!program) throw new InputError(`the ${third} of exercise ${id} does not become a program`, name);
        return figureOf(program, exercise, figure);
      }
      throw new InputError(`it is exercise.ID.start|solution and one of ${PROGRAM_FIGURES.join(', ')}`, name);
    }
    if (first === 'sample') {
      const figures = await sample(id);
      if (figures && Object.hasOwn(figures, third)) return figures[third];
      throw new InputError(figures ? `sample ${id} has ${Object.keys(figures).join(', ')}` : `there is no sample ${id}`, name);
    }
    throw new InputError(`there is no such fact: there are ${Object.keys(TABLES).join(', ')}, exercise.… and sample.…`, name);
  };
  return {
    value(name) {
      let found = known.get(name);
      if (!found) {
        found = compute(name);
        known.set(name, found);
      }
      return found;
    },
  };
}
