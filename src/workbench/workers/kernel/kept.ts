import { InputError } from '../../../base/errors.ts';
import { disasmKernel } from '../../../bpf/disasm.ts';
import { decodeInsns, OP_LDDW } from '../../../bpf/insn.ts';
import { mapTypeName } from '../../../bpf/maps.ts';
import type { Program } from '../../../bpf/program.ts';
import { CompanionError } from '../../../companion/client.ts';
import type { FeatureRow } from '../../../companion/protocol.ts';
import { type Line, loadRemote, RemoteProgram } from '../../../companion/remote.ts';
import type { ProgramMeta } from '../../../compiler/api.ts';
import type { ProgramSpec } from '../../clients.ts';
import type { KeptMaps, MapPageView } from '../../kernel-views.ts';
import type { CallContext } from '../../rpc.ts';
import { asking, lineOf } from './line.ts';
import { programFor } from './program.ts';

/** The program that stays loaded after its last run, so that its maps can be looked at. */
let kept: { readonly key: string; readonly line: Line; readonly program: Program; readonly remote: RemoteProgram } | null = null;

/** Loads a program with fresh maps in place of the one that was kept. */
export async function keep(
  spec: ProgramSpec,
  line: Line,
  program: Program,
  meta: ProgramMeta | null,
  signal: AbortSignal,
): Promise<RemoteProgram> {
  const before = kept;
  kept = null;
  if (before?.line === line) await before.remote.close().catch(() => {});
  const { reply } = await loadRemote(line, program, { logLevel: 4, keep: true }, signal);
  if (!reply.accepted || reply.handle === null)
    throw new InputError(
      `the kernel rejects the program: ${reply.message ?? `errno ${reply.errno}`}`,
      program.name,
      'What is rejected cannot run',
    );
  const remote = new RemoteProgram(line, reply.handle, program, meta);
  kept = { key: spec.key, line, program, remote };
  return remote;
}

interface Asked {
  readonly session: string;
  readonly program: ProgramSpec;
}

/** Does `work` with the loaded program, which is loaded if it is another, or is gone. */
async function withKept<T>(
  { session, program: spec }: Asked,
  context: CallContext,
  work: (remote: RemoteProgram, program: Program) => Promise<T>,
): Promise<T> {
  return asking(context, async (signal) => {
    const { line, hello } = await lineOf(session);
    const load = async (): Promise<NonNullable<typeof kept>> => {
      const { program, meta } = await programFor(spec, line, hello.release, context);
      await keep(spec, line, program, meta, signal);
      return kept!;
    };
    const here = kept?.key === spec.key && kept.line === line ? kept : await load();
    try {
      return await work(here.remote, here.program);
    } catch (error) {
      const isGone = error instanceof CompanionError && error.status === 410;
      if (!isGone) throw error;
      const again = await load();
      return work(again.remote, again.program);
    }
  });
}

/** The maps of the loaded program. */
export const keptMaps = (asked: Asked, context: CallContext): Promise<KeptMaps> =>
  withKept(asked, context, async (_, { maps }) => ({
    maps: maps.map(({ name, type, keySize, valueSize, maxEntries }) => ({ name, type: mapTypeName(type), keySize, valueSize, maxEntries })),
  }));

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

export const mapPage = (asked: Asked & { map: string; from: number; most: number }, context: CallContext): Promise<MapPageView> =>
  withKept(asked, context, async (remote) => {
    const { entries, more } = await remote.entries(asked.map, asked.from, asked.most);
    return { rows: entries.map(({ key, value }) => ({ key: hex(key), value: hex(value) })), more };
  });

/** Writes an entry; the companion's terminal asks first. */
export const writeEntry = (asked: Asked & { map: string; key: string; value: string }, context: CallContext): Promise<void> =>
  withKept(asked, context, (remote) => remote.update(asked.map, unhex(asked.key, 'key'), unhex(asked.value, 'value')));

function unhex(text: string, where: string): Uint8Array {
  const digits = text.replace(/\s/g, '');
  if (!/^([0-9a-f]{2})+$/i.test(digits)) throw new InputError('must be pairs of hexadecimal digits', where);
  return Uint8Array.from(digits.match(/../g)!, (pair) => Number.parseInt(pair, 16));
}

/** The instructions as the verifier left them, as text; or the machine's own, in hexadecimal. */
export const dumpKept = (asked: Asked & { what: 'xlated' | 'jited' }, context: CallContext): Promise<string> =>
  withKept(asked, context, async (remote) => {
    const bytes = await remote.dump(asked.what);
    return asked.what === 'xlated' ? xlatedText(bytes) : hexLines(bytes);
  });

const ROW = 16;

function hexLines(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += ROW) {
    const row = Array.from(bytes.subarray(at, at + ROW), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${row}`);
  }
  return lines.join('\n');
}

function xlatedText(bytes: Uint8Array): string {
  const insns = decodeInsns(bytes);
  const lines: string[] = [];
  for (let at = 0; at < insns.length; at++) {
    lines.push(`${at}: ${disasmKernel(insns, at)}`);
    if (insns[at]!.opcode === OP_LDDW) at++;
  }
  return lines.join('\n');
}

/** What the kernel has, by asking it. */
export const features = ({ session }: { session: string }, context: CallContext): Promise<readonly FeatureRow[]> =>
  asking(context, async (signal) => {
    const { line } = await lineOf(session);
    const { head } = await line.client.ask('features', {}, [], signal);
    return (head as unknown as { rows: FeatureRow[] }).rows;
  });
