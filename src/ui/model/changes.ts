import type { NodeState } from '../../workbench/model-diff.ts';
import { compare as texts } from '../texts/model.ts';
import type { VisibleGraph } from './visible.ts';

/** States by ONNX node index of one of two models that are compared. */
export type NodeStates = ReadonlyMap<number, NodeState>;

/** What a node of a drawing says about the comparison; a folded group speaks for all that it holds. */
export interface Change {
  readonly state: Exclude<NodeState, 'same'>;
  /** Operators that it holds for; 1 for an operator. */
  readonly count: number;
}

export const CHANGE_GLYPHS: { readonly [State in NodeState]: string } = { added: '+', removed: '−', changed: '~', same: '=' };

/** Tokens of the colours that go with the glyphs. */
export const CHANGE_COLOURS = { added: 'ok', removed: 'bad', changed: 'warn' } as const;

export function changesIn({ graph, nodes }: VisibleGraph, states: NodeStates | null): readonly (Change | null)[] | null {
  if (!states) return null;
  return nodes.map(({ node, group }) => {
    if (!group) {
      const state = node?.node ? states.get(node.node.index) : undefined;
      return state && state !== 'same' ? { state, count: 1 } : null;
    }
    let count = 0;
    const seen = new Set<NodeState>();
    for (let at = group.first; at <= group.last; at++) {
      const op = graph.nodes[at]!.node;
      const state = op ? states.get(op.index) : undefined;
      if (!state) continue;
      seen.add(state);
      if (state !== 'same') count++;
    }
    if (count === 0) return null;
    const [only] = seen;
    // A group of which only a part was added or removed is one that changed.
    return { state: seen.size === 1 && only && only !== 'same' ? only : 'changed', count };
  });
}

export const badgeText = ({ state, count }: Change): string => `${CHANGE_GLYPHS[state]}${count > 1 ? count.toLocaleString('en') : ''}`;
export const badgeWidth = (text: string): number => 8 + 7 * text.length;

export const spokenChange = (change: Change | null | undefined): string =>
  change ? texts.spoken(texts.states[change.state], change.count) : '';
