import { cutOf } from '../../reference/compare.ts';
import { Scorer } from '../../replay/runner.ts';
import { packetBatches } from '../../traces/capture/capture.ts';
import { ethernetFrame } from '../../traces/frames.ts';
import { loadParts } from '../../vm/load-parts.ts';
import type { BlobRef } from '../document.ts';
import { type CallContext, type Handler, serveRpc } from '../rpc.ts';
import type { ShareColumns, SharedProgram } from '../share-views.ts';
import { Batches } from './batches.ts';
import { hold, leave, sourceOf } from './blobs.ts';
import { RUN_LIMIT_MS, Slices } from './slices.ts';

/** One of several workers that share a trace: each runs the packets that it is given on a machine of its own. */
let present: { readonly key: string; readonly scorer: Scorer; readonly cut: number } | null = null;

/** Takes a program; false where it is not given and not there. */
async function prepare({ key, shared }: { key: string; shared: SharedProgram | null }): Promise<boolean> {
  if (present?.key === key) return true;
  if (!shared) return false;
  await loadParts(shared.program);
  const scorer = new Scorer(shared.program, shared.meta, RUN_LIMIT_MS);
  present = { key, scorer, cut: cutOf(shared.meta?.model.nodes ?? []) };
  return true;
}

async function share(
  { trace, columns, events }: { trace: BlobRef; columns: ShareColumns; events: number },
  context: CallContext,
): Promise<void> {
  const { scorer, cut } = present!;
  const { from, linkType, timeNs } = columns;
  const batches = new Batches(from, context, cut, events, scorer.vm.engine);
  const slices = new Slices(context, batches, 0);
  let at = 0;
  for await (const { data } of packetBatches(sourceOf(trace), columns, 0, timeNs.length)) {
    for (const bytes of data) {
      scorer.packet(ethernetFrame(linkType[at]!, bytes, trace.name), timeNs[at]!);
      batches.add(scorer.score, scorer.verdict, scorer.output, scorer.executed);
      at++;
      if (slices.due(at)) await slices.rest(at);
    }
  }
  slices.end();
}

serveRpc(self as unknown as DedicatedWorkerGlobalScope, { hold, leave, prepare, share } as Record<string, Handler>, () => 'Replaying');
