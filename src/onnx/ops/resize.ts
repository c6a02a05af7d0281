import type { OpContext, OpDef } from './context.ts';

/** Factors of Upsample, or of Resize before opset 11, in input 1 (Upsample 7: an attribute); later ones in input 2, or sizes in input 3. */
function resizedDims(c: OpContext): number[] {
  const { dims } = c.in(0);
  const constant = (i: number, what: string): number[] | null => {
    const value = c.opt(i)?.value;
    if (!c.opt(i)) return null;
    if (!value) c.fail(`its ${what} depend on the data`, 'Export the model with fixed sizes');
    return value.data.length ? Array.from(value.data as Iterable<number | bigint>, Number) : null;
  };
  const old = c.node.op === 'Upsample' || c.opset < 11;
  const sizes = old ? null : constant(3, 'sizes');
  const attr = c.attr('scales');
  const scales = Array.isArray(attr) ? attr.map(Number) : constant(old ? 1 : 2, 'factors');
  const given = sizes ?? scales;
  if (!given) c.fail('it has neither factors nor sizes');
  const axes = c.ints('axes')?.map((axis) => c.axis(axis, dims.length)) ?? dims.map((_, i) => i);
  if (given.length !== axes.length) c.fail(`it has ${given.length} factors or sizes for ${axes.length} dimensions`);
  if (sizes && c.str('keep_aspect_ratio_policy', 'stretch') !== 'stretch') c.fail('it keeps the aspect ratio', 'Give exact sizes');
  const out = [...dims];
  axes.forEach((axis, i) => {
    out[axis] = sizes ? sizes[i] : Math.floor(dims[axis] * given[i]);
  });
  return out;
}

const resize: OpDef = { infer: (c) => [{ dtype: c.in(0).dtype, dims: resizedDims(c) }] };

function blocks(c: OpContext): { n: number; dims: readonly number[] } {
  const n = c.int('blocksize') ?? c.fail('it has no blocksize');
  const { dims } = c.in(0);
  if (dims.length !== 4 || n < 1) c.fail(`its input [${dims.join(', ')}] is no image`);
  return { n, dims };
}

/** Operators that change the size of an image. */
export const RESIZE: Readonly<Record<string, OpDef>> = {
  Resize: resize,
  Upsample: resize,
  DepthToSpace: {
    infer: (c) => {
      const { n, dims } = blocks(c);
      if (dims[1] % (n * n) !== 0) c.fail(`${dims[1]} channels do not fill blocks of ${n} × ${n}`);
      return [{ dtype: c.in(0).dtype, dims: [dims[0], dims[1] / (n * n), dims[2] * n, dims[3] * n] }];
    },
  },
  SpaceToDepth: {
    infer: (c) => {
      const { n, dims } = blocks(c);
      if (dims[2] % n !== 0 || dims[3] % n !== 0) c.fail(`[${dims.join(', ')}] has no whole blocks of ${n} × ${n}`);
      return [{ dtype: c.in(0).dtype, dims: [dims[0], dims[1] * n * n, dims[2] / n, dims[3] / n] }];
    },
  },
};
