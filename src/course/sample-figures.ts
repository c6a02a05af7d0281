/** Where the samples that have figures keep them, below the folder of samples: their shipped results, or figures alone. */
export const FIGURE_FILES: Readonly<Record<string, string>> = { 'payload-ids': 'payload/shipped.json', stories: 'stories/figures.json' };

function shippedFigures(shipped: unknown): Readonly<Record<string, number | string>> {
  const { model, program, verified, replay } = shipped as {
    model: {
      parameterCount: number;
      nodes: readonly { op: string; output: { dims: readonly number[] } | null }[];
      inputs: readonly { dims: readonly number[] }[];
    };
    program: { code: { base64: string }; subprogs: readonly unknown[]; maps: readonly unknown[]; progType: number };
    verified: { processed: number; totalStates: number; stackDepth: string; kernel: string };
    replay: { total: number };
  };
  const tokens = model.inputs[0].dims.at(-1)!;
  const width = model.nodes.find(({ op }) => op === 'Gather')!.output!.dims.at(-1)!;
  const padding = /=*$/.exec(program.code.base64)![0].length;
  return {
    parameters: model.parameterCount,
    nodes: model.nodes.length,
    tokens,
    width,
    // Of 16 bits each.
    rows: tokens * width * 2,
    insns: ((program.code.base64.length / 4) * 3 - padding) / 8,
    subprogs: program.subprogs.length,
    maps: program.maps.length,
    processed: verified.processed,
    states: verified.totalStates,
    stack: Math.max(...verified.stackDepth.split('+').map(Number)),
    kernel: verified.kernel,
    events: replay.total,
  };
}

/**
 * Figures that lessons may name, from the document shipped with a sample: its results (`shipped.json`) or figures alone (`figures.json`). CI computes both anew
 * and compares.
 */
export function figuresIn(document: unknown): Readonly<Record<string, number | string>> {
  return 'replay' in (document as object) ? shippedFigures(document) : (document as Record<string, number | string>);
}
