import { type Decoded, OP_PAST_END, WORD_OP, WORDS } from '../decode.ts';
import { Bytes } from './bytes.ts';
import { buildGraph, type Graph, isBranch } from './graph.ts';
import { accessesMemory, InstructionWriter, SITE_SIZE } from './instructions.ts';
import { FIRST_ARG_LOCAL, I32_LOCALS, I64_LOCALS, type Imports, LOCAL, REGISTERS_ADDRESS, wasm } from './layout.ts';

const IMPORTS: Imports = { helper: 0, callRegister: 1, miss: 2, checkDepth: 3, budget: 4, unavailable: 5 };
const IMPORT_COUNT = 6;
/** Type indices: imports of two and four words, a translated function, its export. */
const TYPE = { two: 0, four: 1, translated: 2, exported: 3 } as const;
const MAY_GOTO = 0xe5;
const EXIT = 0x95;
const MAY_GOTO_LIMIT = 8_388_608;
const STACK_SIZE = 512;

/** Bytes that the remembered elements of all memory instructions take. */
export function siteBytes(decoded: Decoded): number {
  let count = 0;
  for (let at = 0; at < decoded.code.length; at += WORDS) if (accessesMemory(decoded.code[at + WORD_OP])) count++;
  return count * SITE_SIZE;
}

export interface Translation {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Address of the remembered element of each memory instruction, by entry; 0 for others. */
  readonly sites: Int32Array;
}

/** Name under which the function that starts at position `at` is exported. */
export const exportName = (at: number): string => `f${at / WORDS}`;

/**
 * A WebAssembly module with one function for each eBPF function of `starts` (positions in the code array). It imports memory and the
 * six functions of the engine; each export takes r1…r5 and r10 from memory and leaves r0 there.
 */
export function translate(decoded: Decoded, starts: readonly number[], firstSite: number): Translation {
  const sites = new Int32Array(decoded.code.length / WORDS);
  let next = firstSite;
  for (let at = 0; at < decoded.code.length; at += WORDS) {
    if (!accessesMemory(decoded.code[at + WORD_OP])) continue;
    sites[at / WORDS] = next;
    next += SITE_SIZE;
  }
  const indexOf = new Map(starts.map((start, i) => [start, IMPORT_COUNT + i]));
  const bodies = starts.map((start) => {
    const body = new Bytes();
    const writer = new InstructionWriter(
      body,
      decoded.code,
      decoded.registers,
      IMPORTS,
      (at) => sites[at / WORDS],
      // Call targets are stored one entry early.
      (early) => indexOf.get(early + WORDS)!,
    );
    new FunctionWriter(decoded.code, buildGraph(decoded.code, start), body, writer).write();
    return body.take();
  });
  return { bytes: assembleModule(starts, bodies), sites };
}

function assembleModule(starts: readonly number[], bodies: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Bytes().u8(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  const section = (id: number, write: (content: Bytes) => void) => {
    const content = new Bytes();
    write(content);
    out.u8(id).u32(content.length).append(content.take());
  };
  const { typeI32: i32, typeI64: i64 } = wasm;
  section(1, (c) => {
    c.u32(4);
    c.u8(wasm.typeFunc, 2, i32, i32, 0);
    c.u8(wasm.typeFunc, 4, i32, i32, i32, i32, 0);
    c.u8(wasm.typeFunc, 6, i64, i64, i64, i64, i64, i64, 1, i64);
    c.u8(wasm.typeFunc, 0, 0);
  });
  section(2, (c) => {
    c.u32(IMPORT_COUNT + 1);
    for (const name of Object.keys(IMPORTS))
      c.text('engine')
        .text(name)
        .u8(0)
        .u32(name === 'miss' ? TYPE.four : TYPE.two);
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
  section(10, (c) => {
    c.u32(starts.length * 2);
    for (const body of bodies) c.u32(body.length).append(body);
    starts.forEach((_, i) => {
      const body = wrapper(IMPORT_COUNT + i);
      c.u32(body.length).append(body);
    });
  });
  return out.take();
}

/** Loads the parameters from memory, calls, and stores r0. */
function wrapper(index: number): Uint8Array {
  const body = new Bytes().u32(0);
  body.u8(wasm.i32Const).s32(0);
  for (const register of [1, 2, 3, 4, 5, 10]) {
    body
      .u8(wasm.i32Const)
      .s32(0)
      .u8(wasm.i64Load, 3)
      .u32(REGISTERS_ADDRESS + register * 8);
  }
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
  readonly #todo: (() => void)[] = [];
  /** Labels open at this point, and which of them a block's `br` must name. */
  #depth = 0;
  readonly #blockLabel: Int32Array;
  readonly #loopLabel: Int32Array;

  constructor(code: Int32Array, graph: Graph, out: Bytes, writer: InstructionWriter) {
    this.#code = code;
    this.#graph = graph;
    this.#out = out;
    this.#writer = writer;
    this.#blockLabel = new Int32Array(graph.blocks.length);
    this.#loopLabel = new Int32Array(graph.blocks.length);
  }

  write(): void {
    const out = this.#out;
    out.u32(2).u32(I64_LOCALS).u8(wasm.typeI64);
    out.u32(I32_LOCALS).u8(wasm.typeI32);
    // A fresh frame: 512 zeroed bytes below r10.
    out.u8(wasm.localGet).u32(FIRST_ARG_LOCAL + 5);
    out.u8(wasm.i32Wrap, wasm.i32Const).s32(STACK_SIZE);
    out.u8(wasm.i32Sub, wasm.i32Const).s32(0);
    out.u8(wasm.i32Const).s32(STACK_SIZE);
    out.u8(wasm.bulkPrefix, wasm.memoryFill, 0);
    out.u8(wasm.i64Const).s64(BigInt(MAY_GOTO_LIMIT)).u8(wasm.localSet).u32(LOCAL.mayGoto);
    this.#writer.loadLeft();
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
    const executed = (last - start) / WORDS + 1;
    out.u8(wasm.localGet).u32(LOCAL.left).u8(wasm.i64Const).s64(BigInt(executed)).u8(wasm.i64Sub, wasm.localSet).u32(LOCAL.left);
    for (let at = start; at <= last; at += WORDS) {
      const op = this.#code[at + WORD_OP];
      if (isBranch(op)) return;
      if (op === EXIT) {
        this.#writer.saveLeft();
        out.u8(wasm.localGet).u32(LOCAL.r0).u8(wasm.return);
      } else if (op === OP_PAST_END || !this.#writer.write(at)) {
        out.u8(wasm.i32Const).s32(at).u8(wasm.i32Const).s32(op);
        out.u8(wasm.call).u32(IMPORTS.unavailable).u8(wasm.unreachable);
      }
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
    out.u8(wasm.localGet).u32(LOCAL.left).u8(wasm.i64Const).s64(0n).u8(wasm.i64LtS, wasm.if, wasm.typeVoid);
    this.#writer.saveLeft();
    out.u8(wasm.i32Const).s32(this.#graph.blocks[x].start).u8(wasm.i32Const).s32(0).u8(wasm.call).u32(IMPORTS.budget);
    out.u8(wasm.end);
  }
}
