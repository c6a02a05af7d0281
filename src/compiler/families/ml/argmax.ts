import type { Node } from '../../../onnx/model.ts';
import { attrNumber } from '../../graph/attrs.ts';
import type { Walk } from '../../graph/lazy.ts';
import { type Rules, rule } from '../../graph/rule.ts';
import { refuse } from './attrs.ts';
import { integerRows } from './rows.ts';
import { emitLabel } from './scores.ts';

/** Index of the largest element of each row. */
function argMax(walk: Walk, node: Node): void {
  const dims = walk.dims(walk.get(node.inputs[0]!, node));
  const axis = attrNumber(node, 'axis') ?? 0;
  const advice = 'Move that axis to the end (Transpose) before it';
  // Dimensions of one element do not count: the first axis of a single row of classes is not the one that is meant.
  const size = dims[axis < 0 ? axis + dims.length : axis] ?? 1;
  if (size !== 1 && dims.slice((axis < 0 ? axis + dims.length : axis) + 1).some((n) => n !== 1))
    refuse(node, `axis ${axis} is not the last one`, advice);
  if (attrNumber(node, 'select_last_index')) refuse(node, 'it takes the last of equals', 'Leave select_last_index at 0');
  const rows = integerRows(walk, node);
  if (rows.view.gain < 0) refuse(node, 'its input is stored with the opposite sign', 'Negate after it, and use ArgMin');
  const scores = { buf: rows.view.buf, view: rows.view, n: rows.n, count: rows.features, width: rows.stride, bound: null };
  emitLabel(walk, node, node.outputs[0]!, scores, { choice: 'largest', place: 0, border: 0, hitsAt: null }, null);
}

export const ARGMAX: Rules = new Map([['ArgMax', rule(argMax, 'comparisons', 'the last axis')]]);
