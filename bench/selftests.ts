/**
 * `npm run long selftests FOLDER [FILTER]`: as `objects`, for the kernel's selftests. They are no part of this repository: take
 * `tools/testing/selftests/bpf/progs` from a `linux-source` package, write `vmlinux.h` with `bpftool btf dump file /sys/kernel/btf/vmlinux
 * format c` (7.5 and later declare the kernel's functions), and compile each file with
 * `clang-19 --target=bpfel -mcpu=v3 -O2 -g -std=gnu11 -fno-strict-aliasing -fms-extensions -D__TARGET_ARCH_x86`, in a folder for each compiler.
 */
import { judgeObjects } from './object-judge.ts';

export default function measure([folder, filter = '']: string[]): object {
  if (folder === undefined) throw new Error('npm run long selftests FOLDER [FILTER]');
  return judgeObjects(folder, filter);
}
