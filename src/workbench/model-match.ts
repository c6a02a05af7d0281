import { diffLines } from './diff.ts';
import type { ModelNodeView } from './views.ts';

/** What the comparison of two models needs to know of one of them. */
export interface MatchSide {
  /** Nodes that are left after folding, in the file's order. */
  readonly nodes: readonly ModelNodeView[];
  /** Content hash of every initializer, by name. */
  readonly hashes: ReadonlyMap<string, string>;
}

/** Pairs of positions in the two lists of nodes. */
export type Pairs = readonly (readonly [a: number, b: number])[];

/** How far neighbourhoods reach that tell nodes apart, the farthest first. */
const RADII = [4, 2, 1];

/**
 * Which nodes of two models are the same: first those whose weights are the same and occur once, then what hangs on pairs at the same
 * slots, then equal names, then neighbourhoods that occur once, and between the pairs so found the two sequences of operators are aligned.
 * Pairs always have the same operator.
 */
export function matchModels(a: MatchSide, b: MatchSide): Pairs {
  const match = new Matching(a, b);
  match.pairUnique((side) => (at) => side.weightKey(at));
  match.spread();
  match.pairUnique((side) => (at) => side.nameKey(at));
  match.spread();
  for (const radius of RADII) {
    match.pairUnique((side) => {
      const looks = side.neighbourhoods(radius);
      return (at) => looks[at]!;
    });
    match.spread();
  }
  match.align((node) => `${node.op} ${node.output?.dims.join() ?? ''}`);
  match.align((node) => node.op);
  return match.pairs();
}

/** One model with its edges, by position. */
class Side {
  readonly nodes: readonly ModelNodeView[];
  readonly hashes: ReadonlyMap<string, string>;
  /** Position that makes each input of a node; −1 for inputs of the model and weights. */
  readonly from: readonly Int32Array[];
  /** Readers of a node's outputs, with the slot in which they read. */
  readonly to: readonly (readonly { readonly at: number; readonly slot: number; readonly output: number }[])[];

  constructor({ nodes, hashes }: MatchSide) {
    this.nodes = nodes;
    this.hashes = hashes;
    const producer = new Map<string, readonly [at: number, output: number]>();
    nodes.forEach((node, at) => {
      node.outputs.forEach((name, output) => {
        producer.set(name, [at, output]);
      });
    });
    const to: { at: number; slot: number; output: number }[][] = nodes.map(() => []);
    this.from = nodes.map((node, at) =>
      Int32Array.from(node.inputs, (name, slot) => {
        const made = producer.get(name);
        if (!made) return -1;
        to[made[0]]!.push({ at, slot, output: made[1] });
        return made[0];
      }),
    );
    this.to = to;
  }

  /** Operator and contents of the weights, where there are any that say something. */
  weightKey(at: number): string | null {
    const { op, weights } = this.nodes[at]!;
    const telling = weights.filter(({ dims }) => dims.reduce((product, size) => product * size, 1) > 1);
    return telling.length === 0 ? null : `${op} ${telling.map(({ name }) => this.hashes.get(name) ?? name).join()}`;
  }

  /** Names that exporters number through say nothing when they have no module in front. */
  nameKey(at: number): string | null {
    const { op, name } = this.nodes[at]!;
    return name === '' || new RegExp(`^/?${literal(op)}_?\\d*$`, 'i').test(name) ? null : `${op} ${name}`;
  }

  /** What a node looks like with all that lies within `radius` of it. */
  neighbourhoods(radius: number): readonly string[] {
    let looks = this.nodes.map((node) =>
      hashOf(`${node.op} ${node.output?.dims.join()} ${node.weights.map(({ dims }) => dims.join('x')).join()}`),
    );
    for (let step = 0; step < radius; step++) {
      const before = looks;
      looks = this.nodes.map((_, at) => {
        const inputs = Array.from(this.from[at]!, (from) => (from < 0 ? '.' : before[from]!)).join();
        const readers = this.to[at]!.map((reader) => `${before[reader.at]} ${reader.slot}`).sort();
        return hashOf(`${before[at]} < ${inputs} > ${readers.join()}`);
      });
    }
    return looks;
  }
}

const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Two 32-bit FNV-1a hashes of a text, with different offsets. */
function hashOf(text: string): string {
  let [h1, h2] = [0x811c9dc5, 0x01000193];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    h1 = Math.imul(h1 ^ code, 0x01000193);
    h2 = Math.imul(h2 ^ code, 0x85ebca6b) ^ (h2 >>> 13);
  }
  return `${(h1 >>> 0).toString(36)}${(h2 >>> 0).toString(36)}`;
}

class Matching {
  readonly a: Side;
  readonly b: Side;
  readonly #toB: Int32Array;
  readonly #toA: Int32Array;
  #fresh: (readonly [a: number, b: number])[] = [];

  constructor(a: MatchSide, b: MatchSide) {
    this.a = new Side(a);
    this.b = new Side(b);
    this.#toB = new Int32Array(a.nodes.length).fill(-1);
    this.#toA = new Int32Array(b.nodes.length).fill(-1);
  }

  #pair(a: number, b: number): void {
    this.#toB[a] = b;
    this.#toA[b] = a;
    this.#fresh.push([a, b]);
  }

  #free(a: number, b: number): boolean {
    return this.#toB[a] === -1 && this.#toA[b] === -1 && this.a.nodes[a]!.op === this.b.nodes[b]!.op;
  }

  /** Pairs nodes whose key occurs once on each side among those that are left. */
  pairUnique(keys: (side: Side) => (at: number) => string | null): void {
    const once = (side: Side, taken: Int32Array) => {
      const keyOf = keys(side);
      const found = new Map<string, number>();
      side.nodes.forEach((_, at) => {
        const own = taken[at] === -1 ? keyOf(at) : null;
        if (own !== null) found.set(own, found.has(own) ? -1 : at);
      });
      return found;
    };
    const inB = once(this.b, this.#toA);
    for (const [key, a] of once(this.a, this.#toB)) {
      const b = inB.get(key) ?? -1;
      if (a >= 0 && b >= 0 && this.#free(a, b)) this.#pair(a, b);
    }
  }

  /** From every new pair on: what makes the same input and what alone reads the same output in the same slot belong together too. */
  spread(): void {
    const queue = this.#fresh;
    this.#fresh = [];
    for (let next = 0; next < queue.length; next++) {
      const [a, b] = queue[next]!;
      const [fromA, fromB] = [this.a.from[a]!, this.b.from[b]!];
      for (let slot = 0; slot < Math.min(fromA.length, fromB.length); slot++) {
        const [makerA, makerB] = [fromA[slot]!, fromB[slot]!];
        if (makerA >= 0 && makerB >= 0 && this.#free(makerA, makerB)) this.#pair(makerA, makerB);
      }
      const key = (side: Side, { at, slot, output }: { at: number; slot: number; output: number }) =>
        `${side.nodes[at]!.op} ${slot} ${output}`;
      const readers = new Map<string, number>();
      for (const reader of this.a.to[a]!) {
        if (this.#toB[reader.at] !== -1) continue;
        const own = key(this.a, reader);
        readers.set(own, readers.has(own) ? -1 : reader.at);
      }
      const seen = new Map<string, number>();
      for (const reader of this.b.to[b]!) {
        if (this.#toA[reader.at] !== -1) continue;
        const own = key(this.b, reader);
        seen.set(own, seen.has(own) ? -1 : reader.at);
      }
      for (const [own, readerA] of readers) {
        const readerB = seen.get(own) ?? -1;
        if (readerA >= 0 && readerB >= 0 && this.#free(readerA, readerB)) this.#pair(readerA, readerB);
      }
      queue.push(...this.#fresh.splice(0));
    }
  }

  /** Aligns what is left between neighbouring pairs that stand in the same order on both sides. */
  align(look: (node: ModelNodeView) => string): void {
    const fences = [...longestRise(this.#toB), [this.a.nodes.length, this.b.nodes.length] as const];
    let [a, b] = [0, 0];
    for (const [endA, endB] of fences) {
      this.#alignBetween(a, endA, b, endB, look);
      [a, b] = [endA + 1, endB + 1];
    }
    this.spread();
  }

  #alignBetween(fromA: number, toA: number, fromB: number, toB: number, look: (node: ModelNodeView) => string): void {
    const left = (from: number, to: number, taken: Int32Array) => {
      const list: number[] = [];
      for (let at = from; at < to; at++) if (taken[at] === -1) list.push(at);
      return list;
    };
    const [inA, inB] = [left(fromA, toA, this.#toB), left(fromB, toB, this.#toA)];
    if (inA.length === 0 || inB.length === 0) return;
    const hunks = diffLines(
      inA.map((at) => look(this.a.nodes[at]!)),
      inB.map((at) => look(this.b.nodes[at]!)),
    );
    let [a, b] = [0, 0];
    for (const hunk of [...hunks, { aFrom: inA.length, aTo: inA.length, bTo: inB.length }]) {
      for (; a < hunk.aFrom; a++, b++) if (this.#free(inA[a]!, inB[b]!)) this.#pair(inA[a]!, inB[b]!);
      [a, b] = [hunk.aTo, hunk.bTo];
    }
  }

  pairs(): Pairs {
    return [...this.#toB].flatMap((b, a) => (b === -1 ? [] : [[a, b] as const]));
  }
}

/** The longest part of the pairs that rises on both sides. */
function longestRise(toB: Int32Array): (readonly [a: number, b: number])[] {
  /** `tails[n]` ends a rise of n + 1 pairs, at the smallest b there is. */
  const tails: number[] = [];
  const before = new Int32Array(toB.length).fill(-1);
  toB.forEach((b, a) => {
    if (b === -1) return;
    let [low, high] = [0, tails.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (toB[tails[middle]!]! < b) low = middle + 1;
      else high = middle;
    }
    before[a] = low > 0 ? tails[low - 1]! : -1;
    tails[low] = a;
  });
  const rise: (readonly [number, number])[] = [];
  for (let a = tails.at(-1) ?? -1; a >= 0; a = before[a]!) rise.push([a, toB[a]!]);
  return rise.reverse();
}
