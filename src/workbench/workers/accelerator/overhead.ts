import { InputError } from '../../../base/errors.ts';
import { overheadCurve } from '../../../hooks/accelerator/overhead.ts';
import type { OverheadView } from '../../accelerator-views.ts';
import type { BlobRef } from '../../document.ts';
import type { CallContext } from '../../rpc.ts';
import { bytesOf } from '../blobs.ts';
import { keep, programsOf, stopIfCancelled, theHost } from './handlers.ts';
import { DEVICE_KEY, HOST_KEY, setBounds, setUp, setUpRequest } from './setup.ts';
import { OnDevice } from './source.ts';

const COUNTS = [0, 1, 2, 4, 8, 16];
const REQUEST = { request: 1, tenant: 1, token: 0, firstSeq: 0 };

/** Programs of the shipped uses that are compared, by their hook; with what the article says of one like it. */
const COMPARED = [
  { use: 'validate', hook: 'validate_tensor', articleNs: 1800 },
  { use: 'shape_provenance', hook: 'validate_tensor', articleNs: null },
  { use: 'sign_activations', hook: 'complete', articleNs: 7000 },
] as const;

/** What a number of programs on a hook adds to one pass of the model, on devices of their own with the present parameters. */
export async function overhead({ objects }: { objects: Readonly<Record<string, BlobRef>> }, context: CallContext): Promise<OverheadView> {
  const { source, session } = theHost();
  const sized = await source.sized(1);
  const series: OverheadView['series'][number][] = [];
  for (const [at, { use, hook, articleNs }] of COMPARED.entries()) {
    context.progress('running the pass', at, COMPARED.length);
    await new Promise((go) => setTimeout(go, 0));
    stopIfCancelled(context);
    const blob = objects[use];
    if (!blob) throw new InputError('its object is missing', use);
    keep(blob.hash, bytesOf(blob));
    const program = programsOf(blob.hash).find((each) => each.hook === hook);
    if (!program) throw new InputError(`it has no program for ${hook}`, use);
    setUp(use, program.maps);
    // Shapes alone: what one copy of it found to be vouched for, the next would not check again.
    if (use === 'shape_provenance') setBounds(program.maps, false);
    const { points, fit } = overheadCurve({
      counts: COUNTS,
      parameters: session.parameters,
      program: () => program,
      pass: (device) => {
        device.enclave.put(HOST_KEY, session.hostKey);
        device.enclave.put(DEVICE_KEY, session.hostKey);
        setUpRequest(use, program.maps, device, REQUEST.request, REQUEST.tenant);
        return new OnDevice(sized, device, session.hostKey, false).pass(REQUEST, 'signed').commands;
      },
    });
    const one = points[1]!;
    series.push({
      name: program.name,
      points: points.map(({ programs, overheadNs }) => ({ hooks: programs, ns: overheadNs })),
      slopeNs: fit.slope,
      interceptNs: fit.intercept,
      r2: fit.r2,
      insns: one.insns / one.runs,
      runNs: one.engineNs / one.runs,
      articleNs,
    });
  }
  return { series };
}
