import type { AddressSpace } from '../address-space.ts';
import { ATOMIC_CMPXCHG, ATOMIC_FETCH, ATOMIC_LOAD } from '../atomic.ts';
import { type Decoded, FIRST_CONST, OP_HELPER, OP_PAST_END, WORD_ARG, WORD_DST, WORD_OP, WORD_SRC, WORDS } from '../decode.ts';
import type { ArrayGeometry } from '../maps.ts';
import type { Counters } from '../profile/counters.ts';
import { type AccessPlan, AccessPlanner, type Group } from './accesses.ts';
import { Bytes } from './bytes.ts';
import { chargesOf, findChains } from './chains.ts';
import { accessOf, liveAfter } from './effects.ts';
import { branchTarget, buildGraph, EXIT, type Graph, isBranch, MAY_GOTO, Untranslatable } from './graph.ts';
import { type CodeCounters, InstructionWriter, type Surroundings } from './instructions.ts';
import { I32_LOCALS, I64_LOCALS, IMPORT_COUNT, IMPORTS, LOCAL, REGISTERS_ADDRESS, SITE_SIZE, wasm } from './layout.ts';
import { findPins } from './pins.ts';
import { type FrameSlots, findSlots, NO_SLOTS } from './slots.ts';

/** Type indices: imports of one, two and three words, a translated function, its export, an import of two words that answers. */
const TYPE = { one: 0, two: 1, three: 2, translated: 3, exported: 4, asked: 5 } as const;
const IMPORT_TYPES: Record<keyof typeof IMPORTS, number> = {
  helper: TYPE.two,
  callRegister: TYPE.two,
  miss: TYPE.three,
  fault: TYPE.one,
  budget: TYPE.one,
  tailCall: TYPE.asked,
  loadPacket: TYPE.asked,
  key: TYPE.asked,
};
const MAY_GOTO_LIMIT = 8_388_608;
/** Functions that run into each other are translated each with all that they reach: at most so many times the program. */
const MAX_COPIES = 4;

/** Bytes for the sites of a program: one for each memory instruction and helper call, and more for code that functions share. */
export function siteBytes(decoded: Decoded): number {
  let count = 0;
  for (let at = 0; at < decoded.code.length; at += WORDS) {
    const op = decoded.code[at + WORD_OP];
    if (op === OP_HELPER || accessOf(op, decoded.code[at + WORD_ARG])) count++;
  }
  return count * SITE_SIZE * MAX_COPIES;
}

export interface Translation {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What shares a check, by number of its site. */
  readonly groups: readonly Group[];
}

/** Name under which the function that starts at position `at` is exported. */
export const exportName = (at: number): string => `f${at / WORDS}`;

/**
 * A WebAssembly module with one function for each eBPF function of `starts` (positions in the code array). It imports memory and the
 * functions of the engine; each export takes r1…r5 and r10 from memory and leaves r0 there. Throws {@link Untranslatable}.
 */
export function translate(
  decoded: Decoded,
  starts: readonly number[],
  space: AddressSpace,
  stack: { readonly base: number; readonly stride: number; readonly elementSize: number },
  arrays: readonly (ArrayGeometry | null)[],
  counters: Counters | null,
): Translation {
  const { code, registers: constants } = decoded;
  const indexOf = new Map(starts.map((start, i) => [start, IMPORT_COUNT + i]));
  const surroundings: Surroundings = {
    code,
    constants,
    firstSite: space.extraBase,
    stackBase: stack.base,
    stackStride: stack.stride,
    stackBytes: stack.elementSize,
    functionIndex: (entry) => indexOf.get(entry),
  };
  const groups: Group[] = [];
  const siteRoom = siteBytes(decoded);
  let translated = 0;
  const bodies = starts.map((start) => {
    const graph = buildGraph(code, start);
    for (const { start, last } of graph.blocks) {
      checkTranslatable(code, start, last);
      translated += last - start + WORDS;
    }
    const live = liveAfter(graph, code);
    const chains = findChains(graph, code);
    const planned = (into: Group[], slots: FrameSlots) =>
      new AccessPlanner(graph, chains, code, live, constants, space, stack.elementSize, arrays, into, slots);
    const plan = planned(groups, findSlots(code, stack.elementSize, planned([], NO_SLOTS)));
    if (translated > MAX_COPIES * code.length || groups.length * SITE_SIZE > siteRoom) {
      throw new Untranslatable('the functions of this program run into each other');
    }
    const body = new Bytes();
    const pins = findPins(graph, code, live, plan);
    new FunctionWriter(
      code,
      graph,
      body,
      new InstructionWriter(body, surroundings, plan, counters && codeCounters(counters, decoded, start, graph)),
      plan,
      pins,
      chargesOf(graph, code, chains),
    ).write();
    return { code: body.take(), unlikely: body.unlikely };
  });
  return { bytes: assembleModule(starts, bodies, stack.elementSize), groups };
}

/** The counters of the function at `start`, by positions. Throws for functions that run into others, whose blocks are none of its own. */
function codeCounters(counters: Counters, decoded: Decoded, start: number, { blocks }: Graph): CodeCounters {
  const slotOf = (at: number): number => decoded.insnOfEntry[at / WORDS];
  const own = counters.of(slotOf(start));
  const positions = (offsets: ReadonlyMap<number, number>): Map<number, number> =>
    new Map([...offsets].map(([slot, offset]) => [decoded.entryOfInsn[slot] * WORDS, offset]));
  if (blocks.some((block) => !own.entered.has(slotOf(block.start))))
    throw new Untranslatable('functions that run into each other have no counters');
  const taken = positions(own.taken);
  // A branch to the next instruction goes one way.
  for (const at of taken.keys()) if (branchTarget(decoded.code, at) === at + WORDS) taken.delete(at);
  return { row: own.row, entered: positions(own.entered), taken, passes: positions(own.passes) };
}

/** The frame's address and constants have no local to be written to. */
function checkTranslatable(code: Int32Array, start: number, last: number): void {
  for (let at = start; at <= last; at += WORDS) {
    const op = code[at + WORD_OP];
    if (op > 0x1ff || isBranch(op)) continue;
    const operation = code[at + WORD_ARG];
    const cls = op & 7;
    const atomic = cls === 3 && (op & 0xe0) === 0xc0;
    const writesSource = atomic && operation !== ATOMIC_LOAD && operation !== ATOMIC_CMPXCHG && (operation & ATOMIC_FETCH) !== 0;
    const writesDestination = cls === 1 || cls === 4 || cls === 7 || (atomic && operation === ATOMIC_LOAD);
    const source = code[at + WORD_SRC];
    if ((writesDestination && code[at + WORD_DST] >= 20) || (writesSource && source >= 20)) throw new Untranslatable('R10 is written');
    if (atomic && source >= FIRST_CONST * 2) throw new Untranslatable('an atomic operation has a constant operand');
  }
}

interface Body {
  readonly code: Uint8Array;
  /** Places of branches that are hardly ever taken. */
  readonly unlikely: readonly number[];
}

function assembleModule(starts: readonly number[], bodies: readonly Body[], stackBytes: number): Uint8Array<ArrayBuffer> {
  const out = new Bytes().u8(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  const section = (id: number, write: (content: Bytes) => void) => {
    const content = new Bytes();
    write(content);
    out.u8(id).u32(content.length).append(content.take());
  };
  const { typeI32: i32, typeI64: i64 } = wasm;
  section(1, (c) => {
    c.u32(6);
    c.u8(wasm.typeFunc, 1, i32, 0);
    c.u8(wasm.typeFunc, 2, i32, i32, 0);
    c.u8(wasm.typeFunc, 3, i32, i32, i32, 1, i32);
    c.u8(wasm.typeFunc, 6, i64, i64, i64, i64, i64, i32, 1, i64);
    c.u8(wasm.typeFunc, 0, 0);
    c.u8(wasm.typeFunc, 2, i32, i32, 1, i32);
  });
  section(2, (c) => {
    c.u32(IMPORT_COUNT + 1);
    for (const [name, type] of Object.entries(IMPORT_TYPES)) c.text('engine').text(name).u8(0).u32(type);
    c.text('engine').text('memory').u8(2, 0).u32(1);
  });
  section(3, (c) => {
    c.u32(starts.length * 2);
    for (const _ of starts) c.u32(TYPE.translated);
    for (const _ of starts) c.u32(TYPE.exported);
  });
  section(7, (c) => {
    c.u32(starts.length);
    starts.forEach((start, i) => {
      c.text(exportName(start))
        .u8(0)
        .u32(IMPORT_COUNT + starts.length + i);
    });
  });
  // Engines that know branch hints (core specification, appendix) keep registers free of what the unlikely sides need.
  section(0, (c) => {
    c.text('metadata.code.branch_hint').u32(bodies.filter(({ unlikely }) => unlikely.length > 0).length);
    bodies.forEach(({ unlikely }, i) => {
      if (unlikely.length === 0) return;
      c.u32(IMPORT_COUNT + i).u32(unlikely.length);
      for (const place of unlikely) c.u32(place).u8(1, 0);
    });
  });
  section(10, (c) => {
    c.u32(starts.length * 2);
    for (const { code } of bodies) c.u32(code.length).append(code);
    starts.forEach((_, i) => {
      const body = wrapper(IMPORT_COUNT + i, stackBytes);
      c.u32(body.length).append(body);
    });
  });
  return out.take();
}

/** Loads the parameters from memory, calls, and stores r0. */
function wrapper(index: number, stackBytes: number): Uint8Array {
  const body = new Bytes().u32(0);
  body.u8(wasm.i32Const).s32(0);
  const load = (op: number, register: number) => {
    body.u8(wasm.i32Const).s32(0);
    body.u8(op, 2).u32(REGISTERS_ADDRESS + register * 8);
  };
  for (const register of [1, 2, 3, 4, 5]) load(wasm.i64Load, register);
  load(wasm.i32Load, 10);
  body.u8(wasm.i32Const).s32(stackBytes).u8(wasm.i32Sub);
  return body.u8(wasm.call).u32(index).u8(wasm.i64Store, 3).u32(REGISTERS_ADDRESS).u8(wasm.end).take();
}

/**
 * Writes one function with structured control flow: a block for each merge point that its dominator ends, a loop at each loop header
 * (Ramsey, "Beyond Relooper", ICFP 2022). What is left to do lies on a stack of its own, since programs nest deeper than JavaScript recurses.
 */
class FunctionWriter {
  readonly #code: Int32Array;
  readonly #graph: Graph;
  readonly #out: Bytes;
  readonly #writer: InstructionWriter;
  readonly #plan: AccessPlan;
  readonly #pins: ReadonlyMap<number, readonly number[]>;
  /** What each block takes off the budget. */
  readonly #charges: Float64Array;
  readonly #todo: (() => void)[] = [];
  /** Labels open at this point, and which of them a block's `br` must name. */
  #depth = 0;
  readonly #blockLabel: Int32Array;
  readonly #loopLabel: Int32Array;

  constructor(
    code: Int32Array,
    graph: Graph,
    out: Bytes,
    writer: InstructionWriter,
    plan: AccessPlan,
    pins: ReadonlyMap<number, readonly number[]>,
    charges: Float64Array,
  ) {
    this.#charges = charges;
    this.#plan = plan;
    this.#pins = pins;
    this.#code = code;
    this.#graph = graph;
    this.#out = out;
    this.#writer = writer;
    this.#blockLabel = new Int32Array(graph.blocks.length);
    this.#loopLabel = new Int32Array(graph.blocks.length);
  }

  write(): void {
    const out = this.#out;
    out.u32(3).u32(I64_LOCALS).u8(wasm.typeI64);
    out.u32(I32_LOCALS + this.#plan.slots).u8(wasm.typeI32);
    out.u32(this.#plan.frameSlots.length).u8(wasm.typeI64);
    this.#writer.clearFrame(this.#plan.frameFrom);
    out.u8(wasm.i64Const).s64(BigInt(MAY_GOTO_LIMIT)).u8(wasm.localSet).u32(LOCAL.mayGoto);
    this.#writer.loadLeft();
    this.#writer.findRecord();
    if (this.#graph.reducible) {
      this.#todo.push(() => this.#tree(0));
      while (this.#todo.length > 0) this.#todo.pop()!();
    } else this.#dispatch();
    out.u8(wasm.unreachable, wasm.end);
  }

  #open(op: number): void {
    this.#out.u8(op, wasm.typeVoid);
    this.#depth++;
  }

  #close(): void {
    this.#out.u8(wasm.end);
    this.#depth--;
  }

  /** Later steps are pushed first. */
  #schedule(steps: readonly (() => void)[]): void {
    for (let i = steps.length - 1; i >= 0; i--) this.#todo.push(steps[i]);
  }

  /** Everything that block `x` dominates. */
  #tree(x: number): void {
    const { dominated, forwardEdges, isLoopHeader } = this.#graph;
    const merges = dominated[x].filter((y) => forwardEdges[y] > 1).reverse();
    const steps: (() => void)[] = [];
    if (isLoopHeader[x]) {
      steps.push(() => {
        this.#loopLabel[x] = this.#depth;
        this.#open(wasm.loop);
        this.#checkBudget(x);
      });
    }
    // The last merge point gets the outermost block: control only goes forward.
    for (const y of merges) {
      steps.push(() => {
        this.#blockLabel[y] = this.#depth;
        this.#open(wasm.block);
      });
    }
    steps.push(() => this.#body(x));
    for (const y of [...merges].reverse()) {
      steps.push(
        () => this.#close(),
        () => this.#tree(y),
      );
    }
    if (isLoopHeader[x]) steps.push(() => this.#close());
    this.#schedule(steps);
  }

  #body(x: number): void {
    const { successors } = this.#graph.blocks[x];
    this.#straight(x);
    if (successors.length === 1) this.#branch(x, successors[0]);
    if (successors.length < 2) return;
    const [next, taken] = successors;
    this.#condition(x);
    this.#open(wasm.if);
    this.#writer.count('taken', this.#graph.blocks[x].last);
    this.#schedule([() => this.#branch(x, taken), () => this.#out.u8(wasm.else), () => this.#branch(x, next), () => this.#close()]);
  }

  #branch(x: number, y: number): void {
    const { forwardEdges } = this.#graph;
    if (y <= x) this.#jump(this.#loopLabel[y]);
    else if (forwardEdges[y] > 1) this.#jump(this.#blockLabel[y]);
    else this.#tree(y);
  }

  #jump(label: number): void {
    this.#out.u8(wasm.br).u32(this.#depth - 1 - label);
  }

  /** A loop with a switch over block numbers, for the rare function with a loop of two entries. */
  #dispatch(): void {
    const { blocks } = this.#graph;
    const out = this.#out;
    this.#open(wasm.loop);
    const top = this.#depth - 1;
    this.#checkBudget(0);
    for (const _ of blocks) this.#open(wasm.block);
    out.u8(wasm.localGet).u32(LOCAL.label).u8(wasm.brTable).u32(blocks.length);
    for (let i = 0; i <= blocks.length; i++) out.u32(Math.min(i, blocks.length - 1));
    blocks.forEach((block, i) => {
      this.#close();
      this.#straight(i);
      const goTo = (to: number) => {
        out.u8(wasm.i32Const).s32(to).u8(wasm.localSet).u32(LOCAL.label);
        this.#jump(top);
      };
      if (block.successors.length === 1) goTo(block.successors[0]);
      if (block.successors.length < 2) return;
      this.#condition(i);
      this.#open(wasm.if);
      this.#writer.count('taken', block.last);
      goTo(block.successors[1]);
      this.#close();
      goTo(block.successors[0]);
    });
    this.#close();
  }

  /** The instructions of a block without its branch, and its exit. */
  #straight(x: number): void {
    const { start, last } = this.#graph.blocks[x];
    const out = this.#out;
    const charge = BigInt(this.#charges[x]);
    if (charge > 0n) out.u8(wasm.localGet).u32(LOCAL.left).u8(wasm.i64Const).s64(charge).u8(wasm.i64Sub, wasm.localSet).u32(LOCAL.left);
    for (let at = start; at <= last; at += WORDS) {
      const op = this.#code[at + WORD_OP];
      this.#writer.count('entered', at);
      if (isBranch(op)) return;
      const pinned = this.#pins.get(at);
      if (pinned) this.#writer.pin(at, pinned);
      if (op === EXIT) {
        this.#writer.saveLeft();
        out.u8(wasm.localGet).u32(LOCAL.r0).u8(wasm.return);
      } else if (op === OP_PAST_END || !this.#writer.write(at)) this.#writer.unavailable(at);
    }
  }

  /** Leaves 1 on the stack when the branch that ends block `x` is taken. */
  #condition(x: number): void {
    const at = this.#graph.blocks[x].last;
    if (this.#code[at + WORD_OP] !== MAY_GOTO) {
      this.#writer.condition(at);
      return;
    }
    const out = this.#out;
    out.u8(wasm.localGet).u32(LOCAL.mayGoto).u8(wasm.i64Const).s64(1n).u8(wasm.i64Sub, wasm.localTee).u32(LOCAL.mayGoto);
    out.u8(wasm.i64Const).s64(0n).u8(wasm.i64LtS);
  }

  /** Stops a program that does not end: every loop comes by its header. */
  #checkBudget(x: number): void {
    const out = this.#out;
    out.u8(wasm.localGet).u32(LOCAL.left).u8(wasm.i64Const).s64(0n).u8(wasm.i64LtS).ifUnlikely(wasm.typeVoid);
    this.#writer.saveLeft();
    this.#writer.noteRecord();
    out.u8(wasm.i32Const).s32(this.#graph.blocks[x].start).u8(wasm.call).u32(IMPORTS.budget);
    this.#writer.loadLeft();
    out.u8(wasm.end);
  }
}
