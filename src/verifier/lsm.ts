/** Hooks of the security modules, as far as they differ from one another (kernel `kernel/bpf/bpf_lsm.c`). */

/** What these hooks get is half made or half gone. */
const UNTRUSTED = new Set([
  'bpf_map_free',
  'bpf_prog_free',
  'file_alloc_security',
  'file_free_security',
  'sk_alloc_security',
  'sk_free_security',
  'task_free',
]);

export const hookIsTrusted = (hook: string): boolean => !UNTRUSTED.has(hook);

/** Hooks that answer yes or no; others return 0 or an error. */
const YES_OR_NO = new Set(['inode_xattr_skipcap', 'audit_rule_known', 'xfrm_state_pol_flow_match']);
const MAX_ERRNO = 4095;

export const hookRange = (hook: string): readonly [number, number] => (YES_OR_NO.has(hook) ? [0, 1] : [-MAX_ERRNO, 0]);
