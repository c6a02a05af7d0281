import { useEffect, useRef, useState } from 'react';
import { exportProject } from '../../workbench/actions.ts';
import { toUserError } from '../../workbench/errors.ts';
import type { Share } from '../../workbench/projects/share.ts';
import { announce } from '../../workbench/store.ts';
import { Dialog } from '../components/Dialog.tsx';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { projectDialogs as texts } from '../texts/project-dialogs.ts';
import { FileList } from './FileList.tsx';
import { closeDialog } from './open.ts';

const { share: words } = texts;

/** The project as a link, with what it carries; or why only a file will do. */
export default function ShareDialog() {
  const [share, setShare] = useState<Share | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    import('../../workbench/projects/share.ts').then(({ makeLink }) => makeLink()).then(setShare, setError);
  }, []);
  return (
    <Dialog open title={words.title} onClose={closeDialog}>
      <div className="share">
        {error !== null ? <ErrorNote error={toUserError(error, words.failed)} /> : null}
        {share === null && error === null ? <p className="muted">{words.making}</p> : null}
        {share?.kind === 'link' ? <LinkShare share={share} /> : null}
        {share?.kind === 'file' ? (
          <>
            <p>
              {words.noLink} {share.why}.
            </p>
            <p className="muted">{words.file}</p>
          </>
        ) : null}
        {share?.kind === 'link' && !share.long && share.files.length === 0 ? null : <FileButton primary={share?.kind === 'file'} />}
      </div>
    </Dialog>
  );
}

function FileButton({ primary }: { primary: boolean }) {
  return (
    <p>
      <button
        type="button"
        className={primary ? 'button primary' : 'button bordered'}
        onClick={() => {
          closeDialog();
          void exportProject();
        }}
      >
        {words.exportFile}
      </button>
    </p>
  );
}

function LinkShare({ share }: { share: Extract<Share, { kind: 'link' }> }) {
  const field = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState<'no' | 'yes' | 'failed'>('no');
  const copy = () => {
    field.current?.select();
    const done = (state: 'yes' | 'failed') => () => {
      setCopied(state);
      announce(state === 'yes' ? words.copied : words.copyFailed);
    };
    // Without the clipboard, as on plain HTTP, the user copies what is marked.
    if (navigator.clipboard) navigator.clipboard.writeText(share.url).then(done('yes'), done('failed'));
    else done('failed')();
  };
  return (
    <>
      <div className="project-form">
        <label className="grow">
          <span>{words.link}</span>
          <input ref={field} className="field mono" readOnly value={share.url} onFocus={(event) => event.target.select()} />
        </label>
        <button type="button" className="button primary" onClick={copy}>
          {copied === 'yes' ? words.copied : words.copy}
        </button>
      </div>
      {copied === 'failed' ? <p className="warn">{words.copyFailed}</p> : null}
      {share.long ? (
        <p className="warn" role="note">
          <span aria-hidden="true">▲</span> {words.long}
        </p>
      ) : null}
      <div data-testid="share-carries" data-length={share.url.length}>
        <p>{words.size(share.url.length)}</p>
        <ul className="share-list">
          {share.carries.map((what) => (
            <li key={what}>{what}</li>
          ))}
        </ul>
      </div>
      {share.files.length > 0 ? (
        <div>
          <p>{words.needs}</p>
          <FileList files={share.files} />
        </div>
      ) : null}
      <p className="muted">{words.private}</p>
    </>
  );
}
