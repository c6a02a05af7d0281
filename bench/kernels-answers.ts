/** Parts of `npm run long kernels`: where the real kernels come from. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bootKernel } from '../src/companion/guest-kernel.ts';
import { type Kernel, openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import type { KernelVersion } from '../src/verifier/api.ts';
import { Answers } from './kernels-ask.ts';

/** Whether users without privilege may load programs: 0 they may, 2 not now, 1 not until the next boot. */
const SWITCH = '/proc/sys/kernel/unprivileged_bpf_disabled';

const cache = fileURLToPath(new URL('../.cache/kernels/', import.meta.url));

/** The newest cloud kernel of a series that Debian offers, downloaded once. */
export function packageOf(version: string): string {
  mkdirSync(cache, { recursive: true });
  const pattern = new RegExp(`^linux-image-${version.replace('.', '\\.')}[.-][^_]*cloud-amd64_.*\\.deb$`);
  const kept = (): string | undefined => readdirSync(cache).find((file) => pattern.test(file));
  if (!kept()) {
    const names = execFileSync('apt-cache', ['pkgnames', `linux-image-${version}.`], { encoding: 'utf8' }).split('\n');
    const dated = names.filter((name) => /[-+]?\d.*-cloud-amd64$/.test(name) && !/unsigned|dbg/.test(name));
    const numbers = (name: string): number[] => (name.match(/\d+/g) ?? []).map(Number);
    dated.sort((a, b) => {
      const [x, y] = [numbers(a), numbers(b)];
      return x.map((n, i) => n - (y[i] ?? 0)).find((d) => d !== 0) ?? 0;
    });
    const newest = dated.at(-1);
    if (!newest) throw new Error(`apt knows no linux-image-${version}.*-cloud-amd64`);
    execFileSync('apt-get', ['download', newest], { cwd: cache, stdio: 'pipe' });
  }
  return join(cache, kept()!);
}

export async function answersOf(version: KernelVersion): Promise<{ answers: Answers; release: string; end: () => Promise<void> }> {
  if (version === '6.18') {
    let before = '';
    const restore = (): void => {
      if (before === '2') writeFileSync(SWITCH, before);
    };
    process.on('exit', restore);
    const start = async (): Promise<Kernel> => {
      const kernel = await openKernel();
      if (!kernel) throw new Error(`no kernel: ${whyNoKernel()}`);
      before = readFileSync(SWITCH, 'utf8').trim();
      // 1 cannot be taken back before the next boot; 2 can.
      if (before === '2') writeFileSync(SWITCH, '0');
      return kernel;
    };
    const release = execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim();
    return { answers: new Answers(`${version}-${release}`, start), release, end: async () => restore() };
  }
  const deb = packageOf(version);
  let end = async (): Promise<void> => {};
  const start = async (): Promise<Kernel> => {
    const guest = await bootKernel(deb);
    end = guest.end;
    return guest.kernel;
  };
  const release = basename(deb).split('_')[0].replace('linux-image-', '');
  return { answers: new Answers(release, start), release: `${release} (${basename(deb).split('_')[1]})`, end: () => end() };
}
