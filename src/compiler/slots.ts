/** Size of a stored element of a tensor slot. */
export const BYTES = { u16: 2, i16: 2, i32: 4, f32: 4 } as const;
