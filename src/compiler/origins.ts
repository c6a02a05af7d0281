import type { Origin } from '../bpf/program.ts';
import type { Node } from '../onnx/model.ts';
import type { OriginId } from './ir/ir.ts';

/** Registers origins; a shared function has an origin that stands for several nodes. */
export class Origins {
  readonly list: Origin[] = [];
  readonly #sets: number[][] = [[]];
  readonly #nodes = new Map<number, number>();

  add(origin: Origin): OriginId {
    this.list.push(origin);
    return this.#sets.push([this.list.length - 1]) - 1;
  }
  node(node: Node): number {
    let at = this.#nodes.get(node.index);
    if (at === undefined) {
      at = this.list.push({ kind: 'node', nodeIdx: node.index, label: node.name }) - 1;
      this.#nodes.set(node.index, at);
    }
    return at;
  }
  /** An id for instructions that serve all of these nodes. */
  set(nodes: readonly Node[]): OriginId {
    return this.#sets.push(nodes.map((n) => this.node(n))) - 1;
  }
  members(id: OriginId): readonly number[] {
    return this.#sets[id] ?? [];
  }
}
