import type { Overlay } from './overlays.ts';

/** A colour of the heat ramp, and that of text on it. */
export interface HeatStep {
  readonly fill: string;
  readonly text: string;
}

export const HEAT_STEPS = 24;

/** Where a value lies between the least and the most, from 0 to 1. */
export function heatShare(value: number, least: number, most: number, ramp: Overlay['ramp']): number {
  if (!(most > least)) return value >= most && most > 0 ? 1 : 0;
  const at = ramp === 'log' ? Math.log1p(value - least) / Math.log1p(most - least) : (value - least) / (most - least);
  return Math.max(0, Math.min(1, at));
}

/** The value at a share of the ramp: what the legend writes at its middle. */
export function heatValue(share: number, least: number, most: number, ramp: Overlay['ramp']): number {
  return ramp === 'log' ? least + Math.expm1(share * Math.log1p(most - least)) : least + share * (most - least);
}

/** The ramp in steps, from the tokens of the theme (`#rrggbb`), mixed in Oklab so that equal steps look equal. */
export function heatSteps(colour: (token: string) => string): readonly HeatStep[] {
  const [dark, light] = [colour('on-heat-dark'), colour('on-heat-light')];
  return mixed(['heat-0', 'heat-1', 'heat-2'].map(colour), HEAT_STEPS).map((rgb) => ({
    fill: hex(rgb),
    text: luminance(rgb) > MIDDLE ? dark : light,
  }));
}

/** Colours from the one for −1 over the ground at 0 to the one for 1, as bytes red, green, blue. */
export function divergingSteps(colour: (token: string) => string, count: number): Uint8Array {
  const bytes = new Uint8Array(3 * count);
  mixed(['div-neg', 'sunken', 'div-pos'].map(colour), count).forEach((rgb, at) => {
    bytes.set(rgb.map(toByte), 3 * at);
  });
  return bytes;
}

/** `count` colours from the first of `stops` to the last, in linear light. */
function mixed(colours: readonly string[], count: number): Triple[] {
  const stops = colours.map(toOklab);
  return Array.from({ length: count }, (_, step) => {
    const at = (step / (count - 1)) * (stops.length - 1);
    const from = Math.min(stops.length - 2, Math.floor(at));
    const blend = (axis: 0 | 1 | 2) => stops[from]![axis] + (at - from) * (stops[from + 1]![axis] - stops[from]![axis]);
    return fromOklab([blend(0), blend(1), blend(2)]);
  });
}

export const stepAt = (steps: readonly HeatStep[], share: number): HeatStep => steps[Math.round(share * (steps.length - 1))]!;

type Triple = readonly [number, number, number];

/** Black and white text have the same contrast, 4.58, on a ground of this luminance. */
const MIDDLE = 0.179;

const luminance = ([r, g, b]: Triple): number => 0.2126 * r + 0.7152 * g + 0.0722 * b;

/** Linear light of `#rgb` or `#rrggbb`; grey where a theme writes colours in another way. */
function channels(text: string): Triple {
  const digits = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text.trim())?.[1] ?? '808080';
  const wide = digits.length === 3 ? digits.replaceAll(/./g, '$&$&') : digits;
  return [0, 2, 4].map((at) => {
    const value = Number.parseInt(wide.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as unknown as Triple;
}

function toByte(linear: number): number {
  const share = linear <= 0.0031308 ? linear * 12.92 : 1.055 * linear ** (1 / 2.4) - 0.055;
  return Math.round(255 * Math.max(0, Math.min(1, share)));
}

const hex = (linear: Triple): string => `#${linear.map((value) => toByte(value).toString(16).padStart(2, '0')).join('')}`;

/** Björn Ottosson's Oklab, in which distances look alike. */
function toOklab(text: string): Triple {
  const [r, g, b] = channels(text);
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function fromOklab([lightness, a, b]: Triple): Triple {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}
