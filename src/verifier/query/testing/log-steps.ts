/** What a log of level 2 says about one step of the exploration. */
export interface LoggedStep {
  readonly insnIdx: number;
  readonly pruned: boolean;
  /** Instruction before the step on its path, where the log says it: at the beginning of a run. */
  readonly from: number | null;
  /** Registers and slots that the log shows before the step: all of the current frame at the beginning of a run, else what changed. */
  readonly shown: ReadonlyMap<string, string>;
  readonly frame: number;
}

/** `R1=ctx() R10=fp0 fp-8=mmmm????`, with the frame when it is not the first. */
function readState(text: string): { frame: number; shown: Map<string, string> } {
  const frame = /^\s*frame(\d+):/.exec(text);
  const shown = new Map<string, string>();
  for (const [, name, value] of text.matchAll(/(?:^|\s)(R\d+|fp-\d+)=((?:[^\s(]|\([^()]*(?:\([^()]*\)[^()]*)*\))*)/g))
    shown.set(name!, value!);
  return { frame: frame ? Number(frame[1]) : 0, shown };
}

/** Reads a log of level 2 step by step; a reader of its own, so that it can judge what a recording says. */
export function loggedSteps(log: string): LoggedStep[] {
  const steps: LoggedStep[] = [];
  let from: number | null = null;
  let state = readState('');
  const step = (insnIdx: number, pruned: boolean): void => {
    steps.push({ insnIdx, pruned, from, ...state });
    from = null;
    state = readState('');
  };
  for (const line of log.split('\n')) {
    const [, came, to, rest] = /^from (-?\d+) to (\d+):(.*)$/.exec(line) ?? [];
    if (rest !== undefined) {
      from = Number(came);
      if (rest === ' safe') step(Number(to), true);
      else state = readState(rest);
      continue;
    }
    const [, insnIdx, what] = /^(\d+): (.*)$/.exec(line) ?? [];
    if (what === undefined) continue;
    if (what === 'safe') step(Number(insnIdx), true);
    else if (/^\([0-9a-f]{2}\) /.test(what)) {
      step(Number(insnIdx), false);
      const told = what.lastIndexOf(' ; ');
      if (told >= 0) state = readState(what.slice(told + 2));
    } else if (/^(?:frame|R|fp|refs)/.test(what)) state = readState(what);
  }
  return steps;
}
