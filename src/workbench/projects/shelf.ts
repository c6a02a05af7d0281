import { getBlob } from '../blobs.ts';
import { type BlobRef, blobsOf, type DocHistory, type ProjectDoc } from '../document.ts';
import { keptFiles, type RecentFile } from './depot.ts';
import { forgetParked, loadBlobs, newSession, parsed, refreshProjects, retrySaves, startKeeper, sweep } from './keeper.ts';
import { parseFile } from './schema.ts';
import { newId, setProject, useProject } from './state.ts';
import { ProjectLock, whileBlobsStay } from './tabs.ts';
import { projectTexts as texts } from './texts.ts';

/** What can be done with kept projects and files without opening them. */
export * from './keeper.ts';

/** Deletes a project for good; false where a tab has it open. */
export async function deleteProject(id: string): Promise<boolean> {
  const { depot, tell } = await startKeeper();
  const gate = new ProjectLock(id, () => {});
  if (id === useProject.getState().id || !(await gate.tryNow())) return false;
  await depot.remove(id);
  forgetParked(id);
  gate.release();
  tell({ kind: 'deleted', id });
  if (useProject.getState().previous?.id === id) setProject({ previous: null });
  await sweep(depot);
  await refreshProjects();
  retrySaves();
  return true;
}

/** Changes the name of a project that is not open here, as a step of its own that its undo can take back. */
export async function renameKept(id: string, name: string): Promise<boolean> {
  return changeKept(id, (history) => ({
    past: [...history.past, { doc: history.doc, label: texts.renameStep(name) }],
    doc: { ...history.doc, name },
    future: [],
  }));
}

async function changeKept(id: string, change: (history: DocHistory) => DocHistory): Promise<boolean> {
  const { depot } = await startKeeper();
  const gate = new ProjectLock(id, () => {});
  if (!(await gate.tryNow())) return false;
  try {
    const claimed = await depot.claim(id);
    if (!claimed) return false;
    const [meta, history] = parsed(claimed);
    const other = newSession(depot, { id, origin: meta.origin, createdAt: meta.createdAt, revision: claimed.revision, kept: history });
    other.save(change(history));
    await other.flush();
    return other.pending === null;
  } finally {
    gate.release();
  }
}

/** Keeps a file that was opened, as long as there is room for it, so that it can be opened again. */
export async function noteFile(kind: string, ref: BlobRef): Promise<void> {
  if (ref.modified !== undefined) return;
  const { depot } = await startKeeper();
  const file: RecentFile = { hash: ref.hash, name: ref.name, size: ref.size, kind, openedAt: Date.now() };
  try {
    await whileBlobsStay(async () => {
      if (keptFiles([file]).length > 0 && !(await depot.hasBlob(ref.hash, ref.size))) await depot.putBlob(ref.hash, getBlob(ref));
      await depot.putFile(file);
    });
  } catch {
    // No room for it: the project that names it says so.
  }
  await refreshFiles();
}

/** Reads the list of files that were opened; forgets those beyond it. */
export async function refreshFiles(): Promise<void> {
  const { depot } = await startKeeper();
  const files: RecentFile[] = [];
  for (const raw of await depot.files()) {
    try {
      files.push(parseFile(raw, 'a recent file'));
    } catch {
      const hash = (raw as { hash?: unknown } | null)?.hash;
      if (typeof hash === 'string') await depot.removeFile(hash);
    }
  }
  const kept = keptFiles(files);
  for (const { hash } of files) if (!kept.some((file) => file.hash === hash)) await depot.removeFile(hash);
  setProject({ files: kept });
}

/** Brings bytes that are kept into this tab; throws where one of them is not. */
export async function fetchKept(refs: readonly BlobRef[]): Promise<void> {
  const { depot } = await startKeeper();
  await loadBlobs(depot, refs);
}

/** The document of a kept project, with its bytes in this tab; null where there is none. */
export async function keptDoc(id: string): Promise<ProjectDoc | null> {
  const { depot } = await startKeeper();
  const raw = await depot.read(id);
  if (!raw) return null;
  const [, { doc }] = parsed(raw);
  await loadBlobs(depot, blobsOf(doc));
  return doc;
}

/** The bytes of a recent file; null, and the file forgotten, where they are no longer kept. */
export async function readFile(file: RecentFile): Promise<File | null> {
  const { depot } = await startKeeper();
  try {
    await loadBlobs(depot, [file]);
    return new File([getBlob(file)], file.name);
  } catch {
    await forgetFile(file);
    return null;
  }
}

export async function forgetFile({ hash }: RecentFile): Promise<void> {
  const { depot } = await startKeeper();
  await depot.removeFile(hash);
  await sweep(depot);
  await refreshFiles();
  retrySaves();
}

export async function refreshAsides(): Promise<void> {
  const { depot } = await startKeeper();
  setProject({ asides: await depot.asides() });
}

export async function deleteAside(id: string): Promise<void> {
  const { depot } = await startKeeper();
  await depot.removeAside(id);
  await sweep(depot);
  await refreshAsides();
}

/** A second project with the same document and undo steps. */
export async function duplicateKept(id: string): Promise<boolean> {
  const { depot } = await startKeeper();
  const raw = await depot.read(id);
  if (!raw) return false;
  const [meta, history] = parsed(raw);
  const copy = newSession(depot, {
    id: newId(),
    origin: { how: 'copy', sample: meta.origin.sample },
    createdAt: Date.now(),
    revision: 0,
    kept: null,
  });
  copy.save({ ...history, doc: { ...history.doc, name: texts.copyOf(history.doc.name) } });
  await copy.flush();
  return copy.pending === null;
}
