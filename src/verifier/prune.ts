import { JCOND, JMP } from '../bpf/insn.ts';
import { pushHistory } from './args.ts';
import { EINVAL, type Env } from './env.ts';
import { type Exactness, maybeLooping, statesEqual } from './equal.ts';
import { advancesActive } from './iterator-args.ts';
import { iteratorsDiffer } from './iterators.ts';
import { isIterNext } from './kfunc-table.ts';
import { exploredAt, sameCallsites } from './loops.ts';
import { markAllImprecise, markAllPrecise, propagatePrecision } from './precision.ts';
import { markNotInit, REG } from './reg.ts';
import { Explored, FP, SLOT_INVALID, type State } from './state.ts';

/**
 * Pruning: a path that reaches an instruction in a state that an earlier one covered need not be followed (kernel
 * `is_state_visited`). Inside a loop the old state's precision is not final before the loop is done; such hits are kept
 * as back edges and their precision is settled when the loop's part of the graph is left.
 */
export interface Visit {
  /** Chain of calls into the loop, as the log shows it. */
  readonly key: string;
  entry: State | null;
  /** Oldest first; the kernel settles the latest first. */
  backedges: State[];
  count: number;
}

const MAX_ROUNDS = 64;

export class Loops {
  private readonly env: Env;
  private readonly visits = new Map<string, Visit>();

  constructor(env: Env) {
    this.env = env;
  }

  /** Chain of calls into the outermost loop that a state is in, as the log shows it; null outside of loops. */
  private chain(st: State): string | null {
    const { env } = this;
    let text = '';
    for (let i = 0; i < st.frames.length; i++) {
      const idx = st.insnIdxOf(i);
      const scc = env.scc[idx]!;
      if (scc) return `(${text}${scc})`;
      text += `${idx},`;
    }
    return null;
  }

  /** Where a kept state stands never changes. */
  private visitOf(st: State): Visit | null {
    if (st.loop !== undefined) return st.loop;
    const key = this.chain(st);
    let visit = key === null ? null : (this.visits.get(key) ?? null);
    if (key !== null && !visit) {
      visit = { key, entry: null, backedges: [], count: 0 };
      this.visits.set(key, visit);
    }
    st.loop = visit;
    return visit;
  }

  enter(st: State): void {
    const visit = this.visitOf(st);
    if (!visit || visit.entry) return;
    visit.entry = st;
    if (this.env.log.detail) this.env.log.write(`SCC enter ${visit.key}\n`);
  }

  /** All paths from a kept state are done. */
  exit(st: State): void {
    const visit = this.visitOf(st);
    if (!visit || visit.entry !== st) return;
    if (this.env.log.detail) this.env.log.write(`SCC exit ${visit.key}\n`);
    visit.entry = null;
    this.env.backedgeCount -= visit.count;
    visit.count = 0;
    this.env.updatePeak();
    this.settle(visit);
  }

  addBackedge(at: State, backedge: State): void {
    const visit = this.visitOf(at);
    if (!visit) return;
    if (this.env.log.detail) this.env.log.write(`SCC backedge ${visit.key}\n`);
    visit.backedges.push(backedge);
    visit.count++;
    this.env.backedgeCount++;
    this.env.updatePeak();
  }

  /** Precision of a state in a loop that still has open ends is not final. */
  isIncomplete(st: State): boolean {
    const visit = this.visitOf(st);
    return visit !== null && visit.backedges.length > 0;
  }

  private settle(visit: Visit): void {
    const { env } = this;
    for (let round = 1; ; round++) {
      if (round > MAX_ROUNDS + 1) {
        if (env.log.detail) env.log.write('propagate_backedges: too many iterations\n');
        for (const st of visit.backedges) markAllPrecise(env, st);
        break;
      }
      let changed = false;
      for (let i = visit.backedges.length - 1; i >= 0; i--) {
        const st = visit.backedges[i]!;
        if (propagatePrecision(env, st.equalState!, st)) changed = true;
      }
      if (!changed) break;
    }
    for (const st of visit.backedges) env.release(st);
    visit.backedges = [];
  }
}

/** Wipes what nothing reads any more, so that more states look alike. */
function cleanState(env: Env, st: State): void {
  env.stackLive.queryInit(st);
  st.cleaned = true;
  st.frames.forEach((frame, i) => {
    const live = env.liveRegs[st.insnIdxOf(i)]!;
    for (let r = 0; r < FP; r++) if (!(live & (1 << r))) markNotInit(frame.regs, r * REG);
    for (let spi = 0; spi < frame.slots; spi++) {
      if (env.stackLive.isAlive(frame.frameno, spi)) continue;
      markNotInit(frame.spills, spi * REG);
      for (let j = 0; j < 8; j++) frame.types[spi * 8 + j] = SLOT_INVALID;
    }
  });
}

function isCovered(env: Env, old: State, cur: State, exact: Exactness): boolean {
  const equal = statesEqual(env, old, cur, exact);
  env.watcher?.compared(old, exact, equal);
  return equal;
}

/** True when the current state need not be explored from here; otherwise it may be kept for later comparisons. */
export function isVisited(env: Env): boolean {
  const insnIdx = env.insnIdx;
  const cur = env.cur;
  const force = env.testStateFreq || env.forceCheckpoint[insnIdx] === 1 || cur.history.length > 40;
  let add = force || (env.jumps - env.prevJumps >= 2 && env.processed - env.prevProcessed >= 8);
  const bucket = exploredAt(env, insnIdx);
  let list = env.explored.get(bucket);
  if (!list) {
    list = [];
    env.explored.set(bucket, list);
  }
  for (let i = list.length - 1; i >= 0; i--) {
    const st = list[i]!.state;
    if (st.branches || st.insnIdx !== insnIdx || st.cleaned || !sameCallsites(st, cur) || env.loops.isIncomplete(st)) continue;
    cleanState(env, st);
  }
  let count = 0;
  let loop = false;
  for (let i = list.length - 1; i >= 0; i--) {
    const sl = list[i]!;
    count++;
    if (sl.state.insnIdx !== insnIdx) continue;
    if (sl.state.branches) {
      const found = compareOpen(env, sl.state, cur, insnIdx);
      if (found) {
        // 6.18 forgets to say here that a callback's round ends in a loop: what the state compared before said still holds.
        if (!env.callsCallback[insnIdx]) loop = true;
        hit(env, sl, cur, loop);
        return true;
      }
      if (!force && env.jumps - env.prevJumps < 20 && env.processed - env.prevProcessed < 100) add = false;
    } else {
      loop = env.loops.isIncomplete(sl.state);
      if (isCovered(env, sl.state, cur, loop ? 'within' : 'covered')) {
        hit(env, sl, cur, loop);
        return true;
      }
    }
    miss(env, list, i, add);
  }
  if (env.maxStatesPerInsn < count) env.maxStatesPerInsn = count;
  if (add) keepState(env, list);
  return false;
}

/** A state on the path that led here: the same state again is an endless loop, a covered one ends some kinds of loops. */
function compareOpen(env: Env, old: State, cur: State, insnIdx: number): boolean {
  if (old.frame.isAsyncCallback && old.frame.asyncEntryCount !== cur.frame.asyncEntryCount) return false;
  if (isIterNext(env, insnIdx)) return isCovered(env, old, cur, 'within') && advancesActive(env);
  if (env.insns[insnIdx]!.opcode === (JMP | JCOND)) {
    if (old.mayGotoDepth !== cur.mayGotoDepth && isCovered(env, old, cur, 'within')) return true;
  }
  if (env.callsCallback[insnIdx]) return isCovered(env, old, cur, 'within');
  if (
    maybeLooping(old, cur) &&
    isCovered(env, old, cur, 'exact') &&
    !iteratorsDiffer(old, cur) &&
    old.mayGotoDepth === cur.mayGotoDepth &&
    old.callbackUnrollDepth === cur.callbackUnrollDepth
  ) {
    env.printLine(insnIdx, '; ');
    env.say(`infinite loop detected at insn ${insnIdx}\n`);
    if (!env.rules.showsLoopStates) env.fail(EINVAL, '');
    env.say(`cur state:${env.stateLine(cur)}old state:${env.stateLine(old)}`);
    env.fail(EINVAL, '');
  }
  return false;
}

function hit(env: Env, sl: Explored, cur: State, loop: boolean): void {
  sl.hits++;
  if (env.jmpPoint[env.insnIdx]) pushHistory(env, cur, 0, null);
  propagatePrecision(env, sl.state, cur);
  if (!loop) return;
  const backedge = cur.clone();
  backedge.equalState = sl.state;
  backedge.insnIdx = env.insnIdx;
  env.loops.addBackedge(sl.state, backedge);
}

/** A state that seldom helps is forgotten. */
function miss(env: Env, list: Explored[], i: number, added: boolean): void {
  const sl = list[i]!;
  if (added) sl.misses++;
  const n = env.forceCheckpoint[env.insnIdx] === 1 && sl.state.branches > 0 ? 64 : 3;
  if (sl.misses <= sl.hits * n + n) return;
  sl.evicted = true;
  list.splice(i, 1);
  env.freeListSize++;
  env.exploredSize--;
  maybeFree(env, sl);
}

/** An evicted state is only counted until the paths that start at it are done. */
export function maybeFree(env: Env, sl: Explored): void {
  if (!sl.evicted || sl.state.branches !== 0 || env.loops.isIncomplete(sl.state)) return;
  env.freeListSize--;
  env.release(sl.state);
}

function keepState(env: Env, list: Explored[]): void {
  const cur = env.cur;
  env.totalStates++;
  env.kept[env.insnIdx]!++;
  env.exploredSize++;
  env.updatePeak();
  env.prevJumps = env.jumps;
  env.prevProcessed = env.processed;
  markAllImprecise(cur);
  const kept = cur.clone(false);
  kept.insnIdx = env.insnIdx;
  env.loops.enter(kept);
  cur.parent = kept;
  cur.firstInsnIdx = env.insnIdx;
  cur.dfsDepth = kept.dfsDepth + 1;
  cur.handHistory(kept);
  list.push(new Explored(kept));
  env.watcher?.kept(kept);
}
