import { useEffect, useMemo, useState } from 'react';
import { compileWorker, hold } from './clients.ts';
import { useArtifacts } from './current-relations.ts';
import type { RelatedElements } from './dependencies.ts';
import { frameOf } from './frames.ts';
import { stageKeys } from './keys.ts';
import { keepOnly, whenLeft } from './leaving.ts';
import { editedPacket, openModelSpec } from './pipeline.ts';
import type { Range } from './ranges.ts';
import { type Artifacts, relate, tokenBytes } from './relations.ts';
import { type Selection, splitPart } from './selection.ts';
import { currentDoc, useWorkbench } from './store.ts';
import type { ElementRelationsArgs } from './workers/element-relations.ts';

/** Some elements of one tensor: what a selection stands for. */
export interface Seed {
  readonly tensor: string;
  readonly ranges: readonly Range[];
}

/** The elements that a selection is, or stands for: an element, the token of a byte, a row of weights. */
export function seedOf(selection: Selection | null, artifacts: Artifacts): Seed | null {
  if (!selection) return null;
  const { whole, part } = splitPart(selection.id);
  if (selection.kind === 'element') return { tensor: whole, ranges: [[part, part + 1]] };
  if (selection.kind === 'byte') return relate(selection, artifacts).elements[0] ?? null;
  if (selection.kind !== 'weight') return null;
  const weight = artifacts.model?.nodes.flatMap((node) => node.weights).find(({ name }) => name === whole);
  if (!weight) return null;
  const row = weight.dims.slice(1).reduce((n, dim) => n * dim, 1);
  return { tensor: whole, ranges: [[part * row, (part + 1) * row]] };
}

const NONE: readonly RelatedElements[] = [];
const remembered = new Map<string, readonly RelatedElements[]>();
/** Questions under way: several panels ask the same one. */
const asked = new Map<string, Promise<readonly RelatedElements[]>>();
const MOST = 64;
whenLeft(() => {
  const { model } = stageKeys(currentDoc());
  keepOnly(remembered, (key) => (JSON.parse(key) as string[])[0] === model);
});

function ask(key: string, args: ElementRelationsArgs): Promise<readonly RelatedElements[]> {
  const known = asked.get(key);
  if (known) return known;
  hold(compileWorker, args.model.model);
  const answer = compileWorker.call<readonly RelatedElements[]>('relatedElements', args).then((related) => {
    remembered.set(key, related);
    if (remembered.size > MOST) remembered.delete(remembered.keys().next().value!);
    return related;
  });
  const settled = () => void asked.delete(key);
  answer.then(settled, settled);
  asked.set(key, answer);
  return answer;
}

/** The tokens of the packet at the cursor, with its edits. */
function useTokens(artifacts: Artifacts): readonly (readonly [string, number[]])[] {
  const edits = useWorkbench((state) => state.history.doc.edits);
  return useMemo(() => {
    const { trace, binding, packet } = artifacts;
    const tokens = tokenBytes(packet, artifacts);
    const frame = trace?.kind === 'packets' ? frameOf(trace, packet) : null;
    if (!tokens || !frame || binding?.input.kind !== 'payload') return [];
    const bytes = editedPacket(frame, edits, packet);
    const { length, pad } = binding.input;
    const contents = Array.from({ length }, (_, i) => (tokens.from + i < tokens.to ? bytes[tokens.from + i]! : pad));
    return [[tokens.tensor, contents] as const];
  }, [artifacts, edits]);
}

/** Elements of all tensors that belong to the present selection, by tensor; computed in a worker and remembered. */
export function useRelatedElements(): { readonly seed: Seed | null; readonly related: readonly RelatedElements[] } {
  const selection = useWorkbench((state) => state.selection);
  const modelKey = useWorkbench((state) => state.stages.model.key);
  const artifacts = useArtifacts();
  const known = useTokens(artifacts);
  const seed = useMemo(() => seedOf(selection, artifacts), [selection, artifacts]);
  const key = seed ? JSON.stringify([modelKey, seed, known]) : '';
  const [loaded, setLoaded] = useState<{ readonly key: string; readonly related: readonly RelatedElements[] }>({ key: '', related: NONE });
  useEffect(() => {
    const model = openModelSpec();
    if (!seed || !model || remembered.has(key)) return;
    let wanted = true;
    ask(key, { model, ...seed, known }).then(
      (related) => {
        if (wanted) setLoaded({ key, related });
      },
      // Without an answer nothing is tinted; the next selection asks again.
      () => {},
    );
    return () => {
      wanted = false;
    };
  }, [key, seed, known]);
  const related = key === '' ? NONE : (remembered.get(key) ?? (loaded.key === key ? loaded.related : NONE));
  return useMemo(() => ({ seed, related }), [seed, related]);
}
