import { InputError } from '../../../base/errors.ts';
import { Cancelled } from '../../../base/progress.ts';
import { CompanionClient, CompanionError } from '../../../companion/client.ts';
import type { Hello } from '../../../companion/protocol.ts';
import type { Line } from '../../../companion/remote.ts';
import type { KernelVersion } from '../../../verifier/api.ts';
import type { CallContext } from '../../rpc.ts';

interface Connection {
  readonly session: string;
  readonly line: Line;
  readonly hello: Hello;
  readonly ended: Promise<void>;
}

let connection: Promise<Connection> | null = null;

async function open(session: string): Promise<Connection> {
  const client = new CompanionClient('', session);
  const { lease, hello, ended } = await client.lease(new AbortController().signal);
  const opened = { session, line: { client, lease }, hello, ended };
  const own = connection;
  void ended.then(() => {
    if (connection === own) connection = null;
  });
  return opened;
}

/** The line to the companion, opened when first asked for. */
export async function lineOf(session: string): Promise<Connection> {
  const known = await connection?.catch(() => null);
  if (known && known.session === session) return known;
  connection = open(session);
  try {
    return await connection;
  } catch (error) {
    connection = null;
    throw said(error);
  }
}

/** Errors of the companion as panels show them. */
export function said(error: unknown): unknown {
  if (!(error instanceof CompanionError)) return error;
  const { error: what, where, advice } = error.reply;
  return new InputError(what, where === 'companion' ? '' : where, advice);
}

const LISTEN_MS = 50;

/** Does `work`, which stops asking the companion when the page no longer wants the answer. */
export async function asking<T>(context: CallContext, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const listening = setInterval(() => {
    if (context.cancelled) stop.abort();
  }, LISTEN_MS);
  try {
    return await work(stop.signal);
  } catch (error) {
    if (stop.signal.aborted || context.cancelled) throw new Cancelled();
    throw said(error);
  } finally {
    clearInterval(listening);
  }
}

const PROFILES: readonly KernelVersion[] = ['5.15', '6.1', '6.6', '6.12', '6.18'];
const numbers = (version: string): number => {
  const [major, minor] = version.split('.').map((part) => Number.parseInt(part, 10));
  return (major ?? 0) * 1000 + (minor ?? 0);
};

/** Our rules that are nearest to a kernel's, from its release, and whether they are those of that very version. */
export function profileOf(release: string): { profile: KernelVersion; exact: boolean } {
  const own = numbers(release);
  const profile = PROFILES.findLast((version) => numbers(version) <= own) ?? PROFILES[0]!;
  return { profile, exact: numbers(profile) === own };
}

/** Holds the line; ends when it is cut. */
export async function connect({ session }: { session: string }, context: CallContext): Promise<void> {
  const { hello, ended } = await lineOf(session);
  context.emit(hello);
  await ended;
}
