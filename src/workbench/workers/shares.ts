import { whyNotShared } from '../../replay/sharing.ts';
import type { ProgramSpec } from '../clients.ts';
import type { BlobRef } from '../document.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import type { ShareColumns, SharedProgram } from '../share-views.ts';
import { heldProgram } from './programs.ts';
import { heldTrace } from './traces.ts';

/** The program as other workers run it, and why they may not share the trace. */
export async function sharedProgram(
  { program: spec, trace }: { program: ProgramSpec; trace: BlobRef },
  context: CallContext,
): Promise<SharedProgram> {
  const { program, meta, compiled } = await heldProgram(spec, context);
  const held = await heldTrace(trace, context);
  const unshared =
    held.kind === 'tensors'
      ? 'inputs of a tensor file are few, and run in one worker'
      : held.packets.capture.packing
        ? `the capture is packed with ${held.packets.capture.packing}, which is unpacked from its beginning`
        : whyNotShared(program, compiled !== null);
  const { insns, maps, subprogs, kfuncCalls, name, section, progType, expectedAttachType, sleepable, loadFlags, license } = program;
  const bare = { name, section, progType, expectedAttachType, sleepable, loadFlags, license, insns, maps, subprogs, kfuncCalls };
  return { unshared, program: { ...bare, lineInfo: [], origins: [], insnOrigins: [] }, meta };
}

/** Where packets [from, to) lie in their file, and when they came. */
export async function shareColumns(
  { trace, from, to }: { trace: BlobRef; from: number; to: number },
  context: CallContext,
): Promise<Transferred<ShareColumns>> {
  const held = await heldTrace(trace, context);
  if (held.kind !== 'packets') throw new Error('only packets are shared');
  const { packets } = held;
  const { columns } = packets.capture;
  const length = to - from;
  const made: ShareColumns = {
    from,
    offset: columns.offset.slice(from, to),
    captured: columns.captured.slice(from, to),
    linkType: Uint16Array.from({ length }, (_, at) => packets.capture.linkType(from + at)),
    timeNs: Float64Array.from({ length }, (_, at) => packets.timeNs(from + at)),
  };
  return new Transferred(
    made,
    [made.offset, made.captured, made.linkType, made.timeNs].map(({ buffer }) => buffer as ArrayBuffer),
  );
}
