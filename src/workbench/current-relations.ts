import { useMemo } from 'react';
import { eventOf } from './event-values.ts';
import { useFrames } from './frames.ts';
import { type Artifacts, type Relations, relate } from './relations.ts';
import { useWorkbench } from './store.ts';

/** The artifacts that relations are derived from, as they are now. */
export function useArtifacts(): Artifacts {
  const model = useWorkbench((state) => state.stages.model.value);
  const program = useWorkbench((state) => state.stages.program.value);
  const trace = useWorkbench((state) => state.stages.trace.value);
  const binding = useWorkbench((state) => state.history.doc.binding);
  const packet = useWorkbench(eventOf);
  // Packets that come from their file later make other relations.
  const frames = useFrames(({ version }) => version);
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  return useMemo(() => ({ model, program, trace, binding, packet }), [model, program, trace, binding, packet, frames]);
}

/** What belongs to the present selection in every panel. */
export function useRelations(): Relations {
  const selection = useWorkbench((state) => state.selection);
  const artifacts = useArtifacts();
  return useMemo(() => relate(selection, artifacts), [selection, artifacts]);
}
