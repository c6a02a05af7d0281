import { InputError } from '../../base/errors.ts';

export const KEY_BYTES = 32;

/** Keys on the die, by handle. Programs name handles and never see a key; neither does the host once it has put one in. */
export class Enclave {
  readonly #keys = new Map<number, Uint8Array>();

  /** Handle 0 stands for no key. Throws {@link InputError} for it and for keys of another length than 32 bytes. */
  put(handle: number, key: Uint8Array): void {
    if (!(Number.isInteger(handle) && handle > 0 && handle < 2 ** 32)) throw new InputError('a handle is a number from 1', `key ${handle}`);
    if (key.length !== KEY_BYTES) throw new InputError(`it has ${key.length} bytes and must have ${KEY_BYTES}`, `key ${handle}`);
    this.#keys.set(handle, key.slice());
  }

  /** Forgets a key: what is sealed under it stays so for ever. */
  drop(handle: number): void {
    this.#keys.delete(handle);
  }

  get(handle: number): Uint8Array | null {
    return this.#keys.get(handle) ?? null;
  }

  get handles(): readonly number[] {
    return [...this.#keys.keys()];
  }
}
