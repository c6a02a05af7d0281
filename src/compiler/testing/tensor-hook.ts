import type { HookCode } from '../api.ts';
import { FuncBuilder } from '../ir/builder.ts';

/** The least that a hook can be: inference on what user space left in the input map, then XDP_PASS. */
export const plainHook: HookCode = {
  section: 'xdp',
  progType: 6,
  io: 'shared',
  maps: [],
  binding: null,
  buildMain(context) {
    const b = new FuncBuilder('run', 'main', ['ctx']);
    b.setOrigin(context.addOrigin({ kind: 'binding', nodeIdx: -1, label: 'tensor hook' }));
    context.infer(b);
    b.ret(2);
    return [b.finish()];
  },
};
