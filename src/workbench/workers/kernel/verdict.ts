import { Cancelled } from '../../../base/progress.ts';
import type { Program } from '../../../bpf/program.ts';
import type { Hello, LoadReply } from '../../../companion/protocol.ts';
import { loadRemote } from '../../../companion/remote.ts';
import type { Btf } from '../../../object/btf.ts';
import { writeObject } from '../../../object/writer.ts';
import type { KernelVersion, VerifyResult } from '../../../verifier/api.ts';
import { type LogPair, pairLogs, lineOf as textOfLine } from '../../../verifier/logfile/pair.ts';
import { verify } from '../../../verifier/verify.ts';
import type { ProgramSpec } from '../../clients.ts';
import type { KernelVerdict, LogRow, MatrixCell, VerdictView } from '../../kernel-views.ts';
import { type CallContext, Transferred } from '../../rpc.ts';
import { Recent } from '../blobs.ts';
import { asking, lineOf, profileOf } from './line.ts';
import { programFor } from './program.ts';

interface Logs {
  readonly bytes: readonly [Uint8Array, Uint8Array];
  readonly pair: LogPair;
}

/** Pairs of logs that the panel may still ask lines of. */
const logs = new Recent<Logs>(2);
const PROCESSED_LIMIT = 1_000_000;

function ourVerdict(
  program: Program,
  kernel: KernelVersion,
  level: number,
  cpus: number,
  btf: Btf | null,
  context: CallContext,
): VerifyResult {
  const result = verify(program, {
    kernel,
    privilege: 'root',
    logLevel: level,
    cpus,
    ...(btf ? { kernelBtf: () => btf } : {}),
    onProgress: (processed) => {
      context.progress('verifying here', processed, PROCESSED_LIMIT);
      return context.cancelled;
    },
  });
  if (context.cancelled) throw new Cancelled();
  return result;
}

const oursOf = ({ accepted, message, insnIdx, processed, totalStates }: VerifyResult): VerdictView => ({
  accepted,
  message,
  insn: insnIdx,
  processed,
  totalStates,
});

const theirsOf = ({ accepted, message, insn, processed, totalStates }: LoadReply): VerdictView => ({
  accepted,
  message,
  insn,
  processed,
  totalStates,
});

interface Asked {
  readonly session: string;
  readonly program: ProgramSpec;
  readonly level: number;
}

/** bpftool's log has paths, every instruction and the statistics, whatever was asked for; and it takes objects alone. */
const BPFTOOL_LEVEL = 7;
const forBackend = ({ backend }: Hello, program: Program, level: number): { logLevel: number; object?: Uint8Array } =>
  backend === 'bpftool'
    ? { logLevel: BPFTOOL_LEVEL, object: writeObject({ ...program, maps: program.maps.map((def) => ({ ...def, pinByName: false })) }) }
    : { logLevel: level };

/** The kernel's verdict with its log, and ours beside it. */
export function verifyThere({ session, program: spec, level }: Asked, context: CallContext): Promise<Transferred<KernelVerdict>> {
  return asking(context, async (signal) => {
    const { line, hello } = await lineOf(session);
    const { program, kernelBtf } = await programFor(spec, line, hello.release, context);
    context.progress('asking the kernel', 0, 0);
    const asked = forBackend(hello, program, level);
    const { reply, log } = await loadRemote(line, program, { ...asked, keep: false }, signal);
    const { profile, exact } = profileOf(reply.release);
    const result = ourVerdict(program, profile, asked.logLevel, hello.cpus, kernelBtf, context);
    const own = result.logBytes();
    const pair = pairLogs(own, log);
    const key = JSON.stringify([spec.key, level, reply.release, Date.now()]);
    logs.set(key, { bytes: [own, log], pair });
    const { errno, verificationUsec, xlatedBytes, jitedBytes, tag, release, cut } = reply;
    const differs = pair.differs.slice();
    const view: KernelVerdict = {
      key,
      program: program.name,
      level,
      ours: oursOf(result),
      theirs: { ...theirsOf(reply), errno, verificationUsec, xlatedBytes, jitedBytes, tag, release, cut },
      profile,
      exact,
      lines: [pair.starts[0].length, pair.starts[1].length],
      differs,
      first: pair.first,
      differing: pair.differing,
    };
    return new Transferred(view, [differs.buffer]);
  });
}

/** A line that nobody reads to its end. */
const MOST_SHOWN = 2000;

/** Lines [from, to) of both logs. */
export function logRows({ key, from, to }: { key: string; from: number; to: number }): LogRow[] {
  const held = logs.get(key);
  if (!held) return [];
  const { bytes, pair } = held;
  const side = (which: 0 | 1, line: number): string | null =>
    line < pair.starts[which].length ? textOfLine(bytes[which], pair.starts[which], line).slice(0, MOST_SHOWN) : null;
  return Array.from(
    { length: Math.max(0, Math.min(to, pair.differs.length) - from) },
    (_, i) => [side(0, from + i), side(1, from + i)] as const,
  );
}

/** A whole log, ours or the kernel's. */
export function wholeLog({ key, side }: { key: string; side: 0 | 1 }): Uint8Array {
  return logs.get(key)?.bytes[side] ?? new Uint8Array(0);
}

/** The verdicts on a program by one version's rules: ours, and a real kernel's where one can be asked. */
export function matrixCell(
  { session, program: spec, kernel }: { session: string; program: ProgramSpec; kernel: KernelVersion },
  context: CallContext,
): Promise<MatrixCell> {
  return asking(context, async (signal) => {
    const { line, hello } = await lineOf(session);
    const { program, kernelBtf } = await programFor(spec, line, hello.release, context);
    const own = profileOf(hello.release);
    const isOwn = own.exact && own.profile === kernel;
    const ours = oursOf(ourVerdict(program, kernel, 0, hello.cpus, isOwn ? kernelBtf : null, context));
    const isGuest = hello.guests.includes(kernel);
    if (!isOwn && !isGuest) return { kernel, ours, real: null, refusal: '' };
    context.progress(isOwn ? 'asking the kernel' : `asking a guest with ${kernel}`, 0, 0);
    try {
      const { reply } = await loadRemote(
        line,
        program,
        { ...(isOwn ? forBackend(hello, program, 4) : { logLevel: 4, guest: kernel }), keep: false },
        signal,
      );
      return { kernel, ours, real: { ...theirsOf(reply), release: reply.release, how: isOwn ? 'this machine' : 'guest' }, refusal: '' };
    } catch (error) {
      if (signal.aborted) throw error;
      return { kernel, ours, real: null, refusal: String((error as Error).message) };
    }
  });
}
