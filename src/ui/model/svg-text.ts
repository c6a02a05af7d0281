import { badgeText, badgeWidth, CHANGE_COLOURS } from './changes.ts';
import { edgePath } from './edges.ts';
import { barOf, heatOf, numberOf } from './measure.ts';
import type { Marks, Palette } from './paint.ts';
import { cardOf, edgeWidth, type Scene } from './scene.ts';

/** Space around an exported graph. */
export const MARGIN = 24;

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
// Control characters that XML forbids may stand in names of nodes.
const xml = (text: string): string => text.replace(/[&<>"]/g, (sign) => escapes[sign]!).replace(/(?![\t\n\r])\p{Cc}/gu, '\ufffd');

/** One decimal is less than a tenth of a pixel at any scale that prints. */
const n = (value: number): string => String(Math.round(value * 10) / 10);
const path = (d: string): string => d.replace(/-?\d+\.\d+/g, (number) => n(Number(number)));

/** Fonts of the page when they are installed, else what every system has. */
const SANS = 'Inter, system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif';
const MONO = 'JetBrains Mono, ui-monospace, SFMono-Regular, Menlo, Consolas, monospace';

/** The whole drawing as an SVG file that needs nothing beside it, in pieces of some hundred nodes each. */
export function* svgPieces({ scene, marks, palette }: { scene: Scene; marks: Marks; palette: Palette }): Generator<string> {
  const { bounds } = scene.layout;
  const colour = palette.colour;
  const [x, y] = [bounds.minX - MARGIN, bounds.minY - MARGIN];
  const [width, height] = [bounds.maxX - bounds.minX + 2 * MARGIN, bounds.maxY - bounds.minY + 2 * MARGIN];
  yield `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="${n(x)} ${n(y)} ${n(width)} ${n(height)}" width="${n(width)}" height="${n(height)}">
<style>
text{font-family:${SANS};font-size:11px;fill:${colour('text')}}
.t{font-size:13px;font-weight:600}.s{font-family:${MONO};fill:${colour('muted')}}.m{fill:${colour('muted')}}
.c{fill:${colour('panel')};stroke:${colour('line-strong')}}.e{fill:none;stroke:${colour('line-strong')};stroke-opacity:.7}
</style>
<rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" fill="${colour('sunken')}"/>
`;
  yield framesText(scene, palette);
  const PIECE = 400;
  const { nodes, edges } = scene.visible;
  for (let from = 0; from < edges.length; from += PIECE) {
    let text = '';
    for (let edge = from; edge < Math.min(edges.length, from + PIECE); edge++)
      text += `<path class="e" d="${path(edgePath(scene, edge))}" stroke-width="${n(edgeWidth(edges[edge]!.bytes))}"/>\n`;
    yield text;
  }
  for (let from = 0; from < nodes.length; from += PIECE) {
    let text = '';
    for (let at = from; at < Math.min(nodes.length, from + PIECE); at++) text += cardText(scene, marks, palette, at);
    yield text;
  }
  yield '</svg>\n';
}

function framesText(scene: Scene, { colour }: Palette): string {
  return scene.frames
    .map(({ frame: { group }, x, y, width, height }) => {
      const label = group.repeats === undefined ? group.label : `${group.label} ×${group.repeats}`;
      const box = `<rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" rx="6" fill="none" stroke="${colour('line')}"/>`;
      return `${box}<text class="m" x="${n(x + 6)}" y="${n(y + 11)}">${xml(label)}</text>\n`;
    })
    .join('');
}

function cardText(scene: Scene, marks: Marks, palette: Palette, at: number): string {
  const { node, group, width, height } = scene.visible.nodes[at]!;
  const [x, y] = [scene.layout.x[at]! - width / 2, scene.layout.y[at]! - height / 2];
  const card = cardOf(scene.visible, at, numberOf(marks.measure, at));
  const open = `<g transform="translate(${n(x)} ${n(y)})">`;
  if (node && !node.node) {
    const box = `<rect width="${width}" height="${height}" rx="${height / 2}" fill="none" stroke="${palette.colour('line-strong')}" stroke-dasharray="3 3"/>`;
    return `${open}${box}<text x="${width / 2}" y="18" text-anchor="middle" style="font-size:13px">${xml(card.title)}</text></g>\n`;
  }
  const heat = heatOf(marks.measure, at);
  const fill = heat ? ` style="fill:${heat.fill}"` : '';
  const ink = heat ? ` style="fill:${heat.text}"` : '';
  const box = `<rect class="c"${fill} width="${width}" height="${height}" rx="4"/>`;
  let text = `${open}<title>${xml(group ? group.label : node!.node!.name)}</title>`;
  text += group ? `<g transform="translate(4 4)">${box}</g>${box}` : box;
  let top = 4;
  for (const { family, share } of scene.stripes[at]!) {
    text += `<rect x="4" y="${n(top)}" width="3" height="${n((height - 8) * share)}" fill="${palette.colour(`f-${family}`)}"/>`;
    top += (height - 8) * share;
  }
  text += `<text class="t"${ink} x="14" y="18">${xml(card.title)}</text><text class="s"${ink} x="14" y="34">${xml(card.subtitle)}</text>`;
  if (card.count !== '') text += `<text${ink} x="${width - 8}" y="18" text-anchor="end">${xml(card.count)}</text>`;
  const bar = barOf(marks.measure, at);
  if (bar !== null)
    text += `<rect x="14" y="${height - 5}" width="${n(Math.max(1, (width - 22) * bar))}" height="2" fill="${heat?.text ?? palette.colour('line-strong')}"/>`;
  const change = marks.changes?.[at];
  if (change) {
    const badge = badgeText(change);
    const wide = badgeWidth(badge);
    text += `<rect x="-7" y="-7" width="${wide}" height="14" rx="3" fill="${palette.colour(CHANGE_COLOURS[change.state])}"/>`;
    text += `<text x="${n(wide / 2 - 7)}" y="4" text-anchor="middle" style="font-weight:600;fill:${palette.colour('panel')}">${badge}</text>`;
  }
  return `${text}</g>\n`;
}
