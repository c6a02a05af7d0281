import { announce, openDoc } from '../store.ts';
import { unpackProject } from './project-file.ts';

/** A project file opens as a project of its own, beside those that are kept. Throws what is wrong with it. */
export async function openProjectFile(file: File): Promise<void> {
  const { doc, sample } = await unpackProject(file.name, new Uint8Array(await file.arrayBuffer()));
  openDoc(doc, { how: 'file', sample });
  announce(`${file.name} opened as a project of its own`);
}
