import type { CallContext } from '../rpc.ts';

/** Read and written at a time. */
const PIECE = 4 << 20;
/** Copies that stay; the oldest go first. */
const MOST_COPIES = 2;

/** Resolves once copies may go on. */
let allowed: Promise<void> = Promise.resolve();
let allow = (): void => {};

/** A replay reads the same file and takes all processors: copies wait for it. */
export function holdCopies({ held }: { held: boolean }): void {
  allow();
  if (held)
    allowed = new Promise((resolve) => {
      allow = resolve;
    });
}

/** Copies a file into a folder of the origin's private file system. A copy that was not finished is taken away. */
export async function keepCopy(
  { file, folder: name, hash }: { file: Blob; folder: string; hash: string },
  context: CallContext,
): Promise<void> {
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true });
  await dropOld(folder, hash);
  const part = `${hash}.part`;
  const handle = await folder.getFileHandle(part, { create: true });
  const out = await handle.createSyncAccessHandle();
  try {
    out.truncate(0);
    for (let at = 0; at < file.size; at += PIECE) {
      await allowed;
      const began = performance.now();
      out.write(new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer()), { at });
      context.progress('copying', at, file.size);
      // Whatever else is asked goes first.
      const spent = performance.now() - began;
      await new Promise((resolve) => setTimeout(resolve, spent));
    }
    out.flush();
    out.close();
    // Under its own name it is whole.
    await (handle as FileSystemFileHandle & { move(to: string): Promise<void> }).move(hash);
  } catch (error) {
    out.close();
    await folder.removeEntry(part).catch(() => {});
    throw error;
  }
}

async function dropOld(folder: FileSystemDirectoryHandle, keep: string): Promise<void> {
  const copies: { readonly name: string; readonly at: number }[] = [];
  for await (const [name, handle] of folder.entries()) {
    if (handle.kind === 'file' && name !== keep) copies.push({ name, at: (await (handle as FileSystemFileHandle).getFile()).lastModified });
  }
  copies.sort((a, b) => b.at - a.at);
  for (const { name } of copies.slice(MOST_COPIES - 1)) await folder.removeEntry(name).catch(() => {});
}
