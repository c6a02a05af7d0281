/** Where programs attach on the simulated accelerator: the only list of its hooks. Programs of other kinds need no more of them than their names. */
export const ACCEL_HOOKS = ['validate_tensor', 'submit', 'token', 'dispatch', 'complete', 'telemetry'] as const;
export type AccelHook = (typeof ACCEL_HOOKS)[number];

/** Beyond Linux's program types: no kernel knows this number. */
export const PROG_TYPE_ACCELERATOR = 0x4143;

/** A hook's own stack in its sandbox on the device, where Linux gives 512 bytes. */
export const ACCEL_STACK_BYTES = 64 * 1024;

/** Sections `accelerator/HOOK` and, as the article on accelerators writes it, `gaudi/HOOK`. */
export const ACCEL_SECTION = /^(?:accelerator|gaudi)\/([a-z_]+)$/;

/** The hook that a section names; null for sections of other kinds and for hooks that the device does not have. */
export function accelHookOf(section: string): AccelHook | null {
  const name = ACCEL_SECTION.exec(section)?.[1];
  return ACCEL_HOOKS.find((hook) => hook === name) ?? null;
}
