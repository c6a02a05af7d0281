import type { OpContext, OpDef } from './context.ts';
import { matMulDims } from './linear.ts';

/** Size of every letter of an Einsum equation, and the letters of its output. */
function einsumDims(c: OpContext): number[] {
  const equation = c.str('equation', '').replaceAll(' ', '');
  const [left, right] = equation.split('->');
  const terms = left.split(',');
  if (terms.length !== c.inputCount) c.fail(`its equation \`${equation}\` has ${terms.length} terms for ${c.inputCount} inputs`);
  const sizes = new Map<string, number>();
  let ellipsis: number[] = [];
  const counts = new Map<string, number>();
  terms.forEach((term, i) => {
    const { dims } = c.in(i);
    const letters = term.replace('...', '');
    const extra = dims.length - letters.length;
    if (extra < 0 || (extra > 0 && !term.includes('...'))) c.fail(`\`${term}\` does not fit [${dims.join(', ')}]`);
    const at = term.includes('...') ? term.indexOf('...') : letters.length;
    if (term.includes('...')) ellipsis = c.broadcast(ellipsis, dims.slice(at, at + extra));
    letters.split('').forEach((letter, n) => {
      const dim = dims[n < at ? n : n + extra];
      const known = sizes.get(letter) ?? 1;
      if (known !== 1 && dim !== 1 && known !== dim) c.fail(`\`${letter}\` in \`${equation}\` stands for ${known} and ${dim}`);
      sizes.set(letter, Math.max(known, dim));
      counts.set(letter, (counts.get(letter) ?? 0) + 1);
    });
  });
  const once = [...counts].filter(([, count]) => count === 1).map(([letter]) => letter);
  const output = right ?? `${left.includes('...') ? '...' : ''}${once.sort().join('')}`;
  const out: number[] = [];
  for (const part of output.match(/\.\.\.|./g) ?? []) {
    if (part === '...') out.push(...ellipsis);
    else out.push(sizes.get(part) ?? c.fail(`\`${part}\` in \`${equation}\` stands for nothing`));
  }
  return out;
}

/** Contractions by an equation, and products of integers. */
export const EINSUM: Readonly<Record<string, OpDef>> = {
  MatMulInteger: { infer: (c) => [{ dtype: 'int32', dims: matMulDims(c, c.in(0).dims, c.in(1).dims) }] },
  Einsum: { infer: (c) => [{ dtype: c.in(0).dtype, dims: einsumDims(c) }] },
};
