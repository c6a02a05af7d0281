import { InputError } from '../../base/errors.ts';
import type { BlobRef } from '../document.ts';
import { useAsked } from './asked.ts';
import { linkTexts as texts } from './link-texts.ts';

/** Asks the user for files; resolves when all are held, throws {@link InputError} when the user leaves. */
export async function askForFiles(files: readonly BlobRef[]): Promise<void> {
  useAsked.getState().settle?.(false);
  const given = await new Promise<boolean>((settle) => useAsked.setState({ files, settle }));
  useAsked.setState({ files: [], settle: null });
  if (!given) throw new InputError(texts.notGiven, files.map(({ name }) => name).join(', '), texts.askFile);
}
