import { describe, expect, it } from 'vitest';
import { rank } from './rank.ts';

const best = (query: string, titles: readonly string[]) => [...titles].sort((a, b) => rank(b, query) - rank(a, query))[0];

describe('the palette’s order', () => {
  it('puts what was typed first', () => {
    const titles = ['Show or hide the verifier’s visits', 'Show Verifier', 'Verify again', 'Show Verifier log'];
    expect(best('show verifier', titles)).toBe('Show Verifier');
    expect(best('verif show', titles)).toBe('Show Verifier');
  });

  it('finds words in any order and inside of names, and leaves out what holds none', () => {
    expect(rank('Softmax /encoder/layers.0/self_attn/Softmax', 'layers softmax')).toBeGreaterThan(0.5);
    expect(rank('Replay the trace', 'play')).toBeGreaterThan(0);
    expect(rank('Replay the trace', 'verifier')).toBe(0);
    expect(rank('Anything', '')).toBe(1);
  });
});
