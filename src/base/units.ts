/** Index of an 8-byte instruction slot, counted as the kernel does: a 16-byte `lddw` takes two, subprograms are appended. */
export type InsnIdx = number;
/** Offset in bytes. */
export type ByteOff = number;
/** Index into `Program.maps`. */
export type MapIdx = number;
/** Index into `Program.origins`; -1 where no one claims the code. */
export type OriginIdx = number;
