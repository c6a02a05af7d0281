import { randomOf } from '../../../../base/random.ts';
import { type AttrSpec, encodeModel, type NodeSpec } from '../../../../onnx/testing/encode-model.ts';

export interface TreesCase {
  readonly seed: number;
  readonly trees: number;
  readonly depth: number;
  readonly features: number;
  readonly classes: number;
  /** Classifier: every leaf weighs all classes, or one; one score for two classes. Regressor: every leaf weighs all targets. */
  readonly leaves: 'all' | 'one' | 'single';
  readonly kind: 'classifier' | 'regressor';
  readonly transform: 'NONE' | 'LOGISTIC' | 'SOFTMAX';
  readonly aggregate: 'SUM' | 'AVERAGE' | 'MIN' | 'MAX';
  readonly base: boolean;
  readonly positive: boolean;
  /** Comparisons of all kinds, or the one that every exporter writes. */
  readonly modes: 'all' | 'leq';
  readonly scaler: boolean;
}

const MODES = ['BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GTE', 'BRANCH_GT', 'BRANCH_EQ', 'BRANCH_NEQ'];
/** Thresholds, and features that fall on them, beside them, and off every scale. */
const VALUES = [0, -0, 1, -1, 0.1, 1e-20, -1e-20, 3.4e38, -3.4e38, 1e6, 65535, 0.3333333, 7.25, -2.5];

const float32 = new Float32Array(1);
const words = new Int32Array(float32.buffer);
function beside(value: number, by: number): number {
  float32[0] = value;
  words[0] = words[0]! + by;
  return float32[0]!;
}

/** An ONNX file with random trees of odd shapes, and inputs that fall on their thresholds. */
export function randomTrees(c: TreesCase): { bytes: Uint8Array; inputs: Float32Array[] } {
  const random = randomOf(c.seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const nodes = {
    tree: [] as number[],
    id: [] as number[],
    feature: [] as number[],
    mode: [] as string[],
    value: [] as number[],
    yes: [] as number[],
    no: [] as number[],
    missing: [] as number[],
  };
  const leaf = { tree: [] as number[], id: [] as number[], target: [] as number[], weight: [] as number[] };
  const thresholds: number[] = [];
  const weigh = (): number => Math.fround((c.positive ? random() : random() * 2 - 1) * pick([1, 0.01, 0.5]));
  for (let tree = 0; tree < c.trees; tree++) {
    let next = 0;
    const grow = (depth: number): number => {
      const id = next++;
      const isLeaf = depth === 0 || (depth < c.depth && random() < 0.2);
      const at = nodes.id.length;
      const value = isLeaf ? 0 : Math.fround(pick(VALUES));
      nodes.tree.push(tree);
      nodes.id.push(id);
      nodes.feature.push(isLeaf ? 0 : Math.floor(random() * c.features));
      nodes.mode.push(isLeaf ? 'LEAF' : c.modes === 'all' ? pick(MODES) : 'BRANCH_LEQ');
      nodes.value.push(value);
      nodes.missing.push(isLeaf ? 0 : Math.floor(random() * 2));
      nodes.yes.push(0);
      nodes.no.push(0);
      if (isLeaf) {
        const targets =
          c.leaves === 'single'
            ? [0]
            : c.leaves === 'one'
              ? [Math.floor(random() * c.classes)]
              : Array.from({ length: c.classes }, (_, i) => i);
        for (const target of targets) {
          leaf.tree.push(tree);
          leaf.id.push(id);
          leaf.target.push(target);
          leaf.weight.push(weigh());
        }
      } else {
        thresholds.push(value);
        nodes.yes[at] = grow(depth - 1);
        nodes.no[at] = grow(depth - 1);
      }
      return id;
    };
    grow(c.depth);
  }
  const prefix = c.kind === 'classifier' ? 'class' : 'target';
  const base = c.base ? Array.from({ length: c.leaves === 'single' ? 1 : c.classes }, weigh) : [];
  const attrs: Record<string, AttrSpec> = {
    nodes_treeids: { ints: nodes.tree },
    nodes_nodeids: { ints: nodes.id },
    nodes_featureids: { ints: nodes.feature },
    nodes_modes: { strings: nodes.mode },
    nodes_values: { floats: nodes.value },
    nodes_truenodeids: { ints: nodes.yes },
    nodes_falsenodeids: { ints: nodes.no },
    nodes_missing_value_tracks_true: { ints: nodes.missing },
    [`${prefix}_treeids`]: { ints: leaf.tree },
    [`${prefix}_nodeids`]: { ints: leaf.id },
    [`${prefix}_ids`]: { ints: leaf.target },
    [`${prefix}_weights`]: { floats: leaf.weight },
    post_transform: { string: c.transform },
    ...(base.length ? { base_values: { floats: base } } : {}),
    ...(c.kind === 'classifier'
      ? { classlabels_int64s: { ints: Array.from({ length: c.classes }, (_, i) => 10 + 3 * i) } }
      : { n_targets: { int: c.classes }, aggregate_function: { string: c.aggregate } }),
  };
  const ensemble: NodeSpec = {
    op: c.kind === 'classifier' ? 'TreeEnsembleClassifier' : 'TreeEnsembleRegressor',
    domain: 'ai.onnx.ml',
    inputs: [c.scaler ? 'scaled' : 'X'],
    outputs: c.kind === 'classifier' ? ['label', 'scores'] : ['scores'],
    attrs,
  };
  const offset = Array.from({ length: c.features }, () => Math.fround(random() * 10 - 5));
  const scale = Array.from({ length: c.features }, () => Math.fround(random() * 3 + 0.01));
  const scaler: NodeSpec = {
    op: 'Scaler',
    domain: 'ai.onnx.ml',
    inputs: ['X'],
    outputs: ['scaled'],
    attrs: { offset: { floats: offset }, scale: { floats: scale } },
  };
  const bytes = encodeModel({
    opset: 15,
    domains: { 'ai.onnx.ml': 3 },
    nodes: c.scaler ? [scaler, ensemble] : [ensemble],
    inputs: [{ name: 'X', dtype: 'float32', dims: [1, c.features] }],
    outputs: ensemble.outputs.map((name) => ({ name })),
  });
  const inputs = Array.from({ length: 24 }, () =>
    Float32Array.from({ length: c.features }, (_, f) => {
      const on = thresholds.length ? pick(thresholds) : 0;
      const x = pick([
        on,
        beside(on, 1),
        beside(on, -1),
        random() * 20 - 10,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        Number.NEGATIVE_INFINITY,
      ]);
      // Close to where the scaled feature meets the threshold.
      return c.scaler && Number.isFinite(x) ? beside(x / scale[f]! + offset[f]!, Math.floor(random() * 7) - 3) : x;
    }),
  );
  return { bytes, inputs };
}
