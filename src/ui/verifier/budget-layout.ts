import type { BudgetItem, BudgetTree, Measure } from '../../workbench/budget-tree.ts';

/** Where an item is drawn, as shares of the width and, in a treemap, of the height. */
export interface Cell {
  readonly item: BudgetItem;
  readonly depth: number;
  readonly x0: number;
  readonly x1: number;
  readonly y0: number;
  readonly y1: number;
}

/** What is narrower is left out: nobody sees or hits it. */
const NARROWEST = 0.002;

/** A flame that hangs from `focus`: each item above its parts, the largest to the left. */
export function flameCells(tree: BudgetTree, focus: BudgetItem, by: Measure, depths: number): Cell[] {
  const cells: Cell[] = [];
  const put = (item: BudgetItem, depth: number, x0: number, x1: number): void => {
    cells.push({ item, depth, x0, x1, y0: 0, y1: 1 });
    if (depth + 1 >= depths) return;
    let x = x0;
    for (const child of tree.childrenOf(item, by)) {
      const width = ((x1 - x0) * child[by]) / item[by];
      if (width < NARROWEST) break;
      put(child, depth + 1, x, x + width);
      x += width;
    }
  };
  if (focus[by] > 0) put(focus, 0, 0, 1);
  return cells;
}

interface Box {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

/**
 * Boxes for `sizes`, which are in descending order, inside of `box` with areas in their proportion: rows along the shorter side, each as long as
 * that makes its boxes squarer (Bruls, Huizing and van Wijk, Squarified Treemaps, 2000).
 */
export function squarify(sizes: readonly number[], { x0, y0, x1, y1 }: Box): Box[] {
  const boxes: Box[] = [];
  let left = sizes.reduce((sum, size) => sum + size, 0);
  for (let from = 0; from < sizes.length && left > 0; ) {
    const [width, height] = [x1 - x0, y1 - y0];
    const short = Math.min(width, height);
    const scale = (width * height) / left;
    const worst = (sum: number, first: number, last: number): number => {
      const strip = (sum * scale) / short;
      const ratio = (size: number): number => {
        const side = (size * scale) / strip;
        return Math.max(side / strip, strip / side);
      };
      return Math.max(ratio(first), ratio(last));
    };
    let to = from + 1;
    let sum = sizes[from]!;
    while (to < sizes.length && worst(sum + sizes[to]!, sizes[from]!, sizes[to]!) <= worst(sum, sizes[from]!, sizes[to - 1]!))
      sum += sizes[to++]!;
    const strip = short > 0 ? (sum * scale) / short : 0;
    let at = 0;
    for (; from < to; from++) {
      const side = short * (sizes[from]! / sum);
      boxes.push(
        width < height ? { x0: x0 + at, x1: x0 + at + side, y0, y1: y0 + strip } : { x0, x1: x0 + strip, y0: y0 + at, y1: y0 + at + side },
      );
      at += side;
    }
    if (width < height) y0 += strip;
    else x0 += strip;
    left -= sum;
  }
  return boxes;
}

/** Pixels that the head of a box takes, and the smallest box that is divided or drawn. */
const HEAD = 20;
const SMALLEST = 4;

/** A treemap of `focus` on `width` × `height` pixels, two levels deep. */
export function treemapCells(tree: BudgetTree, focus: BudgetItem, by: Measure, width: number, height: number): Cell[] {
  const cells: Cell[] = [];
  const fill = (item: BudgetItem, depth: number, box: Box): void => {
    const children = tree.childrenOf(item, by);
    const boxes = squarify(
      children.map((child) => child[by]),
      box,
    );
    for (const [i, inner] of boxes.entries()) {
      if (inner.x1 - inner.x0 < SMALLEST || inner.y1 - inner.y0 < SMALLEST) continue;
      cells.push({
        item: children[i]!,
        depth,
        x0: inner.x0 / width,
        x1: inner.x1 / width,
        y0: inner.y0 / height,
        y1: inner.y1 / height,
      });
      const roomy = inner.x1 - inner.x0 > 3 * HEAD && inner.y1 - inner.y0 > 2 * HEAD;
      if (depth === 1 && roomy) fill(children[i]!, 2, { x0: inner.x0 + 2, x1: inner.x1 - 2, y0: inner.y0 + HEAD, y1: inner.y1 - 2 });
    }
  };
  if (width > 0 && height > 0 && focus[by] > 0) fill(focus, 1, { x0: 0, y0: 0, x1: width, y1: height });
  return cells;
}
