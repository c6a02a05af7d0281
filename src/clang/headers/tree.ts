import type { FileTree } from '../toolchain.ts';
import { ACCELERATOR_H, GAUDI_H } from './accelerator.ts';
import { BPF_HELPERS_H } from './bpf-helpers.ts';
import { BPF_CORE_READ_H, BPF_ENDIAN_H, BPF_TRACING_H } from './bpf-macros.ts';
import { helperDefinitions } from './helper-defs.ts';
import { BPF_EXPERIMENTAL_H, KERNEL_TYPES_H, STRING_H } from './kernel-types.ts';
import { LINUX_BPF_H } from './linux-bpf.ts';
import { NETWORK_HEADERS, PTRACE_H } from './network.ts';
import { LINUX_TYPES_H } from './types.ts';

/** A header that everything is in: what programs include that are written against a kernel's own types. */
const VMLINUX_H = `#ifndef __VMLINUX_H__
#define __VMLINUX_H__
#include <linux/types.h>
#include <linux/bpf.h>
#include <linux/ptrace.h>
${Object.keys(NETWORK_HEADERS)
  .map((name) => `#include <linux/${name}>`)
  .join('\n')}
#include <linux/kernel-types.h>
#endif
`;

let made: FileTree | null = null;

/**
 * Headers that BPF programs include, written here: declarations of helpers come from our table of helpers, the rest states layouts and numbers
 * of Linux's interface to programs. Everything that a program of our hooks needs is there; what is not, a user gives with `-I`.
 */
export function builtinHeaders(): FileTree {
  made ??= {
    'vmlinux.h': VMLINUX_H,
    bpf: {
      'bpf_helpers.h': BPF_HELPERS_H,
      'bpf_helper_defs.h': helperDefinitions(),
      'bpf_endian.h': BPF_ENDIAN_H,
      'bpf_tracing.h': BPF_TRACING_H,
      'bpf_core_read.h': BPF_CORE_READ_H,
    },
    'accelerator.h': ACCELERATOR_H,
    'gaudi.h': GAUDI_H,
    'string.h': STRING_H,
    'bpf_experimental.h': BPF_EXPERIMENTAL_H,
    linux: { 'kernel-types.h': KERNEL_TYPES_H, 'types.h': LINUX_TYPES_H, 'bpf.h': LINUX_BPF_H, 'ptrace.h': PTRACE_H, ...NETWORK_HEADERS },
  };
  return made;
}
