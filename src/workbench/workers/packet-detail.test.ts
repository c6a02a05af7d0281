import { describe, expect, it } from 'vitest';
import { Dissection } from '../../traces/dissect/dissection.ts';
import { TEXT } from '../../traces/dissect/fields.ts';
import { detailOf, MOST_LINES } from './packet-detail.ts';

describe('a packet for the page', () => {
  it('has the first lines of its tree, and says how many there are', () => {
    const out = new Dissection();
    out.reset(new Uint8Array(4));
    for (let line = 0; line < MOST_LINES + 7; line++) out.addText(TEXT, 1, 9, `line ${line}`);
    const { items, lines, sources } = detailOf(out, 3, -1);
    expect([items.length, lines, sources]).toEqual([MOST_LINES, MOST_LINES + 7, [new Uint8Array(4)]]);
    // What reaches beyond the bytes ends with them.
    expect(items[1]).toEqual({ depth: 0, name: '', label: 'line 1', value: '', start: 1, length: 3, source: 0 });
  });
});
