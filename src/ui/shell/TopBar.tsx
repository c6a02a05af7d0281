import { CircleHelp, Contrast, Download, FolderOpen, Moon, Play, Redo2, Sun, SunMoon, Undo2 } from 'lucide-react';
import { type KeyboardEvent, useRef } from 'react';
import { exportObject, openFiles, setKernel } from '../../workbench/actions.ts';
import { KERNELS } from '../../workbench/document.ts';
import { rerun } from '../../workbench/pipeline.ts';
import { redo, undo, useWorkbench } from '../../workbench/store.ts';
import { keyLabel } from '../commands.ts';
import { Menu } from '../components/Menu.tsx';
import { ProjectMenu } from '../projects/ProjectMenu.tsx';
import { ShareButton } from '../projects/ShareButton.tsx';
import { shell as texts } from '../texts/shell.ts';
import { useTheme } from '../theme/useTheme.ts';
import { startTour } from '../tour/tour-store.ts';
import { showDesk, useDesk } from './desk-store.ts';
import { DESKS } from './desks.ts';
import { showFront } from './shell-store.ts';

const { top: words } = texts;

export function TopBar() {
  return (
    <header className="topbar">
      <h1 className="brand">BPFormer</h1>
      <span className="muted" aria-hidden="true">
        ▸
      </span>
      <ProjectMenu />
      <span className="topbar-line" />
      <DeskTabs />
      <span className="topbar-line" />
      <OpenButton />
      <History />
      <span className="grow" />
      <Kernel />
      <Actions />
      <ShareButton />
      <ThemeMenu />
      <HelpMenu />
    </header>
  );
}

/** The desks; arrows move between them. */
function DeskTabs() {
  const desk = useDesk((state) => state.desk);
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0) return;
    const at = DESKS.findIndex(({ id }) => id === desk);
    const next = DESKS[(at + step + DESKS.length) % DESKS.length]!;
    showDesk(next.id);
    event.currentTarget.querySelector<HTMLElement>(`[data-desk-tab=${next.id}]`)?.focus();
    event.preventDefault();
  };
  return (
    <div className="desk-tabs" role="radiogroup" aria-label={words.desks} onKeyDown={onKeyDown}>
      {DESKS.map(({ id, title, about }, at) => (
        // biome-ignore lint/a11y/useSemanticElements: a radio input cannot be drawn as a tab
        <button
          key={id}
          type="button"
          role="radio"
          className="desk-tab"
          data-desk-tab={id}
          aria-checked={id === desk}
          tabIndex={id === desk ? 0 : -1}
          title={`${about} (${keyLabel(`alt+${at + 1}`)})`}
          onClick={() => showDesk(id)}
        >
          {title}
        </button>
      ))}
    </div>
  );
}

function OpenButton() {
  const picker = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" className="button" onClick={() => picker.current?.click()} title={words.openHint}>
        <FolderOpen size={14} /> <span className="wide-only">{words.open}</span>
        <span className="visually-hidden narrow-only">{words.open}</span>
      </button>
      <input
        ref={picker}
        id="file-picker"
        type="file"
        multiple
        hidden
        onChange={(event) => {
          const files = [...(event.target.files ?? [])];
          event.target.value = '';
          void openFiles(files);
        }}
      />
    </>
  );
}

function History() {
  const past = useWorkbench((state) => state.history.past);
  const future = useWorkbench((state) => state.history.future);
  const undoName = words.undo(past.at(-1)?.label);
  const redoName = words.redo(future[0]?.label);
  return (
    <>
      <button
        type="button"
        className="button square"
        disabled={past.length === 0}
        aria-label={undoName}
        title={`${undoName} (${keyLabel('mod+z')})`}
        onClick={undo}
      >
        <Undo2 size={14} />
      </button>
      <button
        type="button"
        className="button square"
        disabled={future.length === 0}
        aria-label={redoName}
        title={`${redoName} (${keyLabel('mod+shift+z')})`}
        onClick={redo}
      >
        <Redo2 size={14} />
      </button>
    </>
  );
}

function Kernel() {
  const kernel = useWorkbench((state) => state.history.doc.options.kernel);
  return (
    <label className="kernel">
      <span className="muted">{words.kernel}</span>
      <select className="field" value={kernel} onChange={(event) => setKernel(event.target.value as (typeof KERNELS)[number])}>
        {KERNELS.map((version) => (
          <option key={version}>{version}</option>
        ))}
      </select>
    </label>
  );
}

function Actions() {
  const trace = useWorkbench((state) => state.history.doc.trace);
  const compiled = useWorkbench((state) => state.stages.program.status === 'done');
  const replaying = useWorkbench((state) => state.stages.replay.status === 'running');
  return (
    <>
      <button type="button" className="button" disabled={!trace || replaying} onClick={rerun} title={words.replayHint}>
        <Play size={14} /> {words.replay}
      </button>
      <button
        type="button"
        className="button"
        disabled={!compiled}
        onClick={() => void exportObject()}
        title={words.exportHint}
        aria-label={words.exportObject}
      >
        <Download size={14} /> <span className="wide-only">{words.exportObject}</span>
      </button>
    </>
  );
}

function ThemeMenu() {
  const { choice, contrast, choose } = useTheme();
  const Icon = contrast === 'more' ? Contrast : choice === 'system' ? SunMoon : choice === 'light' ? Sun : Moon;
  const { themes } = words;
  const mark = (on: boolean, title: string) => (on ? `✓ ${title}` : title);
  return (
    <Menu
      label={words.theme}
      square
      alignEnd
      button={<Icon size={14} />}
      items={[
        ...(['system', 'light', 'dark'] as const).map((id) => ({
          id,
          title: mark(choice === id, themes[id]),
          run: () => choose(id === 'system' ? { choice: id, contrast: 'system' } : { choice: id }),
        })),
        {
          id: 'contrast',
          title: mark(contrast === 'more', themes.more),
          run: () => choose({ contrast: contrast === 'more' ? 'normal' : 'more' }),
        },
      ]}
    />
  );
}

function HelpMenu() {
  const { helpItems } = words;
  return (
    <Menu
      label={words.help}
      square
      alignEnd
      button={<CircleHelp size={14} />}
      items={[
        { id: 'tour', title: helpItems.tour, detail: helpItems.tourAbout, run: startTour },
        { id: 'palette', title: helpItems.palette, detail: keyLabel('mod+k'), run: () => showFront('palette') },
        { id: 'keys', title: helpItems.keys, detail: '?', run: () => showFront('shortcuts') },
      ]}
    />
  );
}
