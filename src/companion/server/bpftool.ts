import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { InputError } from '../../base/errors.ts';
import { readObject } from '../../object/reader.ts';
import type { Envelope } from '../envelope.ts';
import { parseLogEnd } from '../log-end.ts';
import type { LoadReply, LoadRequest } from '../protocol.ts';
import type { Answer } from './ask-kernel.ts';
import { LIMITS } from './limits.ts';
import { blobOf } from './schema.ts';

const run = promisify(execFile);
const OPTIONS = { maxBuffer: LIMITS.logBytes + (1 << 20), timeout: LIMITS.workMs } as const;
const [BEGIN, END] = ['-- BEGIN PROG LOAD LOG --\n', '-- END PROG LOAD LOG --'];

const FEW = ['--no-new-privs', '--inh-caps=-all', '--bounding-set=-all,+bpf,+perfmon,+net_admin,+syslog'];

/** A program and its arguments with no more of root's capabilities than loading needs, because it reads an object that the page made; another user's are fewer already. */
export const confined = (program: string, ...args: readonly string[]): [string, string[]] =>
  process.getuid?.() === 0 ? ['setpriv', [...FEW, program, ...args]] : [program, [...args]];

/** Whether bpftool is there and may be run. */
export const hasBpftool = (): Promise<boolean> =>
  run(...confined('bpftool', 'version')).then(
    () => true,
    () => false,
  );

interface Shown {
  readonly bytes_xlated?: number;
  readonly bytes_jited?: number;
  readonly tag?: string;
}

/**
 * Verdicts by bpftool, where no helper can be built. bpftool keeps a program only by a pin, which is taken away at once; whoever calls has asked
 * the user. Its log has every instruction and the statistics, whatever the level that was asked for.
 */
export async function loadByBpftool(request: LoadRequest, envelope: Envelope, signal: AbortSignal): Promise<Answer<LoadReply>> {
  const { object } = request.program;
  if (object === undefined) throw new InputError('bpftool takes objects alone, and none came with the program', 'program.object');
  const bytes = blobOf(envelope, object, 'program.object');
  if (readObject(bytes, 'program.object').maps.some(({ pinByName }) => pinByName))
    throw new InputError('one of its maps would be pinned for good', 'program.object');
  const folder = await mkdtemp(join(tmpdir(), 'bpformer-companion-'));
  const file = join(folder, 'object.o');
  const pin = `/sys/fs/bpf/bpformer_companion_${process.pid}_${Math.floor(performance.now() * 1000)}`;
  try {
    await writeFile(file, bytes);
    let output = '';
    let shown: Shown | null = null;
    try {
      const { stdout, stderr } = await run(...confined('bpftool', '-d', 'prog', 'load', file, pin), { ...OPTIONS, signal });
      output = stdout + stderr;
      shown = JSON.parse((await run(...confined('bpftool', '-j', 'prog', 'show', 'pinned', pin), { ...OPTIONS, signal })).stdout) as Shown;
    } catch (error) {
      const failed = error as { stdout?: string; stderr?: string };
      if (failed.stderr === undefined || signal.aborted) throw error;
      output = `${failed.stdout ?? ''}${failed.stderr}`;
    }
    return replyOf(output, shown);
  } finally {
    await rm(pin, { force: true });
    await rm(folder, { recursive: true, force: true });
  }
}

function replyOf(output: string, shown: Shown | null): Answer<LoadReply> {
  const from = output.indexOf(BEGIN);
  const to = output.indexOf(END, from);
  const accepted = shown !== null;
  if (!accepted && from < 0) throw new InputError(`bpftool does not load it: ${output.trim().split('\n').at(-1) ?? ''}`, 'bpftool');
  const log = from < 0 ? '' : output.slice(from + BEGIN.length, to < 0 ? undefined : to);
  const { message, insnIdx, processed, totalStates, peakStates, stackDepth, verificationUsec } = parseLogEnd(log);
  const head: LoadReply = {
    accepted,
    errno: 0,
    message: accepted ? null : message,
    insn: accepted ? null : insnIdx,
    processed,
    totalStates,
    peakStates,
    stackDepth,
    verificationUsec,
    xlatedBytes: shown?.bytes_xlated ?? null,
    jitedBytes: shown?.bytes_jited ?? null,
    tag: shown?.tag ?? null,
    handle: null,
    release: release(),
    cut: from >= 0 && to < 0,
  };
  return { head, blobs: [new TextEncoder().encode(log)] };
}
