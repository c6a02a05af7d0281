import { InputError } from '../../base/errors.ts';
import { stageProgress, valueStates } from '../../replay/live-values.ts';
import { type CollectedValue, readPlace, ValueCollector } from '../../replay/program-values.ts';
import type { MachineRecipe, MachineTensorData, MachineTensors } from '../machine-views.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import { placed, type Session } from './machine-session.ts';

/** What the run made until a place, so that a second question about the place need not run again. */
let collected: {
  readonly session: Session;
  readonly step: number;
  readonly edits: number;
  readonly values: readonly CollectedValue[];
} | null = null;

async function valuesOf(session: Session): Promise<readonly CollectedValue[]> {
  const { debug, held } = session;
  const { step } = debug;
  const edits = debug.edited.length;
  if (collected?.session === session && collected.step === step && collected.edits === edits) return collected.values;
  const collector = new ValueCollector(held.program, held.compiled!.tensors);
  collector.begin(debug.vm);
  await debug.scan(collector.stops, (insnIdx) => collector.onStop({ insnIdx, frame: debug.depth }));
  const values = collector.soFar();
  collected = { session, step, edits, values };
  return values;
}

/** The values of a compiled model as far as the run has made them; null for programs whose compiler is not known. */
export async function machineTensors({ recipe }: { recipe: MachineRecipe }, context: CallContext): Promise<MachineTensors | null> {
  const session = await placed(recipe, context);
  const plan = session.held.compiled?.tensors;
  if (!plan) return null;
  const values = await valuesOf(session);
  const { frames } = session.debug;
  const states = valueStates(plan, stageProgress(session.held.program, plan, frames[0]?.insnIdx ?? -1, frames.length > 1));
  return plan.values.map(({ name, dims, buffer }, at) => {
    const { nodes, stage } = plan.buffers[buffer]!;
    const value = values.find((one) => one.name === name);
    return { name, dims, nodes, stage, state: states[at]!, made: value?.made ?? 0, parts: value?.parts ?? 1, order: value?.order ?? 0 };
  });
}

/** The integers of one value: as they stand in memory now where it stands there whole, else as the run made them. */
export async function machineTensor(
  { recipe, name }: { recipe: MachineRecipe; name: string },
  context: CallContext,
): Promise<Transferred<MachineTensorData>> {
  const session = await placed(recipe, context);
  const { debug, held } = session;
  const plan = held.compiled?.tensors;
  const at = plan?.values.findIndex((one) => one.name === name) ?? -1;
  const value = plan ? (await valuesOf(session)).find((one) => one.name === name) : undefined;
  if (!plan || !value) throw new InputError(`the run has not made \`${name}\` here`);
  const { frames } = debug;
  const state = valueStates(plan, stageProgress(held.program, plan, frames[0]?.insnIdx ?? -1, frames.length > 1))[at];
  const data = state === 'whole' ? readPlace(debug.vm, plan, plan.values[at]!) : value.data.slice();
  const { dims, scale, scales, max, masks, latest } = value;
  return new Transferred({ name, dims, scale, scales, max, masks, latest, data, known: value.known?.slice() ?? null }, [
    data.buffer as ArrayBuffer,
  ]);
}
