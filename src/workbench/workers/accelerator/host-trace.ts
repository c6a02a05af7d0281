import type { Command } from '../../../hooks/accelerator/command.ts';
import type { DeviceMemory } from '../../../hooks/accelerator/memory.ts';
import { tellProvenance } from '../../../hooks/accelerator/services.ts';
import { dtypeOf } from '../../../onnx/tensor.ts';

/** Of one tensor; of what is larger the beginning is kept. */
const MOST_TENSOR_BYTES = 64 * 1024;
/** Of all: later commands are told without their tensors. */
const MOST_BYTES = 64 * 2 ** 20;

interface Held {
  readonly seq: number;
  readonly tensor: string;
  readonly offset: number;
  readonly bytes: number;
  readonly line: object;
}

/**
 * What somebody on the host can record of every command: its descriptor, and the bytes of its activations as they lie in device memory when the command
 * ends. Weights are the host's own and are not repeated.
 */
export class HostTrace {
  readonly #lines: object[] = [];
  readonly #held: Held[] = [];
  #arena = new Uint8Array(1 << 16);
  #used = 0;
  #sealed = 0;
  #leftOut = 0;

  /** Takes down a command that ended, well or not. */
  record(command: Command, status: number, memory: DeviceMemory): void {
    tellProvenance(command.tensors, memory);
    const { seq, request, tenant, token, layer, op, label } = command;
    const tensors = command.tensors.map(({ name, role, dtype, dims, addr, bytes, sealed, signed, digest }) => ({
      name,
      role,
      dtype: dtypeOf(dtype, name),
      dims,
      addr,
      bytes,
      sealed,
      signed,
      ...(digest ? { digest: hex(digest) } : {}),
    }));
    this.#lines.push({ seq, request, tenant, token, layer, op, label, status, tensors });
    for (const [at, { name, role, addr, bytes, sealed }] of command.tensors.entries()) {
      if (role === 'weight' || !memory.holds(addr, bytes)) continue;
      const kept = Math.min(bytes, MOST_TENSOR_BYTES);
      if (this.#used + kept > MOST_BYTES) {
        this.#leftOut++;
        continue;
      }
      this.#held.push({ seq, tensor: name, offset: this.#keep(memory.read(addr, kept)), bytes: kept, line: tensors[at]! });
      if (sealed) this.#sealed++;
    }
  }

  #keep(data: Uint8Array): number {
    const offset = this.#used;
    if (offset + data.length > this.#arena.length) {
      const wider = new Uint8Array(Math.max(offset + data.length, this.#arena.length * 2));
      wider.set(this.#arena);
      this.#arena = wider;
    }
    this.#arena.set(data, offset);
    this.#used = offset + data.length;
    return offset;
  }

  get summary() {
    return { commands: this.#lines.length, tensors: this.#held.length, bytes: this.#used, sealed: this.#sealed, leftOut: this.#leftOut };
  }

  /** JSON lines: one a command, with the bytes of its tensors in hexadecimal. */
  export(): Uint8Array<ArrayBuffer> {
    const data = new Map(this.#held.map(({ line, offset, bytes }) => [line, hex(this.#arena.subarray(offset, offset + bytes))]));
    const text = this.#lines.map((line) => {
      const { tensors, ...rest } = line as { tensors: object[] };
      return JSON.stringify({
        ...rest,
        tensors: tensors.map((tensor) => ({ ...tensor, ...(data.has(tensor) ? { data: data.get(tensor) } : {}) })),
      });
    });
    return new TextEncoder().encode(`${text.join('\n')}\n`);
  }

  /**
   * Tensors in which any of `texts` stands, at whatever byte it begins: one entry for each tensor. Texts have at least 4 bytes.
   */
  find(texts: readonly Uint8Array[]): { readonly tensor: string; readonly seq: number }[] {
    // Most places are ruled out by their first two bytes.
    const begins = new Uint8Array(65_536);
    const byStart = new Map<number, Uint8Array[]>();
    for (const text of texts) {
      const start = first4(text, 0);
      begins[start & 0xffff] = 1;
      const same = byStart.get(start);
      if (same) same.push(text);
      else byStart.set(start, [text]);
    }
    return this.#held.filter(({ offset, bytes }) => {
      for (let at = offset; at + 4 <= offset + bytes; at++) {
        if (begins[this.#arena[at]! | (this.#arena[at + 1]! << 8)] === 0) continue;
        for (const text of byStart.get(first4(this.#arena, at)) ?? [])
          if (at + text.length <= offset + bytes && text.every((byte, i) => this.#arena[at + i] === byte)) return true;
      }
      return false;
    });
  }
}

const first4 = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Bytes of a window that plaintext is looked for by. */
const WINDOW = 16;
/** Fewer different bytes tell nothing: zeros behind an activation function stand everywhere. */
const LEAST_VALUES = 6;

/** Pieces of plain tensors, one behind the other: whatever 31 bytes of a tensor stand anywhere hold one of them whole. */
export function windowsOf(tensors: readonly Uint8Array[]): Uint8Array[] {
  const known = new Map<string, Uint8Array>();
  for (const tensor of tensors) {
    for (let at = 0; at + WINDOW <= Math.min(tensor.length, MOST_TENSOR_BYTES); at += WINDOW) {
      const piece = tensor.subarray(at, at + WINDOW);
      if (new Set(piece).size >= LEAST_VALUES) known.set(String.fromCharCode(...piece), piece);
    }
  }
  return [...known.values()];
}
