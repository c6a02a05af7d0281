import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { gunzipSync } from 'node:zlib';
import type { Btf } from '../object/btf.ts';
import { btfObjection } from '../object/btf-check.ts';
import type { LoadTarget } from '../object/target.ts';
import { kernelBtf } from './kernel-btf.ts';

/** The running kernel as libbpf asks it when it loads an object. Everything is read once, when first asked for. */
export interface RunningKernel extends LoadTarget {
  readonly btf: () => Btf | null;
  readonly symbols: () => ReadonlyMap<string, bigint> | null;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** `/boot/config-RELEASE`, else `/proc/config.gz`, in libbpf's order. */
function readConfig(): ReadonlyMap<string, string> | null {
  const boot = `/boot/config-${release()}`;
  const text = existsSync(boot)
    ? readFileSync(boot, 'utf8')
    : existsSync('/proc/config.gz')
      ? gunzipSync(readFileSync('/proc/config.gz')).toString('utf8')
      : null;
  return text === null ? null : new Map([...text.matchAll(/^(CONFIG_\w+)=(.+)$/gm)].map((line) => [line[1]!, line[2]!]));
}

/** `/proc/kallsyms`: addresses are 0 for users who may not see them, but the names are there. */
function readSymbols(): ReadonlyMap<string, bigint> | null {
  if (!existsSync('/proc/kallsyms')) return null;
  const symbols = new Map<string, bigint>();
  for (const line of readFileSync('/proc/kallsyms', 'utf8').split('\n')) {
    const [address, , name, module] = line.split(/\s/);
    if (name !== undefined && !module && !symbols.has(name)) symbols.set(name, BigInt(`0x${address}`));
  }
  return symbols;
}

const KPROBES = '/sys/bus/event_source/devices/kprobe/type';

/** `KERNEL_VERSION(major, minor, patch)`. */
function versionCode(): bigint {
  const [major, minor, patch] = (/^(\d+)\.(\d+)(?:\.(\d+))?/.exec(release()) ?? []).slice(1).map((part) => Number(part ?? 0));
  return BigInt(((major ?? 0) << 16) | ((minor ?? 0) << 8) | Math.min(patch ?? 0, 255));
}

const symbols = once(readSymbols);

const kernel: RunningKernel = {
  btf: kernelBtf,
  config: once(readConfig),
  symbols,
  refusesTypes: btfObjection,
  virtual: (name) => {
    switch (name) {
      case 'LINUX_KERNEL_VERSION':
        return versionCode();
      case 'LINUX_HAS_BPF_COOKIE':
        return 1n;
      // libbpf tries to place a probe on the function.
      case 'LINUX_HAS_SYSCALL_WRAPPER':
        return existsSync(KPROBES) && symbols()?.has('__x64_sys_bpf') ? 1n : 0n;
      default:
        return undefined;
    }
  },
};

export const runningKernel = (): RunningKernel => kernel;
