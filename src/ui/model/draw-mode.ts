import { areaOf, type View } from './paint.ts';
import type { Scene } from './scene.ts';

/** Graphs up to this size are SVG as a whole. */
const WHOLE_UP_TO = 300;
/** Larger ones are SVG near the view, and beyond this size or where this many stand in view, a canvas. */
const SVG_UP_TO = 2000;
const SVG_IN_VIEW = 120;
/** How far beyond the view SVG is drawn, in views. */
const MARGIN = 0.75;

/** What an SVG drawing holds of a graph. */
export interface Part {
  readonly nodes: readonly number[];
  readonly edges: readonly number[];
}

/** SVG of all (null), SVG of what is near the view, or a canvas. */
export type DrawMode = 'canvas' | null | (Part & { readonly area: ReturnType<typeof areaOf> });

/** Which scene the indices of a part count in. */
const scenes = new WeakMap<object, Scene>();

/** The mode for a view; the present one for as long as it covers the view. */
export function modeFor(scene: Scene, view: View, present: DrawMode): DrawMode {
  const count = scene.visible.nodes.length;
  if (count <= WHOLE_UP_TO) return null;
  if (count > SVG_UP_TO) return 'canvas';
  const near = areaOf(view);
  if (present && present !== 'canvas') {
    const { area, nodes } = present;
    const covered = near.minX >= area.minX && near.maxX <= area.maxX && near.minY >= area.minY && near.maxY <= area.maxY;
    if (covered && scenes.get(present) === scene && nodes.length <= SVG_IN_VIEW) return present;
  }
  const area = areaOf(view, MARGIN);
  const nodes = scene.nodesIn(area);
  if (nodes.length > SVG_IN_VIEW) return 'canvas';
  const mode = { area, nodes, edges: scene.edgesIn(area) };
  scenes.set(mode, scene);
  return mode;
}

const NOTHING: Part = { nodes: [], edges: [] };

/** What of `scene` the SVG draws: all (null), a part, or nothing while the part of another scene is on show. */
export function partOf(mode: DrawMode, scene: Scene): Part | null {
  if (mode === null) return scene.visible.nodes.length <= WHOLE_UP_TO ? null : NOTHING;
  return mode !== 'canvas' && scenes.get(mode) === scene ? mode : NOTHING;
}
