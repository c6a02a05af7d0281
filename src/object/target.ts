import type { Btf } from './btf.ts';

/** What a loader asks the machine that it loads an object into; each is asked only by objects that need it. */
export interface LoadTarget {
  /** Types of the kernel, for CO-RE relocations, kernel symbols and attach points; null where they are not at hand. */
  readonly btf: () => Btf | null;
  /** Types that CO-RE relocations are resolved against instead (libbpf `btf_custom_path`); those of `btf` when absent. */
  readonly coreBtf?: () => Btf;
  /** Lines `CONFIG_X=value` of the kernel's configuration by name; null where it is not at hand. */
  readonly config: () => ReadonlyMap<string, string> | null;
  /** Addresses by symbol (`/proc/kallsyms`); null where they are not at hand. */
  readonly symbols: () => ReadonlyMap<string, bigint> | null;
  /** What the kernel says against an object's own types, which it then does without; null when it takes them. */
  readonly refusesTypes: (btf: Btf) => string | null;
  /** What libbpf finds out by itself: `LINUX_KERNEL_VERSION` and other names with that prefix. */
  readonly virtual: (name: string) => bigint | undefined;
}
