import type { EventSource } from '../xdp.ts';
import type { FeatureInput } from './binding.ts';
import { FLOW_FUNC, flowFunc } from './flow-code.ts';
import { INPUT_FUNC, inputFuncs } from './input-code.ts';
import { featureMaps } from './maps.ts';
import { planOf } from './plan.ts';
import { RECORD_FUNC, recordFuncs } from './record-code.ts';

/** Features of packets and flows as the input of an XDP program. */
export function featureSource(input: FeatureInput): EventSource {
  const plan = planOf(input);
  return {
    maps: featureMaps(plan),
    build(b, context, slot, missing, manners) {
      const origin = (label: string) => context.addOrigin({ kind: 'binding', nodeIdx: -1, label });
      const [read, count, fill] = [origin('read headers'), origin('count for the flow'), origin('features to numbers')];
      const go = (from: 'ult' | 'ne', value: ReturnType<typeof b.call>, other: number) => {
        const next = b.newBlock();
        b.branch(from, value, other, missing.block, next);
        b.startBlock(next);
      };
      b.setOrigin(read);
      go('ult', b.call(RECORD_FUNC, [b.arg(0)]), plan.layer === 'l4' ? 4 : 3);
      const work = (func: string, failure: 'flows' | 'map') => {
        const done = b.call(func, []);
        if (manners) b.when('ne', done, 0, () => manners.fail(failure));
        else go('ne', done, 0);
      };
      if (plan.flows) {
        b.setOrigin(count);
        work(FLOW_FUNC, 'flows');
      }
      manners?.sample();
      b.setOrigin(fill);
      work(INPUT_FUNC, 'map');
      const filled = b.newBlock();
      b.jump(filled);
      missing.place();
      b.startBlock(filled);
      return [
        ...recordFuncs(plan, read),
        ...(plan.flows ? [flowFunc(plan.flows, plan.sequence, count)] : []),
        ...inputFuncs(plan, slot, fill),
      ];
    },
  };
}
