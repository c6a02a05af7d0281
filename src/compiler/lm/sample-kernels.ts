import type { FuncBuilder } from '../ir/builder.ts';
import { FuncBuilder as Builder } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { maxInto } from '../kernels/arith.ts';
import { type Layout, linkageOf, MAP_OF } from '../kernels/frame.ts';
import { EXP_LIMIT } from '../kernels/softmax.ts';
import { blockAfter, type WeightsLayout } from '../weights-map.ts';
import { lookUpExp } from './attend-kernels.ts';
import { checked, entryOf } from './frame.ts';
import { candidatesOff, INPUT, MAX_CANDIDATES, OUTPUT, STATE, TOP_BLOCK, topBlocks, weightsOff } from './layout.ts';
import { SCORE_MAX } from './matvec.ts';

export const SCORES = 'scores';
export const STATE_MAP = 'state';
export const TOP_FUNC = 'top_of_block';
export const BEST_FUNC = 'best_of_all';
export const PICK_FUNC = 'pick_token';

/** A key is a score with its token behind it, so that keys differ and of equal scores the first token is the best. */
const TOKEN_BITS = 20;
const TOKEN_MASK = (1 << TOKEN_BITS) - 1;
/** Above every key. */
const ABOVE = 1n << 60n;

export interface SampleShape {
  readonly positions: number;
  readonly vocabulary: number;
  /** Place in a block of weights of the parameters of {@link temperatureParams}. */
  readonly paramsOff: number;
}

/** Scale of the quotient by the temperature, its shift and rounding term: the place in the table of exponentials is `difference · (scale / temperature) >> shift`. */
export function temperatureParams(scoreUnit: number): BigInt64Array {
  const wanted = scoreUnit * 256 * 65536;
  const shift = Math.max(1, Math.min(40, 40 - Math.floor(Math.log2(wanted))));
  return BigInt64Array.of(BigInt(Math.round(wanted * 2 ** shift)), BigInt(shift), 1n << BigInt(shift - 1));
}

const begin = (name: string, args: number, layout: Layout, origin: OriginId): FuncBuilder => {
  const b = new Builder(name, linkageOf(layout), new Array<'scalar'>(args).fill('scalar'), 'scalar');
  b.setOrigin(origin);
  return b;
};

/** Finds the best key below argument 1 among the scores of block argument 0. */
export function topKernel(s: SampleShape, layout: Layout, origin: OriginId): IrFunc {
  const blocks = topBlocks(s.vocabulary);
  const b = begin(TOP_FUNC, 2, layout, origin);
  const bail = b.newBlock();
  const [block, limit] = [b.arg(0), b.arg(1)];
  const scores = entryOf(b, SCORES, bail);
  const state = entryOf(b, STATE_MAP, bail);
  // Before each use: kernels up to 6.6 forget what a comparison showed of a value that goes through the stack.
  checked(b, 'ugt', block, blocks - 1, bail);
  const at = b.add(scores, b.mul(block, 4 * TOP_BLOCK));
  checked(b, 'ugt', block, blocks - 1, bail);
  const kept = b.add(state, b.lsh(block, 3));
  const first = b.mul(block, TOP_BLOCK);
  const best = b.copy(0);
  b.repeat(TOP_BLOCK / 8, 8, (index) => {
    const from = b.add(at, typeof index === 'number' ? 4 * index : b.mul(index, 4));
    for (let j = 0; j < 8; j++) {
      const key = b.load(from, 4 * j, 4, true);
      const token = b.add(first, index);
      if (j) b.aluTo(token, 'add', token, j);
      b.aluTo(key, 'add', key, SCORE_MAX + 1);
      b.aluTo(key, 'lsh', key, TOKEN_BITS);
      b.aluTo(key, 'add', key, TOKEN_MASK);
      b.aluTo(key, 'sub', key, token);
      // Keys at or above the limit and tokens beyond the vocabulary become zero.
      const below = b.sub(key, limit);
      b.aluTo(below, 'arsh', below, 63);
      b.aluTo(key, 'and', key, below);
      b.aluTo(token, 'sub', token, s.vocabulary);
      b.aluTo(token, 'arsh', token, 63);
      b.aluTo(key, 'and', key, token);
      maxInto(b, best, key);
    }
  });
  b.store(kept, STATE.tops, best, 8);
  b.ret(0);
  b.startBlock(bail);
  b.ret(0);
  return b.finish();
}

/** The best of the blocks' best keys. */
export function bestKernel(s: SampleShape, layout: Layout, origin: OriginId): IrFunc {
  const b = begin(BEST_FUNC, 0, layout, origin);
  const bail = b.newBlock();
  const state = entryOf(b, STATE_MAP, bail);
  const best = b.copy(0);
  b.strided(topBlocks(s.vocabulary), [[state, 8]], ([at]) => maxInto(b, best, b.load(at, STATE.tops, 8)));
  b.ret(best);
  b.startBlock(bail);
  b.ret(0);
  return b.finish();
}

/** Lists the best tokens, chooses one of them by the temperature, and returns it. Argument: how often the weights were replaced. */
export function pickKernel(s: SampleShape, layout: Layout, map: WeightsLayout, origin: OriginId): IrFunc {
  const b = begin(PICK_FUNC, 1, layout, origin);
  const bail = b.newBlock();
  const state = entryOf(b, STATE_MAP, bail);
  const input = entryOf(b, MAP_OF.input, bail);
  const output = entryOf(b, MAP_OF.output, bail);
  b.repeat(topBlocks(s.vocabulary), 1, (block) => b.call(TOP_FUNC, [block, b.const(ABOVE)]));
  const wanted = b.load(input, INPUT.candidates, 4);
  const most = Math.min(MAX_CANDIDATES, s.vocabulary);
  const params = b.add(b.mapValue(MAP_OF.weights, s.paramsOff), blockAfter(b, b.arg(0), map));
  const scale = b.load(params, 0, 8);
  const shift = b.and(b.load(params, 8, 8), 63);
  const half = b.load(params, 16, 8);
  const temperature = b.load(input, INPUT.temperature, 4);
  // By a temperature of zero the quotient is zero; the first candidate is taken before it matters.
  const factor = b.alu('div', scale, temperature);
  // The largest difference that still has a place of its own in the table: the lower the temperature, the smaller.
  const limit = b.alu('div', b.alu('lsh', b.const(EXP_LIMIT), shift), factor);
  const table = b.mapValue(MAP_OF.weights, layout.expOff);
  const sum = b.copy(0);
  const top = b.copy(0);
  const first = b.copy(0);
  const count = b.copy(0);
  const done = b.newBlock();
  b.loop(0, most, 1, (i) => {
    const key = b.call(BEST_FUNC, []);
    const token = b.xor(b.and(key, TOKEN_MASK), TOKEN_MASK);
    const score = b.rsh(key, TOKEN_BITS);
    b.when('eq', i, 0, () => {
      b.assign(top, score);
      b.assign(first, token);
    });
    const entry = b.add(output, b.lsh(i, 3));
    b.store(entry, candidatesOff(s.positions), token, 4);
    b.store(entry, candidatesOff(s.positions) + 4, b.sub(score, SCORE_MAX + 1), 4);
    const e = lookUpExp(b, b.sub(top, score), table, [factor, shift, half, limit]);
    b.store(b.add(state, b.lsh(i, 3)), weightsOff(s.vocabulary), e, 8);
    b.aluTo(sum, 'add', sum, e);
    b.aluTo(count, 'add', count, 1);
    const more = b.newBlock();
    b.branch('uge', count, wanted, done, more);
    b.startBlock(more);
    b.call(TOP_FUNC, [b.rsh(token, Math.log2(TOP_BLOCK)), key]);
  });
  b.jump(done);
  b.startBlock(done);
  b.store(output, OUTPUT.candidates, count, 4);
  const greedy = b.newBlock();
  const draw = b.newBlock();
  b.branch('eq', temperature, 0, greedy, draw);
  b.startBlock(greedy);
  b.ret(first);
  b.startBlock(draw);
  const random = b.load(state, STATE.random, 4);
  // xorshift32 (Marsaglia 2003)
  for (const [op, bits] of [
    ['lsh', 13],
    ['rsh', 17],
    ['lsh', 5],
  ] as const) {
    b.aluTo(random, 'xor', random, b.alu(op, random, bits));
    b.aluTo(random, 'and', random, -1, 32);
  }
  b.store(state, STATE.random, random, 4);
  const target = b.rsh(b.mul(random, sum), 32);
  const chosen = b.copy(first);
  const left = b.copy(target);
  const end = b.newBlock();
  b.loop(0, most, 1, (i) => {
    const [go, take, next] = [b.newBlock(), b.newBlock(), b.newBlock()];
    b.branch('uge', i, count, end, go);
    b.startBlock(go);
    const weight = b.load(b.add(state, b.lsh(i, 3)), weightsOff(s.vocabulary), 8);
    b.branch('ult', left, weight, take, next);
    b.startBlock(take);
    b.assign(chosen, b.load(b.add(output, b.lsh(i, 3)), candidatesOff(s.positions), 4));
    b.jump(end);
    b.startBlock(next);
    b.aluTo(left, 'sub', left, weight);
  });
  b.jump(end);
  b.startBlock(end);
  b.ret(chosen);
  b.startBlock(bail);
  b.ret(0);
  return b.finish();
}
