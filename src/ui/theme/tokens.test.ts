import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const css = readFileSync(join(import.meta.dirname, 'tokens.css'), 'utf8');

type Contrast = 'normal' | 'more';

const coloursIn = (selector: string): [string, string][] =>
  [
    ...css
      .split(`${selector} {`)[1]
      .split('}')[0]
      .matchAll(/(--[\w-]+): (#[0-9a-f]{6});/g),
  ].map((match) => [match[1], match[2]]);

/** Colour tokens of one theme; the one with more contrast changes some of the normal one's. */
function tokens(theme: 'light' | 'dark', contrast: Contrast = 'normal'): Map<string, string> {
  const normal = coloursIn(`:root[data-theme="${theme}"]`);
  return new Map(contrast === 'more' ? [...normal, ...coloursIn(`:root[data-theme="${theme}"][data-contrast="more"]`)] : normal);
}

/** Relative luminance, WCAG 2.2. */
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

const TEXT_ON: readonly (readonly [text: string, backgrounds: readonly string[]])[] = [
  ['--text', ['--bg', '--panel', '--raised', '--sunken', '--hover', '--relative', '--ok-bg', '--bad-bg', '--warn-bg', '--note-bg']],
  ['--muted', ['--panel', '--sunken', '--hover', '--relative', '--raised', '--bad-bg', '--warn-bg', '--note-bg']],
  ['--faint', ['--panel', '--sunken', '--hover', '--relative']],
  ['--select-text', ['--select']],
  ['--on-accent', ['--accent']],
  ['--accent', ['--panel', '--relative']],
  ['--ok', ['--panel', '--hover', '--relative']],
  ['--bad', ['--panel', '--hover', '--relative', '--bad-bg']],
  ['--warn', ['--panel', '--warn-bg', '--relative']],
  ['--note', ['--note-bg']],
  ...['op', 'reg', 'num', 'mem', 'call', 'comment'].map((kind) => [`--syn-${kind}`, ['--panel', '--hover', '--relative']] as const),
];

const FAMILIES = ['linear', 'attention', 'norm', 'activation', 'arith', 'shape', 'embed', 'reduce', 'binding', 'runtime'];

const THEMES = [
  { theme: 'light', more: 'normal', text: 4.5, stripes: 3 },
  { theme: 'dark', more: 'normal', text: 4.5, stripes: 3 },
  { theme: 'light', more: 'more', text: 7, stripes: 4.5 },
  { theme: 'dark', more: 'more', text: 7, stripes: 4.5 },
] as const;

describe.each(THEMES)('the $theme theme, $more contrast', ({ theme, more, text: least, stripes }) => {
  const colours = tokens(theme, more);

  it('has enough contrast between every text and what it stands on', () => {
    const low = TEXT_ON.flatMap(([text, backgrounds]) =>
      backgrounds
        .map((background) => ({ text, background, ratio: contrast(colours.get(text)!, colours.get(background)!) }))
        .filter(({ ratio }) => !(ratio >= least)),
    );
    expect(low).toEqual([]);
  });

  it('has stripes that stand out from panels', () => {
    const low = FAMILIES.filter((family) => !(contrast(colours.get(`--f-${family}`)!, colours.get('--panel')!) >= stripes));
    expect(low).toEqual([]);
  });

  it('defines the same colours as the other theme', () => {
    expect([...colours.keys()].sort()).toEqual([...tokens(theme === 'light' ? 'dark' : 'light', more).keys()].sort());
  });
});
