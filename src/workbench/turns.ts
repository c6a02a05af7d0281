/** Nothing that was begun before holds up what the user asks for longer than this. */
const PATIENCE_MS = 20_000;

let last: Promise<void> = Promise.resolve();

export interface Turn {
  /** Resolves when what was begun before is over, or has taken too long. */
  readonly come: Promise<void>;
  /** Lets the next one begin; a second time is nothing. */
  readonly end: () => void;
}

/** A place in the order in which files are opened: a trace goes to the program that was opened before it, however long that takes to be read. */
export function takeTurn(): Turn {
  const before = last;
  let end = (): void => {};
  last = new Promise((resolve) => {
    end = resolve;
  });
  const tooLong = new Promise<void>((resolve) => setTimeout(resolve, PATIENCE_MS));
  return { come: Promise.race([before, tooLong]), end };
}
