import type { HookCode } from '../../compiler/api.ts';
import type { Binding } from '../../hooks/binding.ts';
import { checkBinding, type FittedBinding } from '../../hooks/fit.ts';
import { tensorHook } from '../../hooks/tensor.ts';
import { xdpHook } from '../../hooks/xdp.ts';
import type { Model } from '../../onnx/model.ts';
import { type PacketInputs, packetInputs } from '../../replay/inputs.ts';

// Bindings of payload bytes and of tensors are there from the start; what features, system calls and production need loads when one of those comes.

const isPlain = ({ input }: Pick<Binding, 'input'>): boolean => input.kind === 'payload' || input.kind === 'tensor';

/** Checks a binding of any kind against its model; null for one of tensors. */
export async function fitted(binding: Binding, model: Model): Promise<FittedBinding | null> {
  if (isPlain(binding)) return checkBinding(binding, model);
  return (await import('../../hooks/features/fit.ts')).checkAnyBinding(binding, model);
}

/** The program around a model. */
export async function hookFor(fit: FittedBinding | null): Promise<HookCode> {
  if (!fit) return tensorHook();
  return isPlain(fit.binding) && !fit.binding.production ? xdpHook(fit) : (await import('../../hooks/hook.ts')).hookOf(fit);
}

/** What makes the model's inputs of packets, which must come in their order: flows are remembered. */
export async function inputsOfPackets(fit: FittedBinding, model: Model): Promise<PacketInputs> {
  if (!isPlain(fit.binding)) return (await import('../../replay/packet-inputs.ts')).packetInputsOf(fit, model);
  const input = model.inputs.find(({ name }) => name === fit.inputName)!;
  return (packet) => packetInputs(packet, fit.binding, input);
}
