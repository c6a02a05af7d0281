import type { Command } from './command.ts';

interface Node {
  /** Commands of the pass that must be complete first. */
  waitsFor: number;
  readonly next: number[];
}

/**
 * Which commands of a pass wait for which: one that reads what another writes, writes what another reads, or writes what another writes,
 * keeps its place behind it. Tensors that share memory have the same address. Others may be on the units at the same time.
 */
export function orderWithin(commands: readonly Command[]): Node[] {
  const nodes: Node[] = commands.map(() => ({ waitsFor: 0, next: [] }));
  const writer = new Map<number, number>();
  const readers = new Map<number, number[]>();
  commands.forEach(({ tensors }, at) => {
    const before = new Set<number>();
    for (const { addr, role } of tensors) {
      const last = writer.get(addr);
      if (last !== undefined && last !== at) before.add(last);
      if (role === 'output') {
        for (const reader of readers.get(addr) ?? []) if (reader !== at) before.add(reader);
        writer.set(addr, at);
        readers.set(addr, []);
      } else if (role === 'activation') {
        const known = readers.get(addr);
        if (known) known.push(at);
        else readers.set(addr, [at]);
      }
    }
    nodes[at]!.waitsFor = before.size;
    for (const each of before) nodes[each]!.next.push(at);
  });
  return nodes;
}
