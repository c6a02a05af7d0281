// errno values of the uapi that helpers return, negated.
export const EPERM = 1;
export const ENOENT = 2;
export const E2BIG = 7;
export const ENOMEM = 12;
export const EACCES = 13;
export const EFAULT = 14;
export const EBUSY = 16;
export const EEXIST = 17;
export const EINVAL = 22;
export const ENOSPC = 28;
export const ERANGE = 34;
export const EALREADY = 114;
export const ENOKEY = 126;
/** Of the kernel's own, which user space never saw defined. */
export const ENOTSUPP = 524;
