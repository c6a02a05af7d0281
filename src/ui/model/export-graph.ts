import { announce, notify } from '../../workbench/store.ts';
import { exports as texts } from '../texts/model.ts';
import type { Drawing } from './Graph.tsx';
import { paint, readPalette } from './paint.ts';
import { MARGIN, svgPieces } from './svg-text.ts';

/** What every present browser draws: sides of canvases, and their area (Safari has the smallest). */
export const MOST_SIDE = 16_384;
const MOST_AREA = 268_435_456;

/** An exported graph in its own colours: what is selected is no part of it. */
const plain = (drawing: Drawing): Drawing => ({
  scene: drawing.scene,
  marks: { ...drawing.marks, active: -1, related: new Set(), hits: new Set(), reach: null, tensor: new Set() },
});

const pause = () => new Promise((resolve) => setTimeout(resolve));

/** Writes the whole graph as SVG; between pieces the page stays responsive. */
export async function saveSvg(drawing: Drawing, file: string): Promise<void> {
  const pieces: string[] = [];
  let since = performance.now();
  for (const piece of svgPieces({ ...plain(drawing), palette: readPalette(document.documentElement) })) {
    pieces.push(piece);
    if (performance.now() - since < 10) continue;
    await pause();
    since = performance.now();
  }
  save(file, new Blob(pieces, { type: 'image/svg+xml' }));
}

export function pngSize({ scene }: Drawing, scale: number): { width: number; height: number; fits: boolean } {
  const { minX, maxX, minY, maxY } = scene.layout.bounds;
  const [width, height] = [Math.ceil((maxX - minX + 2 * MARGIN) * scale), Math.ceil((maxY - minY + 2 * MARGIN) * scale)];
  return { width, height, fits: Math.max(width, height) <= MOST_SIDE && width * height <= MOST_AREA };
}

/** The largest scale, in hundredths, at which the graph fits a canvas. */
export function largestScale(drawing: Drawing): number {
  const { width, height } = pngSize(drawing, 1);
  return Math.floor(100 * Math.min(MOST_SIDE / Math.max(width, height), Math.sqrt(MOST_AREA / (width * height)))) / 100;
}

/** Writes the whole graph as PNG; says so where the browser has no room for the picture. */
export async function savePng(drawing: Drawing, file: string, scale: number): Promise<boolean> {
  const { width, height } = pngSize(drawing, scale);
  const palette = readPalette(document.documentElement);
  const { scene, marks } = plain(drawing);
  const { minX, minY } = scene.layout.bounds;
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const ctx = canvas.getContext('2d');
  if (ctx) {
    paint(ctx, scene, { x: (MARGIN - minX) * scale, y: (MARGIN - minY) * scale, k: scale, width, height }, marks, palette, 1);
    ctx.globalCompositeOperation = 'destination-over';
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.fillStyle = palette.colour('sunken');
    ctx.fillRect(0, 0, width, height);
  }
  const blob = ctx && (await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png')));
  if (!blob) {
    notify(texts.failed, { what: texts.refused, where: `${width} × ${height}`, advice: texts.refusedAdvice });
    return false;
  }
  save(file, blob);
  return true;
}

function save(file: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = file;
  link.click();
  // The download has begun by then; at once some browsers would find nothing.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  announce(texts.done(file, blob.size.toLocaleString('en')));
}
