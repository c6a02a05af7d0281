import { open } from 'node:fs/promises';
import { InputError } from '../base/errors.ts';
import type { ByteSource } from '../traces/capture/source.ts';
import { userPath } from './io.ts';

export interface FileSource extends ByteSource {
  close(): Promise<void>;
}

/** A file that is read piece by piece. Throws {@link InputError} naming the path. */
export async function openFile(path: string): Promise<FileSource> {
  try {
    const file = await open(userPath(path), 'r');
    const { size } = await file.stat();
    return {
      name: path,
      size,
      async read(offset, length) {
        const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
        let have = 0;
        while (have < bytes.length) {
          const { bytesRead } = await file.read(bytes, have, bytes.length - have, offset + have);
          if (bytesRead === 0) break;
          have += bytesRead;
        }
        return bytes.subarray(0, have);
      },
      close: () => file.close(),
    };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new InputError(code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})`, path);
  }
}
