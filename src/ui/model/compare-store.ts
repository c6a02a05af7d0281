import { create } from 'zustand';
import type { Inspected } from '../../workbench/actions.ts';
import { pinBlob, putBlob } from '../../workbench/blobs.ts';
import { compileWorker, hold, type ModelSpec } from '../../workbench/clients.ts';
import { notifyFailure } from '../../workbench/failures.ts';
import { currentDoc } from '../../workbench/store.ts';
import { compare as texts } from '../texts/model.ts';

/** The model that the open one is compared with. It is a way of looking, no part of the project: undo does not know it. */
export const useComparison = create<{ readonly other: ModelSpec | null }>()(() => ({ other: null }));

/** Compares the open model with that of a file; symbolic sizes are the open model's where names agree. */
export async function compareWith(file: File): Promise<void> {
  const doing = texts.opening(file.name);
  try {
    const ref = await putBlob(file.name, new Uint8Array(await file.arrayBuffer()));
    pinBlob(ref);
    hold(compileWorker, ref);
    const { symbolicDims, suggested } = await compileWorker.call<Inspected>('inspect', { blob: ref });
    const given = currentDoc().options.dims;
    const dims = Object.fromEntries(symbolicDims.map((name) => [name, given[name] ?? suggested[name] ?? 1]));
    useComparison.setState({ other: { key: JSON.stringify([ref.hash, dims]), model: ref, dims } });
  } catch (error) {
    notifyFailure(doing, error);
  }
}

export function leaveComparison(): void {
  useComparison.setState({ other: null });
}
