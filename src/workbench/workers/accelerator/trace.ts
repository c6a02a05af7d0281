import { writeCommandTrace } from '../../../hooks/accelerator/command-trace.ts';
import { Device } from '../../../hooks/accelerator/device.ts';
import type { TraceSearch, TraceSummary } from '../../accelerator-views.ts';
import { Transferred } from '../../rpc.ts';
import { theHost } from './handlers.ts';
import { findPlain, windowsOf } from './plain-search.ts';
import { OnDevice } from './source.ts';

const MOST_FOUND = 20;

export function traceSummary(): TraceSummary {
  const { commands, bytes, leftOut } = theHost().trace;
  const kept = commands.flatMap(({ tensors }) => tensors.filter(({ data }) => data !== null));
  return { commands: commands.length, tensors: kept.length, bytes, sealed: kept.filter(({ sealed }) => sealed).length, leftOut };
}

export function traceExport(): Transferred<Uint8Array<ArrayBuffer>> {
  const bytes = writeCommandTrace(theHost().trace.commands);
  return new Transferred(bytes, [bytes.buffer]);
}

/**
 * Looks for bytes in the trace; without any, for the plain activations of the requests that were served: what the units make of the same inputs on a device of
 * its own without programs.
 */
export async function traceSearch({ hex }: { hex: string | null }): Promise<TraceSearch> {
  const host = theHost();
  const texts =
    hex === null ? windowsOf(await plainTensors()) : [Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))];
  const found = findPlain(host.trace.commands, texts);
  return {
    searched: texts.length,
    bytes: host.trace.bytes,
    found: found.slice(0, MOST_FOUND).map(({ tensor, seq }) => ({ tensor, seq })),
    left: Math.max(0, found.length - MOST_FOUND),
  };
}

async function plainTensors(): Promise<Uint8Array[]> {
  const { source, served, session } = theHost();
  const plain: Uint8Array[] = [];
  const done = new Set<string>();
  for (const { request, rows } of served) {
    const sized = await source.sized(rows);
    const key = `${rows} ${request % sized.values.length}`;
    if (done.has(key)) continue;
    done.add(key);
    const device = new Device(session.parameters);
    const { commands } = new OnDevice(sized, device, session.hostKey, false).pass({ request, tenant: 1, token: 0, firstSeq: 0 }, 'none');
    device.submit(commands);
    device.run();
    const places = new Map(
      commands.flatMap(({ tensors }) => tensors.filter(({ role }) => role !== 'weight').map(({ addr, bytes }) => [addr, bytes])),
    );
    for (const [addr, bytes] of places) plain.push(device.memory.read(addr, bytes));
  }
  return plain;
}
