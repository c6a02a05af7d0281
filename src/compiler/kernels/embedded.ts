import type { IrFunc, OriginId } from '../ir/ir.ts';
import { kernelFunc, type Lanes, type Layout, lanes, type Space, walk } from './frame.ts';

/** Where the parts of {@link embeddedKernel}'s parameters lie: shift, additive term of each column (8 bytes each), a row of int16 for each token. */
export const embeddedParts = (n: number): { readonly add: number; readonly table: number } => ({ add: 8, table: 8 + 8 * n });

export interface EmbeddedShape {
  readonly lanes: Lanes;
  /** Tokens of the vocabulary. */
  readonly rows: number;
  /** Columns. */
  readonly n: number;
  readonly outLane: number;
  readonly tokenLane: number;
  readonly tokenSpace: Space;
  /** Bytes from one row of the position table to the next one of the pair, and the same for the factors. */
  readonly positionLane: number;
  readonly factorLane: number;
}

/**
 * `out[c] = ((table[token][c] + position[c]) · factor[token] + add[c]) s>> shift`: what a normalisation and a linear layer make of an embedding and a
 * position. Arguments: the result, the token, the parameters, the position's row of int16, its factors (u32, one for each token). The parameters
 * are chosen so that every result fits; a token beyond the vocabulary takes the last row.
 */
export function embeddedKernel(name: string, s: EmbeddedShape, layout: Layout, origin: OriginId): IrFunc {
  const parts = embeddedParts(s.n);
  const more = s.lanes - 1;
  const ports = [
    { space: 'scratch' as const, extent: 2 * s.n + more * s.outLane },
    { space: s.tokenSpace, extent: 2 + more * s.tokenLane },
    { space: 'weights' as const, extent: parts.table + 2 * s.n * s.rows },
    { space: 'weights' as const, extent: 2 * s.n + more * s.positionLane },
    { space: 'weights' as const, extent: 4 * s.rows + more * s.factorLane },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const [out, tokens, params, positions, factors] = ptrs;
    const shift = b.and(b.load(params!, 0, 8), 63);
    const strides = [s.outLane, s.tokenLane, s.positionLane, s.factorLane];
    lanes(b, s.lanes, [out!, tokens!, positions!, factors!], strides, ([o, t, p, f]) => {
      const token = b.load(t!, 0, 2);
      b.when('ugt', token, s.rows - 1, () => b.assign(token, s.rows - 1));
      const at = b.lsh(token, 2);
      b.aluTo(at, 'add', f!, at);
      const factor = b.load(at, 0, 4);
      b.aluTo(token, 'mul', token, 2 * s.n);
      b.aluTo(token, 'add', params!, token);
      const columns = [{ n: s.n, strides: [2, 2, 2, 8] }];
      walk(b, columns, [o!, token, p!, params!], 8, (q, off) => {
        const x = b.load(q[1]!, parts.table + off[1]!, 2, true);
        const y = b.load(q[2]!, off[2]!, 2, true);
        b.aluTo(x, 'add', x, y);
        b.aluTo(x, 'mul', x, factor);
        b.aluTo(x, 'add', x, b.load(q[3]!, parts.add + off[3]!, 8));
        b.aluTo(x, 'arsh', x, shift);
        b.store(q[0]!, off[0]!, x, 2);
      });
    });
  });
}

/**
 * `out = table[position][token]`: all that a layer can make of a token at a position, where it is little enough. Arguments: the result, the token, the
 * position's part of the table.
 */
export function chosenKernel(
  name: string,
  s: Omit<EmbeddedShape, 'positionLane' | 'factorLane'> & { readonly tableLane: number },
  layout: Layout,
  origin: OriginId,
): IrFunc {
  const rowBytes = 2 * s.n;
  const more = s.lanes - 1;
  const size = rowBytes % 8 === 0 ? 8 : 2;
  const ports = [
    { space: 'scratch' as const, extent: rowBytes + more * s.outLane },
    { space: s.tokenSpace, extent: 2 + more * s.tokenLane },
    { space: 'weights' as const, extent: rowBytes * s.rows + more * s.tableLane },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    lanes(b, s.lanes, ptrs.slice(0, 3), [s.outLane, s.tokenLane, s.tableLane], ([out, tokens, table]) => {
      const token = b.load(tokens!, 0, 2);
      b.when('ugt', token, s.rows - 1, () => b.assign(token, s.rows - 1));
      b.aluTo(token, 'mul', token, rowBytes);
      b.aluTo(token, 'add', table!, token);
      walk(b, [{ n: rowBytes / size, strides: [size, size] }], [out!, token], 24, (p, off) =>
        b.store(p[0]!, off[0]!, b.load(p[1]!, off[1]!, size), size),
      );
    });
  });
}
