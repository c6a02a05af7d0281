import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../../base/errors.ts';
import type { Verb } from '../main.ts';
import { accelVerb } from '../verbs/accel.ts';
import { asmVerb, disasmVerb } from '../verbs/asm.ts';
import { compileVerb } from '../verbs/compile.ts';
import { conformanceVerb } from '../verbs/conformance.ts';
import { explainVerb } from '../verbs/explain.ts';
import { featuresVerb } from '../verbs/features.ts';
import { reduceVerb } from '../verbs/reduce.ts';
import { replayVerb } from '../verbs/replay.ts';
import { runVerb } from '../verbs/run.ts';
import { verifyVerb } from '../verbs/verify.ts';
import { weightsVerb } from '../verbs/weights.ts';

const VERBS: Readonly<Record<string, Verb>> = {
  accel: accelVerb,
  asm: asmVerb,
  compile: compileVerb,
  conformance: conformanceVerb,
  disasm: disasmVerb,
  explain: explainVerb,
  features: featuresVerb,
  reduce: reduceVerb,
  replay: replayVerb,
  run: runVerb,
  verify: verifyVerb,
  weights: weightsVerb,
};

/** What one call of the command line left behind. */
export interface Answer {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Calls a verb in this process, as `main.ts` does: unusable input is status 2; any other exception fails the test. */
export async function call(verb: string, ...args: string[]): Promise<Answer> {
  let out = '';
  let err = '';
  const { stdout, stderr } = process;
  const [writeOut, writeErr] = [stdout.write, stderr.write];
  stdout.write = (text: string | Uint8Array) => {
    out += String(text);
    return true;
  };
  stderr.write = (text: string | Uint8Array) => {
    err += String(text);
    return true;
  };
  try {
    return { status: await VERBS[verb](args), out, err };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { status: 2, out, err: `${err}${error.message}\n` };
  } finally {
    stdout.write = writeOut;
    stderr.write = writeErr;
  }
}

/** The JSON document that a call printed, and nothing else. */
export async function json<T>(verb: string, ...args: string[]): Promise<{ status: number; value: T }> {
  const answer = await call(verb, ...args, '--json');
  if (answer.status === 2) throw new Error(answer.err);
  if (!/^[^\n]+\n$/.test(answer.out)) throw new Error(`not one line: ${answer.out.slice(0, 200)}`);
  return { status: answer.status, value: JSON.parse(answer.out) as T };
}

/** A folder that `remove` deletes, and a writer of files into it that gives their paths. */
export function scratchFolder(): {
  path: (name: string) => string;
  write: (name: string, data: Uint8Array | string) => string;
  remove: () => void;
} {
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-cli-'));
  const path = (name: string): string => join(folder, name);
  return {
    path,
    write: (name, data) => {
      writeFileSync(path(name), data);
      return path(name);
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** A file of the repository. */
export const inRepo = (path: string): string => new URL(`../../../${path}`, import.meta.url).pathname;
