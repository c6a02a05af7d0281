import { describe, expect, it } from 'vitest';
import type { KernelVersion } from '../../verifier/api.ts';
import { verify } from '../../verifier/verify.ts';
import { syscallHook } from '../syscalls/hook.ts';
import { FEATURE_BINDINGS, fittedFeatures } from '../testing/feature-bindings.ts';
import { slotFor } from '../testing/feature-runs.ts';
import { programOf } from '../testing/harness.ts';
import { fittedCalls } from '../testing/syscalls.ts';
import { xdpHook } from '../xdp.ts';
import { featureSource } from './source.ts';

const KERNELS = [
  ['5.15', 'v3'],
  ['6.1', 'v3'],
  ['6.6', 'v4'],
  ['6.12', 'v4'],
  ['6.18', 'v4'],
] as const;

const programs = (cpu: 'v3' | 'v4') => [
  ...(['every field', 'scaled statistics', 'all together'] as const).map((name) => {
    const input = FEATURE_BINDINGS[name]!;
    const fit = fittedFeatures(input);
    return [name, programOf(xdpHook(fit, featureSource(input)), fit.count, 2, 1, cpu, slotFor(input))] as const;
  }),
  [
    'system calls',
    programOf(
      syscallHook(fittedCalls({ kind: 'syscalls', length: 32, every: 7 }), { kind: 'syscalls', length: 32, every: 7 }),
      32,
      2,
      1,
      cpu,
    ),
  ] as const,
];

describe.each(KERNELS)('the verifier of Linux %s', (kernel: KernelVersion, cpu) => {
  it.each(programs(cpu))('accepts %s', (_, program) => {
    const { accepted, message, processed } = verify(program, { kernel, privilege: 'root', logLevel: 0 });
    expect(message).toBeNull();
    expect(accepted).toBe(true);
    expect(processed).toBeLessThan(60_000);
  });
});
