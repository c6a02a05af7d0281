import {
  ABS,
  ALU,
  ALU64,
  ATOMIC,
  CALL,
  classOf,
  DW,
  END,
  EXIT,
  IMM,
  IND,
  JA,
  JCOND,
  JMP,
  JMP32,
  LD,
  LDX,
  MEM,
  MEMSX,
  modeOf,
  NEG,
  OP_CALL,
  OP_LDDW,
  opOf,
  PSEUDO_BTF_ID,
  PSEUDO_CALL,
  PSEUDO_FUNC,
  ST,
  X,
} from '../bpf/insn.ts';
import type { Insn } from '../bpf/program.ts';
import { E2BIG, EACCES, EINVAL, type Env, EPERM, NO_REG, type SubprogInfo } from './env.ts';
import { allowedHelper } from './helper-rules.ts';
import { checkKernelSymbol } from './kernel-symbols.ts';
import { changesPacket, isAsyncCallbackKfunc, isIterNext, isKfuncCall, isSyncCallbackKfunc, kfuncAt } from './kfunc-table.ts';
import { checkMapLoad } from './mapload.ts';
import { changesPacketData, isAsyncCallbackHelper, isSyncCallbackHelper } from './protos.ts';
import type { Rules } from './rules.ts';

const MAX_SUBPROGS = 256;

const isLddw = (insn: Insn): boolean => insn.opcode === OP_LDDW;
const isCallTo = (insn: Insn): boolean => insn.opcode === OP_CALL && insn.src === PSEUDO_CALL;
const isFuncPointer = (insn: Insn): boolean => isLddw(insn) && insn.src === PSEUDO_FUNC;
const isHelperCall = (insn: Insn): boolean => insn.opcode === OP_CALL && insn.src === 0;

export function jumpOffset(insn: Insn): number {
  return insn.opcode === (JMP32 | JA) ? insn.imm : insn.off;
}

/** Notes for each instruction what may follow it within its function and, where that is all, which register it writes. */
export function noteFlow(env: Env): void {
  for (let idx = 0; idx < env.insns.length; idx++) {
    const insn = env.insns[idx]!;
    const cls = classOf(insn);
    const op = opOf(insn);
    const isJmp = cls === JMP || cls === JMP32;
    if (cls === ALU || cls === ALU64 || cls === LDX) env.writtenReg[idx] = insn.dst;
    else if (isJmp ? op !== CALL && op !== EXIT && (op === JA || (insn.opcode & X) === 0) : insn.opcode === 0) env.writtenReg[idx] = NO_REG;
    if (isJmp && op === EXIT) continue;
    if (!(isJmp && op === JA)) env.following[idx] = idx + (isLddw(insn) ? 2 : 1);
    if (isJmp && op !== CALL) env.target[idx] = idx + jumpOffset(insn) + 1;
  }
}

/** Index of the function that contains an instruction. */
export function subprogAt(env: Env, idx: number): number {
  let low = 0;
  let high = env.subprogs.length - 1;
  while (low < high) {
    const mid = (low + high + 1) >> 1;
    if (env.subprogs[mid]!.start <= idx) low = mid;
    else high = mid - 1;
  }
  return low;
}

/** Index of the function that starts at `idx`, or -1. */
export function subprogStarting(env: Env, idx: number): number {
  const i = subprogAt(env, idx);
  return env.subprogs[i]!.start === idx ? i : -1;
}

/** Finds the functions: the first instruction, and whatever is called or has its address taken. */
export function findSubprogs(env: Env): void {
  const starts = new Set([0]);
  env.insns.forEach((insn, idx) => {
    if (!isCallTo(insn) && !isFuncPointer(insn)) return;
    if (!env.rules.bpfCapable) {
      env.subprogs = functionsAt(env, starts);
      env.fail(EPERM, 'loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN\n');
    }
    const target = idx + insn.imm + 1;
    const isInside = target >= 0 && target < env.insns.length;
    if (isInside) starts.add(target);
    if (isInside && starts.size <= MAX_SUBPROGS) return;
    // The counters tell the functions found so far.
    env.subprogs = functionsAt(env, starts);
    if (!isInside) env.fail(EINVAL, 'call to invalid destination\n');
    env.fail(E2BIG, 'too many subprograms\n');
  });
  const callback = exceptionCallback(env);
  if (callback > 0) starts.add(callback);
  env.subprogs = functionsAt(env, starts);
  if (callback > 0) {
    env.exceptionCallback = subprogStarting(env, callback);
    // It runs by itself, like a callback that comes later (kernel `mark_subprog_exc_cb`).
    const sub = env.subprogs[env.exceptionCallback]!;
    sub.isCallback = true;
    sub.isAsyncCallback = true;
  }
  if (!env.log.detail) return;
  env.subprogs.forEach((s, i) => {
    env.log.write(`func#${i} @${s.start}\n`);
  });
}

/** Where the function starts that BTF names as the exception callback, 0 for none (kernel `bpf_find_exception_callback_insn_off`). */
function exceptionCallback(env: Env): number {
  const names = env.program.exceptionCallbacks ?? [];
  if (names.length === 0) return 0;
  if (names.length > 1) env.fail(EINVAL, 'multiple exception callback tags for main subprog\n');
  const found = env.program.subprogs.find((sub) => sub.name === names[0]);
  if (!found) env.fail(EINVAL, 'exception callback type id not found in func_info\n');
  if (found.linkage === 'static') env.fail(EINVAL, `exception callback '${names[0]}' must have global linkage\n`);
  return found.start;
}

function functionsAt(env: Env, starts: ReadonlySet<number>): SubprogInfo[] {
  const sorted = [...starts].sort((a, b) => a - b);
  const declared = new Map(env.program.subprogs.map((s, i) => [s.start, i]));
  return sorted.map((start, i): SubprogInfo => {
    const which = declared.get(start) ?? -1;
    const known = env.program.subprogs[which];
    return {
      start,
      end: sorted[i + 1] ?? env.insns.length,
      name: known?.name ?? '',
      isGlobal: i > 0 && known?.linkage === 'global',
      declared: which,
      stackDepth: 0,
      hasTailCall: false,
      hasLdAbs: false,
      changesPacket: false,
      mightSleep: false,
      isCallback: false,
      isAsyncCallback: false,
      called: false,
      verified: false,
      unreliable: false,
      fastcallStackOff: 0,
      keepFastcallStack: false,
      postStart: 0,
      postEnd: 0,
    };
  });
}

/** Jumps stay within their function, and each function ends in an exit or a jump. */
export function checkSubprogs(env: Env): void {
  for (const sub of env.subprogs) {
    for (let i = sub.start; i < sub.end; i++) {
      const insn = env.insns[i]!;
      const cls = classOf(insn);
      if (isHelperCall(insn) && insn.imm === 12) sub.hasTailCall = true;
      if (cls === LD && (modeOf(insn) === ABS || modeOf(insn) === IND)) sub.hasLdAbs = true;
      const isJmp = cls === JMP || cls === JMP32;
      const op = opOf(insn);
      if (isJmp && op !== CALL && op !== EXIT) {
        const target = i + jumpOffset(insn) + 1;
        if (target < sub.start || target >= sub.end) {
          env.insnIdx = i;
          env.fail(EINVAL, `jump out of range from insn ${i} to ${target | 0}\n`);
        }
      }
      if (i === sub.end - 1 && insn.opcode !== (JMP | EXIT) && insn.opcode !== (JMP32 | JA) && insn.opcode !== (JMP | JA)) {
        env.insnIdx = i;
        env.fail(EINVAL, 'last insn is not an exit or jmp\n');
      }
    }
  }
}

/** BTF gives functions their prototypes; without it some instructions are confined to the main one. */
export function checkAbnormalReturn(env: Env): void {
  for (const sub of env.subprogs.slice(1)) {
    const declared = env.program.subprogs[sub.declared];
    if (declared && !declared.untyped) {
      // These end the function with a number where the packet or the called program is missing.
      const isVoid = declared.returns === 'void';
      if (isVoid && sub.hasLdAbs) env.fail(EINVAL, "LD_ABS is only allowed in functions that return 'int'.\n");
      if (isVoid && sub.hasTailCall) env.fail(EINVAL, "tail_call is only allowed in functions that return 'int'.\n");
      continue;
    }
    if (sub.hasLdAbs) env.fail(EINVAL, 'LD_ABS is not allowed in subprogs without BTF\n');
    if (sub.hasTailCall) env.fail(EINVAL, 'tail_call is not allowed in subprogs without BTF\n');
  }
}

function isKnownOpcode(opcode: number, rules: Rules): boolean {
  const cls = opcode & 7;
  const op = opcode & 0xf0;
  const mode = opcode & 0xe0;
  switch (cls) {
    case ALU:
    case ALU64:
      if (op === NEG) return (opcode & 8) === 0;
      if (op === END) return cls === ALU || (rules.v4 && (opcode & 8) === 0);
      return op < END;
    case JMP:
      if (op === JCOND) return rules.mayGoto && (opcode & 8) === 0;
      if (op === CALL || op === EXIT || op === JA) return (opcode & 8) === 0;
      return op < JCOND;
    case JMP32:
      if (op === JA) return rules.v4 && (opcode & 8) === 0;
      return op !== CALL && op !== EXIT && op < JCOND;
    case LD:
      return opcode === OP_LDDW || ((mode === ABS || mode === IND) && (opcode & 0x18) !== DW);
    case LDX:
      return mode === MEM || (mode === MEMSX && (opcode & 0x18) !== DW);
    case ST:
      return mode === MEM;
    default:
      return mode === MEM || (mode === ATOMIC && (rules.narrowAtomics || (opcode & 0x18) === 0 || (opcode & 0x18) === DW));
  }
}

/** Encodings that need no context: opcodes, 16-byte loads, maps (kernel `resolve_pseudo_ldimm64`). */
export function checkEncoding(env: Env): void {
  const insns = env.insns;
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i]!;
    env.insnIdx = i;
    const mode = modeOf(insn);
    const loads = mode === MEM || (mode === MEMSX && env.rules.v4);
    if (classOf(insn) === LDX && (!loads || insn.imm !== 0)) env.fail(EINVAL, 'BPF_LDX uses reserved fields\n');
    if (insn.opcode === (LD | IMM | DW)) {
      const next = insns[i + 1];
      if (next?.opcode !== 0 || next.dst !== 0 || next.src !== 0 || next.off !== 0) env.fail(EINVAL, 'invalid bpf_ld_imm64 insn\n');
      if (insn.src === PSEUDO_BTF_ID) checkKernelSymbol(env, insn.imm);
      else if (insn.src !== 0 && insn.src !== PSEUDO_FUNC) checkMapLoad(env, insn, next.imm);
      i++;
      continue;
    }
    if (!isKnownOpcode(insn.opcode, env.rules)) env.fail(EINVAL, `unknown opcode ${insn.opcode.toString(16).padStart(2, '0')}\n`);
  }
}

const DISCOVERED = 0x10;
const EXPLORED = 0x20;
const FALLTHROUGH = 1;
const BRANCH = 2;

/** Depth-first walk that finds unreachable code and marks where states are compared and history is kept (kernel `check_cfg`). */
export class CfgWalk {
  private readonly env: Env;
  private readonly state: Uint8Array;
  private readonly stack: number[] = [];

  constructor(env: Env) {
    this.env = env;
    this.state = new Uint8Array(env.insns.length);
  }

  run(): void {
    this.walkFrom(0);
    const callback = this.env.exceptionCallback;
    if (callback > 0 && this.state[this.env.subprogs[callback]!.start] === 0) this.walkFrom(this.env.subprogs[callback]!.start);
    this.checkReached();
  }

  private walkFrom(start: number): void {
    this.state[start] = DISCOVERED;
    this.stack.push(start);
    while (this.stack.length > 0) {
      const t = this.stack[this.stack.length - 1]!;
      if (this.visit(t)) continue;
      this.state[t] = EXPLORED;
      this.stack.pop();
    }
  }

  private checkReached(): void {
    const { env, state } = this;
    for (let i = 0; i < env.insns.length; i++) {
      env.insnIdx = i;
      if (state[i] !== EXPLORED) env.fail(EINVAL, `unreachable insn ${i}\n`);
      if (!isLddw(env.insns[i]!)) continue;
      if (state[i + 1] !== 0) env.fail(EINVAL, `jump into the middle of ldimm64 insn ${i}\n`);
      i++;
    }
  }

  /** True when a new instruction was pushed and `t` must be looked at again. */
  private push(t: number, w: number, edge: number, isCall = false): boolean {
    const { env, state } = this;
    if (state[t]! >= (DISCOVERED | edge)) return false;
    if (w < 0 || w >= env.insns.length) {
      env.insnIdx = t;
      env.fail(EINVAL, `jump out of range from insn ${t} to ${w | 0}\n`);
    }
    if (edge === BRANCH) {
      env.prunePoint[w] = 1;
      env.jmpPoint[w] = 1;
    }
    if (state[w] === 0) {
      state[t] = DISCOVERED | edge;
      state[w] = DISCOVERED;
      this.stack.push(w);
      return true;
    }
    if (state[w] === EXPLORED) {
      state[t] = DISCOVERED | edge;
    } else if (!env.rules.bpfCapable || (isCall && env.rules.recursionIsBackEdge)) {
      env.insnIdx = t;
      env.fail(EINVAL, `back-edge from insn ${t} to ${w | 0}\n`);
    }
    return false;
  }

  private visitCall(t: number, callee: boolean): boolean {
    const { env } = this;
    const insn = env.insns[t]!;
    const next = t + (isLddw(insn) ? 2 : 1);
    if (this.push(t, next, FALLTHROUGH)) return true;
    env.prunePoint[next] = 1;
    env.jmpPoint[next] = 1;
    if (!callee) return false;
    const w = t + insn.imm + 1;
    env.prunePoint[t] = 1;
    const from = env.subprogs[subprogAt(env, t)]!;
    const to = env.subprogs[subprogAt(env, w)]!;
    from.changesPacket ||= to.changesPacket;
    from.mightSleep ||= to.mightSleep;
    return this.push(t, w, BRANCH, isCallTo(insn));
  }

  private visit(t: number): boolean {
    const { env } = this;
    const insn = env.insns[t]!;
    if (isFuncPointer(insn)) return this.visitCall(t, true);
    const cls = classOf(insn);
    if (cls !== JMP && cls !== JMP32) return this.push(t, t + (isLddw(insn) ? 2 : 1), FALLTHROUGH);
    switch (opOf(insn)) {
      case EXIT:
        return false;
      case CALL:
        this.markCall(t, insn);
        return this.visitCall(t, insn.src === PSEUDO_CALL);
      case JA: {
        const w = t + jumpOffset(insn) + 1;
        if (this.push(t, w, FALLTHROUGH)) return true;
        env.prunePoint[w] = 1;
        env.jmpPoint[w] = 1;
        return false;
      }
      default:
        env.prunePoint[t] = 1;
        if (insn.opcode === (JMP | JCOND)) env.forceCheckpoint[t] = 1;
        if (this.push(t, t + 1, FALLTHROUGH)) return true;
        return this.push(t, t + insn.off + 1, BRANCH);
    }
  }

  private markCall(t: number, insn: Insn): void {
    const { env } = this;
    if (isIterNext(env, t)) {
      env.prunePoint[t] = 1;
      env.forceCheckpoint[t] = 1;
    }
    if (insn.src === PSEUDO_CALL) return;
    const name = isKfuncCall(insn) ? (env.program.kfuncCalls.get(t) ?? '') : null;
    if (name === null ? isAsyncCallbackHelper(insn.imm) : isAsyncCallbackKfunc(name)) env.prunePoint[t] = 1;
    if (name === null ? isSyncCallbackHelper(insn.imm) : isSyncCallbackKfunc(name)) {
      env.callsCallback[t] = 1;
      env.forceCheckpoint[t] = 1;
      env.prunePoint[t] = 1;
      env.jmpPoint[t] = 1;
    }
    const sub = env.subprogs[subprogAt(env, t)]!;
    if (name !== null) {
      if (kfuncAt(env, t)?.sleepable) sub.mightSleep = true;
      if (changesPacket(name)) sub.changesPacket = true;
      return;
    }
    if (allowedHelper(env.rules, env.program.progType, env.attachType, insn.imm)?.mightSleep) sub.mightSleep = true;
    if (changesPacketData(insn.imm)) sub.changesPacket = true;
  }
}

/** Instructions of each function after everything they lead to, for the analyses that run backwards. */
export function computePostorder(env: Env): void {
  const n = env.insns.length;
  const { following, target } = env;
  const order = new Int32Array(n);
  const stack = new Int32Array(n);
  const state = new Uint8Array(n);
  let count = 0;
  for (const sub of env.subprogs) {
    sub.postStart = count;
    let height = 1;
    stack[0] = sub.start;
    state[sub.start]! |= DISCOVERED;
    while (height > 0) {
      const top = stack[height - 1]!;
      if (state[top]! & EXPLORED) {
        order[count++] = top;
        height--;
        continue;
      }
      const next = following[top]!;
      if (next >= 0 && !state[next]) {
        state[next] = DISCOVERED;
        stack[height++] = next;
      }
      const jump = target[top]!;
      if (jump >= 0 && !state[jump]) {
        state[jump] = DISCOVERED;
        stack[height++] = jump;
      }
      state[top]! |= EXPLORED;
    }
    sub.postEnd = count;
  }
  env.postorder = order.subarray(0, count);
}

/** Numbers the loops: strongly connected parts of the flow graph (Tarjan), 0 for straight code. */
export function computeScc(env: Env): void {
  const n = env.insns.length;
  const NOT_ON_STACK = 0xffffffff;
  const pre = new Uint32Array(n);
  const low = new Uint32Array(n);
  const stack = new Int32Array(n);
  const dfs = new Int32Array(n);
  let nextPre = 1;
  let nextScc = 1;
  for (let i = 0; i < n; i++) {
    if (pre[i]) continue;
    let height = 0;
    let depth = 1;
    dfs[0] = i;
    while (depth > 0) {
      const w = dfs[depth - 1]!;
      if (pre[w] === 0) {
        low[w] = nextPre;
        pre[w] = nextPre;
        nextPre++;
        stack[height++] = w;
      }
      let deeper = -1;
      for (let k = 0; k < 2; k++) {
        const next = k === 0 ? env.following[w]! : env.target[w]!;
        if (next < 0 || next >= n) continue;
        if (pre[next] === 0) {
          deeper = next;
          break;
        }
        if (low[next]! < low[w]!) low[w] = low[next]!;
      }
      if (deeper >= 0) {
        dfs[depth++] = deeper;
        continue;
      }
      depth--;
      if (low[w]! < pre[w]!) continue;
      const assign = stack[height - 1] !== w || env.following[w] === w || env.target[w] === w;
      let t: number;
      do {
        t = stack[--height]!;
        low[t] = NOT_ON_STACK;
        if (assign) env.scc[t] = nextScc;
      } while (t !== w);
      if (assign) nextScc++;
    }
  }
}

const MAX_CALL_FRAMES = 8;

/** Sum of the frames along every chain of calls (kernel `check_max_stack_depth`); a JIT rounds each to 16 bytes. */
export function checkStackDepth(env: Env): void {
  for (let root = env.subprogs.length - 1; root >= 0; root--) {
    if (root === 0 || env.subprogs[root]!.isAsyncCallback) walkCalls(env, root, usesPrivateStack(env) && root === 0);
  }
}

/** Program types whose frames live outside the kernel stack when they are large: tracing kinds, with no tail call (kernel `bpf_enable_priv_stack`). */
function usesPrivateStack(env: Env): boolean {
  if (!env.rules.privateStack) return false;
  if (env.subprogs.some((s) => s.hasTailCall)) return false;
  return [2, 5, 7, 17].includes(env.program.progType);
}

function walkCalls(env: Env, root: number, privateStack: boolean): void {
  let idx = root;
  let i = env.subprogs[root]!.start;
  let depth = 0;
  const returns: { insn: number; subprog: number; size: number }[] = [];
  // The same function at the same depth fails or passes as it did before: chains of calls are exponentially many.
  const seen = new Set<string>();
  for (;;) {
    const sub = env.subprogs[idx]!;
    if (idx !== 0 && sub.hasTailCall && depth >= 256)
      env.fail(EACCES, `tail_calls are not allowed when call stack of previous frames is ${depth} bytes. Too large\n`);
    const { frameRounding } = env.rules;
    const rounded = Math.max(Math.ceil(sub.stackDepth / frameRounding), frameRounding === 32 ? 1 : 0) * frameRounding;
    const adaptive = privateStack && rounded >= 64;
    const size = adaptive ? 0 : rounded;
    if (adaptive && rounded > 512) env.fail(EACCES, `stack size of subprog ${idx} is ${rounded}. Too large\n`);
    depth += size;
    if (depth > (env.profile?.stackBytes ?? 512))
      env.fail(EACCES, `combined stack size of ${returns.length + 1} calls is ${depth}. Too large\n`);
    let current = { subprog: idx, size };
    for (;;) {
      const call = nextCall(env, i, env.subprogs[current.subprog]!.end, [current.subprog, ...returns.map((back) => back.subprog)]);
      const key = call ? `${call.callee},${depth},${returns.length}` : '';
      if (call && seen.has(key)) {
        i = call.idx + 1;
        continue;
      }
      if (call) {
        seen.add(key);
        returns.push({ insn: call.idx + 1, ...current });
        if (returns.length >= MAX_CALL_FRAMES) env.fail(E2BIG, `the call stack of ${returns.length} frames is too deep !\n`);
        idx = call.callee;
        i = env.subprogs[idx]!.start;
        break;
      }
      const back = returns.pop();
      if (!back) return;
      depth -= current.size;
      i = back.insn;
      current = { subprog: back.subprog, size: back.size };
    }
  }
}

function nextCall(env: Env, from: number, end: number, chain: readonly number[]): { idx: number; callee: number } | null {
  for (let i = from; i < end; i++) {
    const insn = env.insns[i]!;
    // An exception unwinds to the program, which a callback's caller in the kernel would not survive.
    if (isKfuncCall(insn) && env.program.kfuncCalls.get(i) === 'bpf_throw' && chain.some((sub) => env.subprogs[sub]!.isCallback))
      env.fail(EINVAL, `bpf_throw kfunc (insn ${i}) cannot be called from callback subprog ${chain[0]}\n`);
    if (!isCallTo(insn) && !isFuncPointer(insn)) continue;
    const callee = subprogStarting(env, i + insn.imm + 1);
    if (env.subprogs[callee]!.isAsyncCallback && !isCallTo(insn)) continue;
    if (callee === env.exceptionCallback) env.fail(EINVAL, `insn ${i} cannot call exception cb directly`);
    return { idx: i, callee };
  }
  return null;
}
