import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bootKernel } from '../src/companion/guest-kernel.ts';

const packages = fileURLToPath(new URL('../.cache/kernels', import.meta.url));

/** Boots Debian's kernel of a version (`6.1`) under QEMU, from the package that `npm run long kernels` has fetched. */
export function bootOlder(version: string): ReturnType<typeof bootKernel> {
  const names = existsSync(packages) ? readdirSync(packages) : [];
  const deb = names.find((file) => file.startsWith(`linux-image-${version}.`) && file.endsWith('.deb'));
  if (!deb) throw new Error(`no package of ${version} in .cache/kernels: run npm run long kernels ${version} first`);
  return bootKernel(join(packages, deb));
}
