import type { CompileOptions, Quant } from '../compiler/api.ts';
import { type SearchCost, searchPrecision, type Trial } from '../compiler/precision-search.ts';
import { createReference } from '../reference/reference.ts';
import { packetInputsOf } from '../replay/packet-inputs.ts';
import { productsOf, type TrialEvents, trialsOf } from '../replay/precision-trials.ts';
import { tell } from './io.ts';
import type { LoadedModel } from './model.ts';

export interface Searched {
  readonly quant: Quant;
  /** Whether it agrees often enough; otherwise it is the finest precision. */
  readonly met: boolean;
  readonly minAgreement: number;
  readonly trials: readonly Trial[];
}

/** The cheapest precisions that agree with ONNX Runtime on `minAgreement` of the events. Says on stderr what it tries. */
export async function searchQuant(
  { bytes, file, externalData, model, fitted }: LoadedModel,
  options: Omit<CompileOptions, 'quant'>,
  events: TrialEvents,
  { minAgreement, cost }: { readonly minAgreement: number; readonly cost: SearchCost },
): Promise<Searched> {
  const reference = await createReference(bytes, { fileName: file, externalData });
  try {
    const { measure } = trialsOf(options, events, [reference, model, fitted, fitted ? packetInputsOf(fitted, model) : undefined]);
    const found = await searchPrecision({
      products: productsOf(options),
      minAgreement,
      cost,
      measure,
      report: ({ quant, agreement, insns, bytes: size, kept }) =>
        tell(
          `${kept ? 'kept ' : 'tried'} ${quant}: agreement ${(agreement * 100).toFixed(2)} %, ${insns} instructions an event, ${size} bytes`,
        ),
    });
    if (!found.met)
      tell(
        `no precision agrees with ONNX Runtime on ${(minAgreement * 100).toFixed(2)} % of the calibration's events; ${found.quant} is the finest`,
      );
    return { ...found, minAgreement };
  } finally {
    await reference.release();
  }
}
