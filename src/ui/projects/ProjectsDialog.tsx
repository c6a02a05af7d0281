import { Copy, Pencil, Trash2, X } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useState } from 'react';
import { download, openFiles, renameProject } from '../../workbench/actions.ts';
import type { AsideRecord, RecentFile } from '../../workbench/projects/depot.ts';
import type { ProjectMeta } from '../../workbench/projects/record.ts';
import { useProject } from '../../workbench/projects/state.ts';
import { announce } from '../../workbench/store.ts';
import { Dialog } from '../components/Dialog.tsx';
import { projectDialogs as dialogs } from '../texts/project-dialogs.ts';
import { projects as texts } from '../texts/projects.ts';
import { OfflineRow } from './OfflineRow.tsx';
import { closeDialog, withKeeper } from './open.ts';

const { list: words } = dialogs;

/** Every project that this browser keeps, the files that were opened, and the room that they take. */
export default function ProjectsDialog() {
  const { projects, files, asides } = useProject();
  const [search, setSearch] = useState('');
  const [elsewhere, setElsewhere] = useState<ReadonlySet<string>>(new Set());
  useEffect(
    () =>
      withKeeper(async (module) => {
        await Promise.all([module.refreshProjects(), module.refreshFiles(), module.measureRoom()]);
        await module.refreshAsides();
      }),
    [],
  );
  // Each save and each deletion, here or in another tab, changes the list.
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again when the list changes
  useEffect(() => withKeeper(async (module) => setElsewhere(await module.openInTabs())), [projects]);
  const wanted = search.trim().toLowerCase();
  const matches = useMemo(() => (text: string) => text.toLowerCase().includes(wanted), [wanted]);
  const shown = projects.filter((project) => matches(`${project.name} ${project.file} ${project.kind}`));
  const shownFiles = files.filter((file) => matches(`${file.name} ${file.kind}`));
  return (
    <Dialog open wide title={words.title} onClose={closeDialog}>
      <input
        className="field projects-search"
        type="search"
        placeholder={words.search}
        aria-label={words.search}
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      <Section title={words.projects} count={shown.length} empty={projects.length === 0 ? words.noProjects : words.noMatch}>
        {shown.map((project) => (
          <ProjectRow key={project.id} project={project} elsewhere={elsewhere.has(project.id)} />
        ))}
      </Section>
      <Section title={words.files} count={shownFiles.length} empty={files.length === 0 ? words.noFiles : words.noMatch}>
        {shownFiles.map((file) => (
          <FileRow key={file.hash} file={file} />
        ))}
      </Section>
      {asides.length > 0 ? (
        <Section title={words.asides} count={asides.length} empty="">
          {asides.map((record) => (
            <AsideRow key={record.id} record={record} />
          ))}
        </Section>
      ) : null}
      <RoomRow />
      <OfflineRow />
    </Dialog>
  );
}

function Section({ title, count, empty, children }: { title: string; count: number; empty: string; children: ReactNode }) {
  return (
    <section className="projects-section" aria-label={title}>
      <h3 className="small muted">
        {title} {count > 0 ? <span className="faint">{count}</span> : null}
      </h3>
      {count === 0 ? <p className="muted">{empty}</p> : <ul>{children}</ul>}
    </section>
  );
}

function ProjectRow({ project, elsewhere }: { project: ProjectMeta; elsewhere: boolean }) {
  const open = useProject((state) => state.id) === project.id;
  const [mode, setMode] = useState<'row' | 'rename' | 'delete'>('row');
  const { id, name, kind, file, bytes, changedAt } = project;
  if (mode === 'rename') {
    return (
      <li className="projects-row">
        <RenameForm
          name={name}
          onDone={(next) => {
            setMode('row');
            if (next === null || next === name) return;
            if (open) renameProject(next);
            else withKeeper(async (module) => announce((await module.renameKept(id, next)) ? words.renamed(next) : words.busy(name)));
          }}
        />
      </li>
    );
  }
  return (
    <li className="projects-row" data-project={id}>
      <button
        type="button"
        className="projects-name"
        aria-current={open}
        onClick={() => {
          closeDialog();
          if (!open) withKeeper((module) => module.openProject(id));
        }}
      >
        <span className="ellipsis">{name}</span>
        <span className="small muted ellipsis">
          {words.kinds[kind]}
          {file && file !== name ? ` · ${file}` : ''}
          {open ? ` · ${words.openHere}` : elsewhere ? ` · ${words.openElsewhere}` : ''}
        </span>
      </button>
      {mode === 'delete' ? (
        <>
          <span className="warn">{words.sure(name)}</span>
          <button
            type="button"
            className="button bordered"
            onClick={() =>
              withKeeper(async (module) => {
                const gone = await module.deleteProject(id);
                announce(gone ? words.deleted(name) : words.busy(name));
                setMode('row');
              })
            }
          >
            {words.delete}
          </button>
          <button ref={focusOn} type="button" className="button" onClick={() => setMode('row')}>
            {words.keep}
          </button>
        </>
      ) : (
        <>
          <span className="num muted projects-size">{dialogs.bytes(bytes)}</span>
          <Time at={changedAt} />
          <IconButton label={words.rename(name)} onClick={() => setMode('rename')} disabled={elsewhere && !open}>
            <Pencil size={14} />
          </IconButton>
          <IconButton
            label={words.duplicate(name)}
            onClick={() =>
              withKeeper(async (module) => announce((await module.duplicateKept(id)) ? words.duplicated(name) : words.busy(name)))
            }
          >
            <Copy size={14} />
          </IconButton>
          <IconButton
            label={open || elsewhere ? words.deleteOpen(name) : words.deleteName(name)}
            onClick={() => setMode('delete')}
            disabled={open || elsewhere}
          >
            <Trash2 size={14} />
          </IconButton>
        </>
      )}
    </li>
  );
}

/** A field that stands where a button was pressed takes over its focus. */
const takeFocus = (input: HTMLInputElement | null) => {
  input?.focus();
  input?.select();
};

/** The safe answer takes the focus of the button that asked. */
const focusOn = (button: HTMLButtonElement | null) => button?.focus();

function RenameForm({ name, onDone }: { name: string; onDone: (name: string | null) => void }) {
  const [next, setNext] = useState(name);
  return (
    <form
      className="project-form grow"
      onSubmit={(event) => {
        event.preventDefault();
        onDone(next.trim() || null);
      }}
    >
      <input
        className="field grow"
        aria-label={texts.rename.name}
        value={next}
        maxLength={200}
        ref={takeFocus}
        onChange={(event) => setNext(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          event.preventDefault();
          onDone(null);
        }}
      />
      <button type="submit" className="button primary" disabled={next.trim() === ''}>
        {texts.rename.apply}
      </button>
      <button type="button" className="button" onClick={() => onDone(null)}>
        {words.cancel}
      </button>
    </form>
  );
}

function FileRow({ file }: { file: RecentFile }) {
  return (
    <li className="projects-row">
      <button
        type="button"
        className="projects-name"
        onClick={() =>
          withKeeper(async (module) => {
            const bytes = await module.readFile(file);
            if (!bytes) return announce(words.fileGone(file.name));
            closeDialog();
            await openFiles([bytes]);
          })
        }
      >
        <span className="ellipsis">{file.name}</span>
        <span className="small muted">{file.kind}</span>
      </button>
      <span className="num muted projects-size">{dialogs.bytes(file.size)}</span>
      <Time at={file.openedAt} />
      <IconButton label={words.forget(file.name)} onClick={() => withKeeper((module) => module.forgetFile(file))}>
        <X size={14} />
      </IconButton>
    </li>
  );
}

function AsideRow({ record }: { record: AsideRecord }) {
  return (
    <li className="projects-row">
      <span className="projects-name static">
        <span className="ellipsis">{words.aside(record.id)}</span>
        <span className="small muted">{record.reason}</span>
      </span>
      <Time at={record.at} />
      <button
        type="button"
        className="button bordered"
        onClick={() => download(`${record.id}.json`, new TextEncoder().encode(JSON.stringify(record.value, null, 1)))}
      >
        {words.download}
      </button>
      <IconButton label={words.deleteName(record.id)} onClick={() => withKeeper((module) => module.deleteAside(record.id))}>
        <Trash2 size={14} />
      </IconButton>
    </li>
  );
}

function RoomRow() {
  const { room, depot } = useProject();
  return (
    <div className="projects-foot small muted">
      <span className="grow">
        {depot ? words.where[depot] : null}
        {room ? ` ${words.room(room.usage, room.quota)} ${room.persisted ? words.persisted : words.notPersisted}` : null}
      </span>
      {room && !room.persisted ? (
        <button type="button" className="button bordered" onClick={() => withKeeper((module) => module.persistStorage())}>
          {words.persist}
        </button>
      ) : null}
    </div>
  );
}

const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

function Time({ at }: { at: number }) {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  return (
    <time className="muted projects-time" dateTime={date.toISOString()} title={`${DAY.format(date)}, ${CLOCK.format(date)}`}>
      {today ? CLOCK.format(date) : DAY.format(date)}
    </time>
  );
}

function IconButton({
  label,
  disabled = false,
  onClick,
  children,
}: {
  label: string;
  disabled?: boolean;
  onClick: () => void;
  children: ReactNode;
}) {
  return (
    <button type="button" className="button square" aria-label={label} title={label} disabled={disabled} onClick={onClick}>
      {children}
    </button>
  );
}
