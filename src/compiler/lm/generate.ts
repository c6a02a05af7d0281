import { FuncBuilder as Builder, type FuncBuilder, type Reg } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { type Layout, linkageOf, MAP_OF } from '../kernels/frame.ts';
import { blockAfter, type WeightsLayout } from '../weights-map.ts';
import type { Decoder } from './decoder.ts';
import { checked, entryOf } from './frame.ts';
import { FLAG_RESET, INPUT, OUTPUT, STATE, STATUS } from './layout.ts';
import type { LoweredDecoder } from './lower.ts';
import { PICK_FUNC, STATE_MAP } from './sample-kernels.ts';

const TOKEN_FUNC = 'one_token';

/**
 * Answers the request in map `input` (its entry) in map `output`: reads the prompt and generates tokens, one position after the other, until enough are
 * there or one says stop. `swaps`: how often the weights were replaced when the call began; all of it reads the block that was live then. Gives the
 * status. It is no function of its own, for every frame counts where loops are callbacks.
 */
export function writeGenerate(
  b: FuncBuilder,
  { positions }: Pick<Decoder, 'positions'>,
  map: WeightsLayout,
  at: { readonly input: Reg; readonly output: Reg; readonly state: Reg; readonly swaps: Reg },
): Reg {
  const { input, output, state, swaps } = at;
  b.when('ne', b.and(b.load(input, INPUT.flags, 4), FLAG_RESET), 0, () => {
    b.store(state, STATE.position, 0, 4);
    b.store(state, STATE.swaps, swaps, 4);
    const seed = b.load(input, INPUT.seed, 4);
    // Zero is the fixed point of the generator.
    b.when('eq', seed, 0, () => b.assign(seed, 1));
    b.store(state, STATE.random, seed, 4);
  });
  b.store(output, OUTPUT.count, 0, 4);
  b.store(output, OUTPUT.candidates, 0, 4);
  const live = blockAfter(b, swaps, map);
  const prompt = b.load(input, INPUT.prompt, 4);
  const rounds = b.add(prompt, b.load(input, INPUT.generate, 4));
  // The last token of a prompt gives the first new one, which takes no position of its own yet.
  b.when('ne', prompt, 0, () => b.when('ne', rounds, prompt, () => b.aluTo(rounds, 'sub', rounds, 1)));
  const status = b.copy(STATUS.stale);
  const [done, fresh] = [b.newBlock(), b.newBlock()];
  // Keys and values of the old weights say nothing to the new ones.
  b.branch('eq', b.load(state, STATE.swaps, 4), swaps, fresh, done);
  b.startBlock(fresh);
  b.assign(status, STATUS.done);
  b.loop(0, 2 * positions, 1, (i) => {
    const [go, next] = [b.newBlock(), b.newBlock()];
    b.branch('uge', i, rounds, done, go);
    b.startBlock(go);
    b.assign(status, b.call(TOKEN_FUNC, [i, live, swaps]));
    b.branch('ne', status, STATUS.done, done, next);
    b.startBlock(next);
  });
  b.jump(done);
  b.startBlock(done);
  b.store(output, OUTPUT.status, status, 4);
  b.store(output, OUTPUT.position, b.load(state, STATE.position, 4), 4);
  return status;
}

/** One position: round `i` (argument 0) reads a token of the prompt or the one that was chosen last; from the prompt's end on it chooses the next. Then the live block and how often  the weights were replaced. */
export function tokenFunc(
  decoder: Decoder,
  lowered: LoweredDecoder,
  layout: Layout,
  origin: OriginId,
  sampling: OriginId,
  writeCalls: (b: FuncBuilder, part: LoweredDecoder['head'], position: Reg, live: Reg) => void,
): IrFunc {
  // Bounded loops: a large vocabulary takes more rounds than `may_goto` goes without looking at the clock.
  const b = new Builder(TOKEN_FUNC, linkageOf(layout), ['scalar', 'scalar', 'scalar'], 'scalar');
  b.setOrigin(origin);
  const [bail, full] = [b.newBlock(), b.newBlock()];
  const [round, live, swaps] = [b.arg(0), b.arg(1), b.arg(2)];
  const input = entryOf(b, MAP_OF.input, bail);
  const state = entryOf(b, STATE_MAP, bail);
  const position = b.load(state, STATE.position, 4);
  checked(b, 'ugt', position, decoder.positions - 1, full);
  const token = b.load(state, STATE.last, 4);
  const prompt = b.load(input, INPUT.prompt, 4);
  b.when('ult', round, prompt, () => {
    b.when('ult', round, decoder.positions, () => b.assign(token, b.load(b.add(input, b.lsh(round, 1)), INPUT.tokens, 2)));
  });
  b.store(input, INPUT.token, token, 4);
  b.store(state, STATE.position, b.add(position, 1), 4);
  for (const part of lowered.parts) writeCalls(b, part, position, live);
  b.setOrigin(origin);
  const [early, choose] = [b.newBlock(), b.newBlock()];
  const later = b.add(round, 1);
  b.branch('ult', later, prompt, early, choose);
  b.startBlock(choose);
  const wanted = b.newBlock();
  b.branch('eq', b.load(input, INPUT.generate, 4), 0, early, wanted);
  b.startBlock(wanted);
  writeCalls(b, lowered.head, position, live);
  b.setOrigin(sampling);
  const chosen = b.call(PICK_FUNC, [swaps]);
  const output = entryOf(b, MAP_OF.output, bail);
  const count = b.load(output, OUTPUT.count, 4);
  b.store(state, STATE.last, chosen, 4);
  b.when('ult', count, decoder.positions, () => {
    b.store(b.add(output, b.lsh(count, 2)), OUTPUT.tokens, chosen, 4);
    b.store(output, OUTPUT.count, b.add(count, 1), 4);
  });
  const [stop, more] = [b.newBlock(), b.newBlock()];
  b.branch('eq', b.and(chosen, -1), b.load(input, INPUT.stop, 4), stop, more);
  b.startBlock(stop);
  b.ret(STATUS.stopped);
  b.startBlock(more);
  b.jump(early);
  b.startBlock(early);
  b.ret(STATUS.done);
  b.startBlock(full);
  b.ret(STATUS.full);
  b.startBlock(bail);
  b.ret(STATUS.full);
  return b.finish();
}
