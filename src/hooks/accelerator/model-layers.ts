import type { Model, Node } from '../../onnx/model.ts';
import { accelOpOf } from './op-classes.ts';

export interface ModelLayers {
  /** Of each node of the model, in the order of `model.nodes`. */
  readonly layerOf: readonly number[];
  readonly labels: readonly string[];
}

/** `layers.3` and `h_3` within a path; also `layer3`. */
const NUMBERED = /^(.*?)[._]?(?<!\d)(\d+)$/;

interface Path {
  readonly path: string;
  readonly label: string;
}

/** The path up to the first numbered part, and what the layer is called; null where nothing is numbered. */
function numbered(name: string): Path | null {
  const parts = name.split('/').filter(Boolean).slice(0, -1);
  for (const [at, part] of parts.entries()) {
    const match = NUMBERED.exec(part);
    if (!match) continue;
    const owner = at > 0 ? `${parts[at - 1]} ` : '';
    return { path: parts.slice(0, at + 1).join('/'), label: `${owner}${match[1]!.replace(/s$/, '') || 'layer'} ${match[2]}` };
  }
  return null;
}

/** What stands between two nodes of one layer belongs to it, whatever it is called. */
function withinNeighbours(paths: readonly (Path | null)[]): (Path | null)[] {
  const filled = [...paths];
  let before = -1;
  paths.forEach((path, at) => {
    if (!path) return;
    if (before >= 0 && paths[before]!.path === path.path) filled.fill(paths[before]!, before + 1, at);
    before = at;
  });
  return filled;
}

const isWeighted = (model: Model, node: Node): boolean => {
  const kind = accelOpOf(node.op);
  return (kind === 'matmul' || kind === 'convolve') && node.inputs.some((name) => model.initializers.has(name));
};

/**
 * Layers as their exporter numbered them in the names of nodes (`/encoder/layers.0/…`): what stands before, between and behind them are layers too. In a model
 * without such names every operator with a weight matrix begins one.
 */
export function layersOf(model: Model): ModelLayers {
  const paths = withinNeighbours(model.nodes.map((node) => numbered(node.name)));
  const named = new Set(paths.flatMap((path) => path?.path ?? [])).size > 1;
  const labels: string[] = [];
  const indices = new Map<string, number>();
  let previous = '';
  let between = 0;
  const layerOf = model.nodes.map((node, at) => {
    const path = paths[at];
    let key: string;
    let label: string;
    if (named && path) {
      key = path.path;
      label = path.label;
    } else if (named) {
      if (previous !== `between ${between}`) between++;
      key = `between ${between}`;
      label = '';
    } else {
      if (isWeighted(model, node) && at > 0) between++;
      key = `between ${between}`;
      label = `layer ${between}`;
    }
    previous = key;
    let index = indices.get(key);
    if (index === undefined) {
      index = labels.push(label) - 1;
      indices.set(key, index);
    }
    return index;
  });
  const lastNamed = labels.findLastIndex((label) => label !== '');
  return { layerOf, labels: labels.map((label, at) => label || (at === 0 ? 'input' : at > lastNamed ? 'output' : `between ${at}`)) };
}
