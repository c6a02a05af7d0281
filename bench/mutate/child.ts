/**
 * One process of `npm run long mutate`: reads inputs [from, to) of a parser one after another. Where it is stands in a file at every moment, so that the one who watches knows which
 * input it was when this process hangs or dies.
 */
import { openSync, writeSync } from 'node:fs';
import { Dice } from './dice.ts';
import { judgeError, type Outcome } from './judge.ts';
import { PARSERS } from './parsers.ts';

export interface Order {
  readonly parser: string;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}

export type Report =
  | { readonly kind: 'finding'; readonly index: number; readonly what: string; readonly bytes: string }
  | {
      readonly kind: 'done';
      readonly read: number;
      readonly refused: number;
      readonly slowestMs: number;
      readonly slowest: number;
      /** The most that one input added to this process's largest memory, in MB. */
      readonly mostMB: number;
    };

/** Files are no larger: the limits on memory are those of files of this size. */
const MOST_BYTES = 1 << 20;

/** Every input has a seed of its own. */
export const seedOf = (seed: number, index: number): number => (Math.imul(seed, 0x9e3779b1) + index) >>> 0;

const place = process.argv[2] === undefined ? -1 : openSync(process.argv[2], 'r+');
const now = Buffer.alloc(8);
const peakMB = (): number => process.resourceUsage().maxRSS / 1024;

/** The input, and whether it is being read by now. */
function mark(index: number, reading: 0 | 1): void {
  now.writeUInt32LE(index, 0);
  now.writeUInt32LE(reading, 4);
  writeSync(place, now, 0, 8, 0);
}

async function work({ parser, seed, from, to }: Order): Promise<void> {
  const found = PARSERS.find(({ name }) => name === parser)!;
  let [read, refused, slowestMs, slowest, mostMB] = [0, 0, 0, from, 0];
  // What reading a whole file takes is no finding of the first changed one.
  for (const whole of found.seeds) {
    try {
      await found.open(whole, new Dice(0));
    } catch {
      // Seeds may be refused, too.
    }
  }
  let peak = peakMB();
  for (let index = from; index < to; index++) {
    mark(index, 0);
    const dice = new Dice(seedOf(seed, index));
    const bytes = found.change(dice, dice.one(found.seeds), found.seeds).slice(0, MOST_BYTES);
    // What making it took is not what reading it takes.
    peak = peakMB();
    mark(index, 1);
    const started = performance.now();
    let outcome: Outcome = { kind: 'read' };
    try {
      await found.open(bytes, dice);
    } catch (error) {
      outcome = judgeError(error);
    }
    const ms = performance.now() - started;
    if (ms > slowestMs) [slowestMs, slowest] = [ms, index];
    const after = peakMB();
    mostMB = Math.max(mostMB, after - peak);
    if (after - peak > found.limitMB)
      outcome = { kind: 'finding', what: `takes ${Math.round(after - peak)} MB, more than ${found.limitMB}` };
    peak = after;
    if (outcome.kind === 'read') read++;
    else if (outcome.kind === 'refused') refused++;
    else process.send!({ kind: 'finding', index, what: outcome.what, bytes: Buffer.from(bytes).toString('base64') } satisfies Report);
  }
  process.send!({ kind: 'done', read, refused, slowestMs: Math.round(slowestMs), slowest, mostMB: Math.round(mostMB) } satisfies Report);
}

if (place >= 0) {
  process.on('message', (order: Order) => void work(order));
  process.on('disconnect', () => process.exit());
  // An interrupt at the terminal reaches all; the order under way is read to its end.
  process.on('SIGINT', () => {});
  process.send!({ kind: 'ready' });
}
