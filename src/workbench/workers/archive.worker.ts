import { Cancelled } from '../../base/progress.ts';
import { type ArchiveParts, packArchive, type Rest, unpackArchive } from '../projects/archive.ts';
import { type CallContext, serveRpc, Transferred } from '../rpc.ts';
import { rest, SLICE_MS } from './rest.ts';

function resting(context: CallContext, stage: string): Rest {
  let since = performance.now();
  return async (done, total) => {
    if (performance.now() - since < SLICE_MS) return;
    context.progress(stage, done, total);
    await rest();
    if (context.cancelled) throw new Cancelled();
    since = performance.now();
  };
}

serveRpc(
  self as unknown as DedicatedWorkerGlobalScope,
  {
    leave: () => {},
    pack: async (parts: ArchiveParts, context) => {
      const bytes = await packArchive(parts, resting(context, 'packing'));
      return new Transferred(bytes, [bytes.buffer]);
    },
    unpack: async ({ bytes, where }: { bytes: Uint8Array; where: string }, context) => {
      const parts = await unpackArchive(bytes, where, resting(context, 'unpacking'));
      return new Transferred(
        parts,
        [...parts.blobs.values()].map(({ buffer }) => buffer),
      );
    },
  },
  (method) => (method === 'pack' ? 'Writing the project file' : 'Reading the project file'),
);
