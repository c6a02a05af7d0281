import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import { ValueReader } from '../../replay/program-values.ts';
import type { ProgramSpec } from '../clients.ts';
import { type BlobRef, EMPTY_PROJECT } from '../document.ts';
import type { CallContext } from '../rpc.ts';
import { hold, leave } from './blobs.ts';
import { valuesOfEvents } from './values-of-events.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

const read = (name: string) => new Uint8Array(readFileSync(new URL(`../../../public/samples/payload/${name}`, import.meta.url)));

function blob(name: string): BlobRef {
  const bytes = read(name);
  const hash = createHash('sha256').update(bytes).digest('hex');
  hold({ hash, bytes });
  return { hash, name, size: bytes.length };
}

const json = (name: string) => JSON.parse(new TextDecoder().decode(read(name)));
const quiet: CallContext = { progress: () => {}, emit: () => {}, cancelled: false };

it('goes on with one machine through a trace, and keeps it no longer than the project', async () => {
  const model = blob('payload-ids.onnx');
  const trace = blob('heldout.pcap');
  const program: ProgramSpec = {
    key: 'walked',
    from: {
      kind: 'model',
      model: { key: 'model', model, dims: { batch: 1 } },
      calibration: json('calibration.json'),
      binding: json('binding.json'),
    },
    options: { ...EMPTY_PROJECT.options, dims: { batch: 1 } },
    fork: null,
  };
  const packet = vi.spyOn(ValueReader.prototype, 'packet');
  const machines = () => new Set(packet.mock.contexts).size;
  const look = (event: number) => valuesOfEvents({ program, trace, events: [event], remembers: false }, quiet);
  await look(0);
  await look(3);
  expect(machines()).toBe(1);
  leave({ gone: [], unusedMs: -1 });
  await look(4);
  expect(machines()).toBe(2);
});
