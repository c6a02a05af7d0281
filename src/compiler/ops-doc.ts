import { allFamilies } from './families.ts';
import { OPS } from './ops.ts';

/** Text of docs/ops.md: every operator that the compiler takes, what it becomes, and what is refused. */
export async function opsDocument(): Promise<string> {
  const rows = [...new Map([...OPS, ...(await allFamilies())])].sort(([a], [b]) => (a < b ? -1 : 1));
  return `# Operators

The compiler takes these ONNX operators in opsets 7 to 23, for float and quantised models of batch 1. The importer folds whatever depends only on
constants and shapes before that (Shape, Range, ConstantOfShape, …), so such nodes do not count. Everything else is refused with the
node's name and the nearest rewrite.

This file is written by \`scripts/gen-ops.ts\` from \`src/compiler/ops.ts\` and the families
beside it; a test checks that it is current.

| operator | becomes | restrictions |
|---|---|---|
${rows.map(([op, { becomes, limits }]) => `| ${op} | ${becomes} | ${limits} |`).join('\n')}

Patterns that PyTorch decomposes are put together again by what they compute, not by how the nodes are named:

- \`(x − mean(x)) · f(mean((x − mean(x))²))\` with \`f(v) = c/√(v + ε)\`, in whatever order it is written, is one normalisation kernel;
  its factor and shift per column belong to it. Without the mean it is a root mean square normalisation.
- Any graph of elementwise nodes that depends on one element of one tensor (GELU by erf or tanh, ReLU, sigmoid, scaling, clipping) is one
  table of 1,025 points with linear interpolation; of tokens, one value for each token.
- Reshape, Transpose, Slice, Split, Squeeze, Unsqueeze, Expand and constant Gather only change how a kernel walks through memory.
- An addend or a Where with values of −1000 or below is a mask: sums saturate where softmax gives zero.
- A scalar factor changes the scale of a tensor and costs nothing; a bias or a factor per column goes into the matrix before it.
`;
}
