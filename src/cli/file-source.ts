import { open } from 'node:fs/promises';
import { InputError } from '../base/errors.ts';
import type { ByteSource } from '../traces/capture/source.ts';
import { userPath } from './io.ts';

/**
 * A file that is read piece by piece. Nothing stays open between two reads, so nobody has to close it; one that changed since is refused. Throws
 * {@link InputError} naming the path.
 */
export async function openFile(path: string): Promise<ByteSource> {
  const where = userPath(path);
  const { size, mtimeMs } = await reading(path, where, (file) => file.stat());
  return {
    name: path,
    size,
    read: (offset, length) =>
      reading(path, where, async (file) => {
        const now = await file.stat();
        if (now.size !== size || now.mtimeMs !== mtimeMs)
          throw new InputError('the file has changed on disk while it was read', path, 'Start again when it is whole');
        const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
        let have = 0;
        while (have < bytes.length) {
          const { bytesRead } = await file.read(bytes, have, bytes.length - have, offset + have);
          if (bytesRead === 0) break;
          have += bytesRead;
        }
        return bytes.subarray(0, have);
      }),
  };
}

async function reading<T>(path: string, where: string, work: (file: Awaited<ReturnType<typeof open>>) => Promise<T>): Promise<T> {
  try {
    const file = await open(where, 'r');
    try {
      return await work(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof InputError || code === undefined) throw error;
    throw new InputError(code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})`, path);
  }
}
