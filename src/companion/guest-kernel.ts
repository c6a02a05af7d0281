import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { Kernel } from './kernel.ts';
import { buildLoader, LoaderProcess } from './loader-process.ts';

/**
 * Another kernel than this machine's, in an emulated machine: its init is the loader of this folder, whose standard input and
 * output are a virtio port. So everything that asks this machine's kernel can ask that one too.
 */
const run = promisify(execFile);

/** Drivers of the port, in the order of their dependencies; a kernel that has them built in has no such files. */
const MODULES = ['virtio_ring', 'virtio', 'virtio_pci_legacy_dev', 'virtio_pci_modern_dev', 'virtio_pci', 'virtio_console'];
const CPUS = 2;

const INIT = `#!/bin/busybox sh
/bin/busybox mount -t proc none /proc
/bin/busybox mount -t sysfs none /sys
/bin/busybox mount -t devtmpfs none /dev
for m in ${MODULES.join(' ')}; do [ -f /$m.ko ] && /bin/busybox insmod /$m.ko; done
while ! [ -e /dev/vport0p1 ] && ! [ -e /dev/vport1p1 ]; do /bin/busybox sleep 0.1; done
echo 0 > /proc/sys/kernel/unprivileged_bpf_disabled
exec 3<>$(echo /dev/vport*p1)
# Until the host's end is open, a read finds the end of the file.
while true; do /loader <&3 >&3; /bin/busybox sleep 0.1; done
`;

async function filesBelow(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true, withFileTypes: true })).filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name));
}

/** A Debian kernel package, unpacked, never installed: its kernel and the drivers that the port needs. */
async function unpack(deb: string, into: string): Promise<{ vmlinuz: string; modules: string[] }> {
  await run('dpkg-deb', ['-x', deb, into]);
  const files = await filesBelow(into);
  const vmlinuz = files.find((f) => basename(f).startsWith('vmlinuz-'));
  if (!vmlinuz) throw new Error(`${deb} holds no kernel`);
  return { vmlinuz, modules: files.filter((f) => MODULES.includes(basename(f).replace(/\.ko.*/, ''))) };
}

async function initramfs(modules: readonly string[], folder: string): Promise<string> {
  const root = join(folder, 'root');
  for (const dir of ['bin', 'proc', 'sys', 'dev']) await mkdir(join(root, dir), { recursive: true });
  await cp('/bin/busybox', join(root, 'bin/busybox'));
  await cp(await buildLoader('static'), join(root, 'loader'));
  await writeFile(join(root, 'init'), INIT, { mode: 0o755 });
  for (const file of modules) {
    const to = join(root, basename(file));
    await cp(file, to);
    if (file.endsWith('.xz')) await run('xz', ['-d', to]);
  }
  const image = join(folder, 'initramfs.cpio');
  await run('sh', ['-c', `cd '${root}' && find . | cpio -o -H newc --quiet > '${image}'`]);
  return image;
}

/**
 * Boots the kernel of a Debian package (`linux-image-…-cloud-amd64`). Needs qemu-system-x86_64, a static busybox, cpio and cc.
 * `release` is the kernel's own name for itself.
 */
export async function bootKernel(deb: string): Promise<{ kernel: Kernel; release: string; end: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'bpformer-guest-'));
  const forget = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const { vmlinuz, modules } = await unpack(deb, join(folder, 'deb'));
    const kernel = await boot(vmlinuz, await initramfs(modules, folder), join(folder, 'console.log'));
    const end = async (): Promise<void> => {
      kernel.close();
      await forget();
    };
    return { kernel, release: basename(vmlinuz).replace('vmlinuz-', ''), end };
  } catch (error) {
    await forget();
    throw error;
  }
}

/** Starts the machine and waits until its kernel answers; `log` gets what its console says. */
async function boot(vmlinuz: string, image: string, log: string): Promise<Kernel> {
  // Linux patches its own code under running processors; emulated ones that run truly at once may still execute what stood there in between (an oops by int3).
  // QEMU 7.2 leaves wrong flags behind cmpxchg16b, with which the allocator of Linux 6.12 works where a processor has it.
  const args = ['-accel', 'tcg,thread=single', '-cpu', 'max,-cx16', '-smp', String(CPUS), '-m', '2048', '-display', 'none', '-no-reboot'];
  args.push('-serial', `file:${log}`, '-monitor', 'none', '-nic', 'none');
  // A loaded host is too late for the kernel's test of its timer, which would be a panic.
  args.push('-kernel', vmlinuz, '-initrd', image, '-append', 'console=ttyS0 quiet panic=-1 mitigations=auto no_timer_check');
  args.push('-chardev', 'stdio,id=port,signal=off', '-device', 'virtio-serial-pci', '-device', 'virtserialport,chardev=port,name=loader');
  // However this process ends, the machine ends with it.
  const kernel = new Kernel(LoaderProcess.run('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...args]), CPUS);
  try {
    const probe = await kernel.tryCreateMap({ name: 'probe', type: 2, keySize: 4, valueSize: 1, maxEntries: 1, flags: 0 });
    if (typeof probe === 'number') throw new Error(`errno ${probe}`);
    await probe.close();
    return kernel;
  } catch (error) {
    kernel.close();
    const said = await readFile(log, 'utf8').catch(() => '');
    throw new Error(`the guest's bpf(2) does not answer (${(error as Error).message})\n${said.slice(-2000)}`);
  }
}
