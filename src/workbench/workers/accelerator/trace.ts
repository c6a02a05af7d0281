import { Device } from '../../../hooks/accelerator/device.ts';
import type { TraceSearch, TraceSummary } from '../../accelerator-views.ts';
import { Transferred } from '../../rpc.ts';
import { theHost } from './handlers.ts';
import { windowsOf } from './host-trace.ts';
import { OnDevice } from './source.ts';

const MOST_FOUND = 20;

export const traceSummary = (): TraceSummary => theHost().trace.summary;

export function traceExport(): Transferred<Uint8Array<ArrayBuffer>> {
  const bytes = theHost().trace.export();
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
  const found = host.trace.find(texts);
  return {
    searched: texts.length,
    bytes: host.trace.summary.bytes,
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
