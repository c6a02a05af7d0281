import { useState } from 'react';
import { renameProject } from '../../workbench/actions.ts';
import { currentDoc } from '../../workbench/store.ts';
import { Dialog } from '../components/Dialog.tsx';
import { projects as texts } from '../texts/projects.ts';
import { closeDialog } from './open.ts';

/** A new name for the open project: one step of undo. */
export default function RenameDialog() {
  const [name, setName] = useState(currentDoc().name);
  return (
    <Dialog open title={texts.rename.title} onClose={closeDialog}>
      <form
        className="project-form"
        onSubmit={(event) => {
          event.preventDefault();
          renameProject(name);
          closeDialog();
        }}
      >
        <label className="grow">
          <span>{texts.rename.name}</span>
          <input
            className="field"
            value={name}
            maxLength={200}
            autoFocus
            onFocus={(event) => event.target.select()}
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        <button type="submit" className="button primary" disabled={name.trim() === ''}>
          {texts.rename.apply}
        </button>
      </form>
    </Dialog>
  );
}
