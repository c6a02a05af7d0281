import type { HookCode } from '../compiler/api.ts';
import { isFeatureInput } from './features/binding.ts';
import { featureSource } from './features/source.ts';
import type { FittedBinding } from './fit.ts';
import { manners } from './production/code.ts';
import { syscallHook } from './syscalls/hook.ts';
import { tensorHook } from './tensor.ts';
import { xdpHook } from './xdp.ts';

/** The program around a model, for a binding of any kind; null is a tensor binding. */
export function hookOf(fitted: FittedBinding | null): HookCode {
  if (!fitted) return tensorHook();
  const { production } = fitted.binding;
  const added = production ? manners(production) : null;
  if (fitted.input.kind === 'syscalls') return syscallHook(fitted, fitted.input, added);
  return xdpHook(fitted, isFeatureInput(fitted.input) ? featureSource(fitted.input) : undefined, added);
}
