/** How long each program runs in one round. */
const ROUND_MS = 6;
/** The least rounds, and the most: one round of each program is a few milliseconds. */
const LEAST_ROUNDS = 5;
const MOST_ROUNDS = 80;
/** Rounds that must bring nothing new before the best ones count. */
const QUIET_ROUNDS = 3;
const NEW = 0.98;
/** Programs of one kind take about the same time an instruction; one that takes this much more still waits for the optimising compiler. */
const ALIKE = 1.4;
/** A program that executes less of the longest one than this is not judged by its instructions. */
const LEAST_SHARE = 0.05;

/** A program to time: one run of it, and the instructions that a run executes. */
export interface Timed {
  readonly run: () => void;
  readonly executed: number;
}

/**
 * Nanoseconds of one run of each program. They take turns, so that all meet the same machine, and the best round of each counts. Browsers compile WebAssembly
 * twice, the second time well and in the background: rounds go on until nothing gets faster and all take about as long an instruction. `pause` is called
 * between rounds and may throw.
 */
export async function timesInTurns(programs: readonly Timed[], pause: (round: number, most: number) => Promise<void>): Promise<number[]> {
  const best = programs.map(() => Number.POSITIVE_INFINITY);
  const most = Math.max(...programs.map(({ executed }) => executed));
  const unlike = (): boolean => {
    const each = programs.flatMap(({ executed }, at) => (executed > LEAST_SHARE * most ? [best[at]! / executed] : []));
    return Math.max(...each) > ALIKE * Math.min(...each);
  };
  let quiet = 0;
  for (let round = 0; round < MOST_ROUNDS && (round < LEAST_ROUNDS || quiet < QUIET_ROUNDS || unlike()); round++) {
    quiet++;
    programs.forEach(({ run }, at) => {
      const began = performance.now();
      let runs = 0;
      do {
        run();
        runs++;
      } while (performance.now() - began < ROUND_MS);
      const ns = ((performance.now() - began) / runs) * 1e6;
      if (ns < NEW * best[at]!) quiet = 0;
      best[at] = Math.min(best[at]!, ns);
    });
    await pause(round + 1, MOST_ROUNDS);
  }
  return best;
}
