import { InputError } from '../base/errors.ts';
import { PROG_TYPE_ACCELERATOR } from '../bpf/accelerator/names.ts';
import { PROG_TYPE_SYSCALL } from '../bpf/progtypes.ts';
import { BPF_CTX_TYPES } from '../verifier/ctx-data.ts';
import type { AddressSpace, AddressSpaceLayout, Region } from './address-space.ts';

/** Room for a command of the accelerator (`CONTEXT_LAYOUT`), of which the device writes as much as it describes. */
const COMMAND_ROOM = 4096;

/** Most bytes of a context that the verifier lets a program of this type reach. */
export function contextSize(progType: number): number {
  if (progType === PROG_TYPE_ACCELERATOR) return COMMAND_ROOM;
  return BPF_CTX_TYPES[progType]?.size ?? 96;
}

/** A context that is memory: tracepoint records, arguments of raw tracepoints, registers, what a system call hands in. */
export class MemoryContext {
  readonly context: Region;
  readonly #moved: () => void;
  readonly #progType: number;
  #space!: AddressSpace;

  constructor(layout: AddressSpaceLayout, moved: () => void, progType: number) {
    this.#progType = progType;
    this.context = layout.add({
      name: 'context',
      elementSize: 0,
      stride: (contextSize(progType) + 7) & ~7,
      writable:
        progType === PROG_TYPE_SYSCALL ||
        progType === PROG_TYPE_ACCELERATOR ||
        BPF_CTX_TYPES[progType]?.fields.some((field) => field.write !== '') === true,
      moves: true,
    });
    this.#moved = moved;
  }

  attach(space: AddressSpace): void {
    this.#space = space;
  }

  receive(bytes: Uint8Array): void {
    const most = contextSize(this.#progType);
    if (bytes.length > most) throw new InputError(`a context of ${bytes.length} bytes is longer than ${most}`);
    this.context.elementSize = bytes.length;
    this.#space.bytes.set(bytes, this.context.base);
    this.#moved();
  }
}
