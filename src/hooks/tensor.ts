import { PROG_TYPE_XDP, XDP_PASS } from '../bpf/progtypes.ts';
import type { HookCode } from '../compiler/api.ts';
import { FuncBuilder } from '../compiler/ir/builder.ts';
import type { Binding } from './binding.ts';

/** The binding of models that read tensors: inputs come from map `input`, outputs are left in map `output`. */
export const TENSOR_BINDING: Binding = { hook: 'xdp', input: { kind: 'tensor' }, output: { kind: 'tensor' } };

/** A program that runs the model on what user space wrote into map `input`, whatever the packet, and lets the packet pass. */
export function tensorHook(): HookCode {
  return {
    section: 'xdp',
    progType: PROG_TYPE_XDP,
    io: 'shared',
    maps: [],
    binding: TENSOR_BINDING,
    buildMain: (context) => {
      const b = new FuncBuilder('tensor_main', 'main', ['ctx']);
      b.setOrigin(context.addOrigin({ kind: 'binding', nodeIdx: -1, label: 'run on map input' }));
      context.infer(b);
      b.ret(XDP_PASS);
      return [b.finish()];
    },
  };
}
