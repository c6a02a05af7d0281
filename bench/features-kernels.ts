/** `npm run long features-kernels [6.1,6.12]`: what `long features` asks, of these kernels under QEMU. */
import { compareAll } from './features.ts';
import { bootOlder } from './older-kernel.ts';

export default async function measure([versions = '6.1,6.12']: string[]): Promise<object> {
  const kernels: Record<string, object> = {};
  for (const version of versions.split(',')) {
    const { kernel, release, end } = await bootOlder(version);
    try {
      // Signed division and sign extensions came with 6.6.
      kernels[version] = { release, ...(await compareAll(kernel, version === '6.1' ? 'v3' : 'v4')) };
    } finally {
      await end();
    }
  }
  return kernels;
}
