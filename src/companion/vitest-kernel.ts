import { type Kernel, openKernel, whyNoKernel } from './kernel.ts';

/**
 * For `*.kernel.test.ts`: the kernel, or null after saying aloud why its tests are skipped.
 *
 *     const kernel = await kernelForTests();
 *     describe.skipIf(!kernel)('…', () => { … kernel! … });
 *
 * With BPFORMER_NEEDS_KERNEL set, as in CI, an unreachable kernel is a failure.
 */
export async function kernelForTests(): Promise<Kernel | null> {
  const kernel = await openKernel();
  if (!kernel) {
    if (process.env.BPFORMER_NEEDS_KERNEL) throw new Error(`kernel tests must run here: ${whyNoKernel()}`);
    console.warn(`kernel tests skipped: ${whyNoKernel()}`);
  }
  return kernel;
}
