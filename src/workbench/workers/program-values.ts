import { InputError } from '../../base/errors.ts';
import { tensorInputs } from '../../replay/inputs.ts';
import { type ProgramValue, ValueReader } from '../../replay/program-values.ts';
import type { ProgramSpec } from '../clients.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import type { EventSpec, ProgramValuesView } from '../value-views.ts';
import { Recent } from './blobs.ts';
import { heldProgram } from './programs.ts';
import { metaModel } from './replays.ts';
import { heldTrace } from './traces.ts';

/** Machines of their own, so that counters of the replay stay those of the trace. */
const readers = new Recent<ValueReader>(2);

/** Every value that the program has in memory for one event. */
export async function programValues(
  { program: spec, event }: { program: ProgramSpec; event: EventSpec },
  context: CallContext,
): Promise<Transferred<ProgramValuesView>> {
  const { program, compiled } = await heldProgram(spec, context);
  if (!compiled) {
    throw new InputError(
      'where this program keeps its tensors is not known, since it was not compiled here',
      '',
      'Open the model that it was made from',
    );
  }
  const reader = readers.get(spec.key) ?? readers.set(spec.key, new ValueReader(program, compiled.meta, compiled.tensors));
  const report = (done: number, total: number) => context.progress('running the program', done, total);
  const { values, ...rest } =
    event.kind === 'packet' ? reader.packet(event.bytes, report) : reader.tensors(await inputsOf(event, compiled.meta), report);
  const view: ProgramValuesView = { ...rest, values, foldedInto: folded(values, compiled.meta.model.nodes) };
  return new Transferred(view, [...new Set(values.map(({ data }) => data.buffer as ArrayBuffer))]);
}

async function inputsOf(event: Extract<EventSpec, { kind: 'tensors' }>, meta: Parameters<typeof metaModel>[0]) {
  const held = await heldTrace(event.trace);
  if (held.kind !== 'tensors') throw new InputError('the trace holds packets, the program takes tensors', event.trace.name);
  return tensorInputs(metaModel(meta), [{ tensor: held.tensor, where: held.where }])[event.index]!;
}

/** Which values the kernels leave that a node was folded into. */
function folded(values: readonly ProgramValue[], nodes: readonly { index: number }[]): ProgramValuesView['foldedInto'] {
  const byNode = new Map<number, Set<string>>();
  for (const { name, nodes: served } of values) {
    for (const node of served) {
      const names = byNode.get(node) ?? new Set();
      names.add(name);
      byNode.set(node, names);
    }
  }
  return nodes.flatMap(({ index }) => {
    const names = byNode.get(index);
    return names ? [{ node: index, values: [...names] }] : [];
  });
}
