import type { Node } from '../../../onnx/model.ts';
import { attrNumber } from '../../graph/attrs.ts';
import type { Walk } from '../../graph/lazy.ts';
import { type Rules, rule } from '../../graph/rule.ts';
import { argPlace } from '../order.ts';
import { integerRows } from './rows.ts';
import { emitLabel } from './scores.ts';

/** Index of the largest element of each row. */
function argMax(walk: Walk, node: Node): void {
  const dims = walk.dims(walk.get(node.inputs[0]!, node));
  const axis = attrNumber(node, 'axis') ?? 0;
  // Dimensions of one element do not count: the first axis of a single row of classes is not the one that is meant.
  const size = dims[axis < 0 ? axis + dims.length : axis] ?? 1;
  const inner = size !== 1 && dims.slice((axis < 0 ? axis + dims.length : axis) + 1).some((n) => n !== 1);
  if (inner || attrNumber(node, 'select_last_index')) {
    argPlace(walk, node);
    return;
  }
  const rows = integerRows(walk, node);
  if (rows.view.gain < 0) {
    argPlace(walk, node);
    return;
  }
  const scores = { buf: rows.view.buf, view: rows.view, n: rows.n, count: rows.features, width: rows.stride, bound: null };
  emitLabel(walk, node, node.outputs[0]!, scores, { choice: 'largest', place: 0, border: 0, hitsAt: null }, null);
}

export const ARGMAX: Rules = new Map([['ArgMax', rule(argMax, 'comparisons')]]);
