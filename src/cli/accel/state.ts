import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../base/errors.ts';
import { EMPTY_TRUST, HASH, readTrust, type TrustStore } from '../../hooks/accelerator/trust.ts';
import { userPath } from '../io.ts';

/**
 * What a simulated device keeps between two calls of the command line: a folder with `device.json` (objects, links, contents of maps, trace buffer,
 * clock), the objects by their hash, and `trust.json`. Keys of the enclave are not kept: a nonce under one must never come twice.
 */

export interface StoredObject {
  readonly name: string;
  readonly sha256: string;
  /** Of the signature; null for an object that was taken without one. */
  readonly version: number | null;
  readonly signer: string | null;
  /** Contents of maps by name: keys and values, hexadecimal. */
  readonly maps: Readonly<Record<string, readonly (readonly [key: string, value: string])[]>>;
}

export interface StoredLink {
  readonly id: number;
  readonly object: string;
  readonly program: string;
  readonly hook: string;
  readonly order: number;
}

export interface StoredRecord {
  readonly timeNs: number;
  readonly program: string;
  readonly seq: number;
  readonly request: number;
  /** Hexadecimal. */
  readonly data: string;
}

export interface State {
  readonly format: 1;
  readonly nextLink: number;
  /** Where the next command and the next request are numbered from. */
  readonly nextSeq: number;
  readonly nextRequest: number;
  /** The device's clock, modelled. */
  readonly nowNs: number;
  readonly objects: readonly StoredObject[];
  readonly links: readonly StoredLink[];
  readonly records: readonly StoredRecord[];
}

const NEW: State = { format: 1, nextLink: 1, nextSeq: 0, nextRequest: 1, nowNs: 0, objects: [], links: [], records: [] };
const FOLDER = '.bpformer-accelerator';

/** The folder of one simulated device. */
export class StateFolder {
  readonly path: string;

  /** `--state`, else the environment's BPFORMER_ACCELERATOR, else `.bpformer-accelerator` where the user is. */
  constructor(option: string | undefined) {
    this.path = userPath(option ?? process.env.BPFORMER_ACCELERATOR ?? FOLDER);
  }

  /** What was kept; a new device where nothing was. Throws {@link InputError} for a file that this did not write. */
  read(): State {
    const path = join(this.path, 'device.json');
    const text = this.#text(path);
    if (text === null) return NEW;
    let state: State;
    try {
      state = JSON.parse(text) as State;
    } catch {
      throw new InputError('not a JSON document', path, 'Remove the folder to begin anew');
    }
    const lists = [state?.objects, state?.links, state?.records];
    if (state?.format !== 1 || !lists.every(Array.isArray) || !state.objects.every(({ sha256 }) => HASH.test(sha256)))
      throw new InputError('not the state of a device', path, 'Remove the folder to begin anew');
    return state;
  }

  write(state: State): void {
    this.#replace('device.json', JSON.stringify(state));
  }

  trust(): TrustStore {
    const path = join(this.path, 'trust.json');
    const text = this.#text(path);
    return text === null ? EMPTY_TRUST : readTrust(text, path);
  }

  writeTrust(trust: TrustStore): void {
    this.#replace('trust.json', JSON.stringify(trust, null, 1));
  }

  object(sha256: string): Uint8Array {
    const path = join(this.path, `${sha256}.o`);
    try {
      return new Uint8Array(readFileSync(path));
    } catch {
      throw new InputError('cannot be read, and the device has it loaded', path, 'Remove the folder to begin anew');
    }
  }

  keepObject(sha256: string, bytes: Uint8Array): void {
    if (!existsSync(join(this.path, `${sha256}.o`))) this.#replace(`${sha256}.o`, bytes);
  }

  #text(path: string): string | null {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw new InputError(`cannot be read (${(error as NodeJS.ErrnoException).code})`, path);
    }
  }

  /** In one step: a call that is stopped leaves either the old file or the new one. */
  #replace(name: string, content: string | Uint8Array): void {
    const path = join(this.path, name);
    try {
      mkdirSync(this.path, { recursive: true });
      writeFileSync(`${path}.new`, content, { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch (error) {
      throw new InputError(`cannot be written (${(error as NodeJS.ErrnoException).code})`, path);
    }
  }
}
