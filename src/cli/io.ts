import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, isAbsolute, resolve } from 'node:path';
import { constants, gunzipSync } from 'node:zlib';
import { InputError } from '../base/errors.ts';

const MAX_FILE_BYTES = 2 ** 31;

/** The path as the user meant it: npm changes the folder and says in INIT_CWD where the user was. */
export const userPath = (path: string): string => (isAbsolute(path) ? path : resolve(process.env.INIT_CWD ?? process.cwd(), path));

/** Contents of a file that the user named. Throws {@link InputError} naming the path. */
export function readInput(path: string): Uint8Array {
  try {
    const bytes = readFileSync(userPath(path));
    if (bytes.length > MAX_FILE_BYTES) throw new InputError(`larger than ${MAX_FILE_BYTES} bytes`, path);
    // A Buffer of a small file is a slice of Node's pool, where typed views would not be aligned.
    return new Uint8Array(bytes);
  } catch (error) {
    if (error instanceof InputError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'this is a folder' : `cannot be read (${code})`;
    throw new InputError(why, path);
  }
}

/** The PNG files of a folder, by name; null when the path is no folder. Throws {@link InputError} for one without any. */
export function picturesIn(path: string): string[] | null {
  if (!statSync(userPath(path), { throwIfNoEntry: false })?.isDirectory()) return null;
  const files = readdirSync(userPath(path)).filter((file) => /\.png$/i.test(file));
  if (files.length === 0) throw new InputError('this is a folder without a .png file', path);
  return files.sort().map((file) => `${path.replace(/\/$/, '')}/${file}`);
}

/** As {@link readInput}; what gzip has packed is unpacked. */
export function readUnzipped(path: string): Uint8Array {
  const bytes = readInput(path);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return new Uint8Array(gunzipSync(bytes, { maxOutputLength: MAX_FILE_BYTES, finishFlush: constants.Z_SYNC_FLUSH }));
  } catch {
    throw new InputError('its first bytes are those of gzip, and it does not unpack', path);
  }
}

export const readText = (path: string): string => new TextDecoder().decode(readInput(path));

export function writeOutput(path: string, bytes: Uint8Array | string): void {
  try {
    writeFileSync(userPath(path), bytes);
  } catch (error) {
    throw new InputError(`cannot be written (${(error as NodeJS.ErrnoException).code})`, path);
  }
}

/** Runs a reader that knows lines but not files: its {@link InputError} then names the file too. */
export function within<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(error.what, [path, error.where].filter(Boolean).join(', '), error.advice);
  }
}

export const fileName = (path: string): string => basename(path);

/** Contract of JSON output: exact integers beyond 2^53 as hex strings, non-finite numbers as strings. */
function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint')
    return value >= -(2n ** 53n) && value <= 2n ** 53n
      ? Number(value)
      : `${value < 0n ? '-' : ''}0x${(value < 0n ? -value : value).toString(16)}`;
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return [...(value as unknown as Iterable<number>)];
  return value;
}

export const printJson = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value, jsonValue)}\n`);
};
export const print = (text: string): void => {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
};
export const tell = (text: string): void => {
  process.stderr.write(`${text}\n`);
};
