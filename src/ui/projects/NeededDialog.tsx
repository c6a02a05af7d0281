import { useRef, useState } from 'react';
import { toUserError, type UserError } from '../../workbench/errors.ts';
import { useAsked } from '../../workbench/projects/asked.ts';
import { offerFile } from '../../workbench/projects/find-blobs.ts';
import { Dialog } from '../components/Dialog.tsx';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { projectDialogs } from '../texts/project-dialogs.ts';
import { FileList } from './FileList.tsx';

const { needed: texts } = projectDialogs;

/** Asks for the files that a link names; each is taken by its SHA-256, whatever it is called. */
export default function NeededDialog() {
  const { files, settle } = useAsked();
  const [given, setGiven] = useState<ReadonlySet<string>>(new Set());
  const [error, setError] = useState<UserError | null>(null);
  const picker = useRef<HTMLInputElement>(null);
  const offer = async (chosen: readonly File[]) => {
    setError(null);
    const have = new Set(given);
    try {
      for (const file of chosen) {
        const found = await offerFile(file, files);
        if (found) have.add(found.hash);
        else setError(texts.other(file.name));
      }
    } catch (failure) {
      setError(toUserError(failure, texts.choose));
    }
    setGiven(have);
    if (files.every(({ hash }) => have.has(hash))) settle?.(true);
  };
  return (
    <Dialog open title={texts.title} onClose={() => settle?.(false)}>
      <div className="needed">
        <p>{texts.text}</p>
        <FileList files={files} given={given} />
        {error ? <ErrorNote error={error} onDismiss={() => setError(null)} /> : null}
        <div className="needed-actions">
          <button type="button" className="button primary" onClick={() => picker.current?.click()}>
            {texts.choose}
          </button>
          <button type="button" className="button bordered" onClick={() => settle?.(false)}>
            {texts.leave}
          </button>
        </div>
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          aria-label={texts.choose}
          onChange={({ target }) => {
            void offer([...(target.files ?? [])]);
            target.value = '';
          }}
        />
      </div>
    </Dialog>
  );
}
