import type { Node, ValueInfo } from '../../onnx/model.ts';
import type { Buf } from './hops.ts';
import type { Walk } from './lazy.ts';

/** What the compiler does with an ONNX operator; `docs/ops.md` is generated from these. */
export interface OpRule {
  readonly run: (walk: Walk, node: Node) => void;
  /** What it becomes. */
  readonly becomes: string;
  /** What is refused. */
  readonly limits: string;
  /** How a model with this operator holds an input that is no token, where that is not as int16. */
  readonly input?: (info: ValueInfo) => Partial<Buf> | null;
}

/** Rules by operator: the name alone in the default domain and `com.microsoft`, `domain.Name` in others. */
export type Rules = ReadonlyMap<string, OpRule>;

export const rule = (run: OpRule['run'], becomes: string, limits = ''): OpRule => ({ run, becomes, limits });

/** The key of a node's operator in {@link Rules}. */
export const ruleName = ({ domain, op }: Pick<Node, 'domain' | 'op'>): string =>
  domain === '' || domain === 'ai.onnx' || domain === 'com.microsoft' ? op : `${domain}.${op}`;
