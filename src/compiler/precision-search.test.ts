import { describe, expect, it } from 'vitest';
import type { Precision, Quant } from './api.ts';
import { parseQuant } from './precision.ts';
import { type Measured, searchPrecision } from './precision-search.ts';

const PRODUCTS = ['a', 'b', 'c'];
const COST: Record<Precision, number> = { w16a16: 9, w8a16: 4, w8a8: 3, w4a16: 5, w2a16: 5, w2a8: 2, w1a16: 5, w1a8: 2 };
const BYTES: Record<Precision, number> = { w16a16: 16, w8a16: 8, w8a8: 8, w4a16: 4, w2a16: 4, w2a8: 4, w1a16: 4, w1a8: 4 };

/** A model of which node `b` cannot stand narrow activations, nor `c` few weights. */
function measure(quant: Quant): Promise<Measured> {
  const { base, nodes } = parseQuant(quant);
  const of = (name: string): Precision => nodes.get(name) ?? base;
  let agreement = 1;
  if (of('b') === 'w8a8') agreement -= 0.01;
  if (/w[124]a/.test(of('c'))) agreement -= 0.02;
  for (const name of PRODUCTS) if (/w[12]a/.test(of(name))) agreement -= 0.1;
  const sum = (table: Record<Precision, number>): number => PRODUCTS.reduce((total, name) => total + table[of(name)], 0);
  return Promise.resolve({ agreement, insns: sum(COST), bytes: sum(BYTES) });
}

describe('the search for precisions', () => {
  it('takes the fast precision wherever the model stands it', async () => {
    const { quant, met, trials } = await searchPrecision({ products: PRODUCTS, minAgreement: 0.999, cost: 'insns', measure });
    expect(met).toBe(true);
    expect(quant).toBe('w8a16,a=w8a8,c=w8a8');
    expect(trials.slice(0, 8).map((trial) => trial.quant)).toEqual(['w16a16', 'w8a16', 'w8a8', 'w4a16', 'w2a16', 'w2a8', 'w1a16', 'w1a8']);
  });
  it('takes the small one when memory counts', async () => {
    const { quant } = await searchPrecision({ products: PRODUCTS, minAgreement: 0.999, cost: 'bytes', measure });
    expect(parseQuant(quant).nodes.get('a')).toBe('w4a16');
    expect(parseQuant(quant).nodes.get('b')).toBe('w4a16');
    expect(parseQuant(quant).nodes.get('c')).toBeUndefined();
  });
  it('lowers what it must when less agreement is asked for', async () => {
    const { quant } = await searchPrecision({ products: PRODUCTS, minAgreement: 0.98, cost: 'insns', measure });
    expect(quant).toBe('w8a8');
  });
  it('says when nothing agrees often enough', async () => {
    const poor = async (quant: Quant) => ({ ...(await measure(quant)), agreement: 0.5 });
    expect(await searchPrecision({ products: PRODUCTS, minAgreement: 0.999, cost: 'insns', measure: poor })).toMatchObject({
      quant: 'w16a16',
      met: false,
    });
  });
});
