import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const css = readFileSync(join(import.meta.dirname, 'tokens.css'), 'utf8');

/** Colour tokens of one theme. */
function tokens(theme: 'light' | 'dark'): Map<string, string> {
  const block = css.split(`:root[data-theme="${theme}"] {`)[1].split('}')[0];
  return new Map([...block.matchAll(/(--[\w-]+): (#[0-9a-f]{6});/g)].map((match) => [match[1], match[2]]));
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

describe.each(['light', 'dark'] as const)('the %s theme', (theme) => {
  const colours = tokens(theme);

  it('has a contrast of at least 4.5 between every text and what it stands on', () => {
    const low = TEXT_ON.flatMap(([text, backgrounds]) =>
      backgrounds
        .map((background) => ({ text, background, ratio: contrast(colours.get(text)!, colours.get(background)!) }))
        .filter(({ ratio }) => !(ratio >= 4.5)),
    );
    expect(low).toEqual([]);
  });

  it('has stripes that stand out from panels by at least 3', () => {
    const low = FAMILIES.filter((family) => !(contrast(colours.get(`--f-${family}`)!, colours.get('--panel')!) >= 3));
    expect(low).toEqual([]);
  });

  it('defines the same colours as the other theme', () => {
    expect([...colours.keys()]).toEqual([...tokens(theme === 'light' ? 'dark' : 'light').keys()]);
  });
});
