import { ChevronDown, CircleHelp, Download, FolderOpen, Moon, Play, Redo2, Sun, SunMoon, Undo2 } from 'lucide-react';
import { useRef } from 'react';
import { exportObject, openFiles, openSample, setKernel } from '../../workbench/actions.ts';
import { KERNELS } from '../../workbench/document.ts';
import { rerun } from '../../workbench/pipeline.ts';
import { SAMPLES } from '../../workbench/samples.ts';
import { redo, undo, useWorkbench } from '../../workbench/store.ts';
import { Menu } from '../components/Menu.tsx';
import type { ThemeChoice } from '../theme/theme.ts';
import { useTheme } from '../theme/useTheme.ts';

const NEXT_THEME: Readonly<Record<ThemeChoice, ThemeChoice>> = { system: 'light', light: 'dark', dark: 'system' };
const THEME_NAMES: Readonly<Record<ThemeChoice, string>> = { system: 'as the system', light: 'light', dark: 'dark' };

export function TopBar({ onHelp }: { onHelp: () => void }) {
  const doc = useWorkbench((state) => state.history.doc);
  const past = useWorkbench((state) => state.history.past);
  const future = useWorkbench((state) => state.history.future);
  const program = useWorkbench((state) => state.stages.program);
  const replay = useWorkbench((state) => state.stages.replay.status);
  const { choice, choose } = useTheme();
  const picker = useRef<HTMLInputElement>(null);
  const ThemeIcon = choice === 'system' ? SunMoon : choice === 'light' ? Sun : Moon;
  return (
    <header className="topbar">
      <h1 className="brand">BPFormer</h1>
      <span className="muted" aria-hidden="true">
        ▸
      </span>
      <Menu
        label={`Project ${doc.name}`}
        button={
          <>
            <strong className="ellipsis project-name">{doc.name}</strong>
            <ChevronDown size={14} />
          </>
        }
        items={SAMPLES.map((sample) => ({ id: sample.id, title: sample.title, detail: sample.about, run: () => void openSample(sample) }))}
        heading="Samples"
      />
      <span className="topbar-line" />
      <button type="button" className="button" onClick={() => picker.current?.click()} title="Open files (Ctrl+O)">
        <FolderOpen size={14} /> Open
      </button>
      <input
        ref={picker}
        id="file-picker"
        type="file"
        multiple
        hidden
        accept=".onnx,.pcap,.cap,.npy,.o,.s,.asm,.json"
        onChange={(event) => {
          const files = [...(event.target.files ?? [])];
          event.target.value = '';
          void openFiles(files);
        }}
      />
      <button
        type="button"
        className="button square"
        disabled={past.length === 0}
        aria-label={past.length > 0 ? `Undo: ${past.at(-1)!.label}` : 'Undo'}
        title={past.length > 0 ? `Undo: ${past.at(-1)!.label} (Ctrl+Z)` : 'Undo (Ctrl+Z)'}
        onClick={undo}
      >
        <Undo2 size={14} />
      </button>
      <button
        type="button"
        className="button square"
        disabled={future.length === 0}
        aria-label={future.length > 0 ? `Redo: ${future[0]!.label}` : 'Redo'}
        title={future.length > 0 ? `Redo: ${future[0]!.label} (Ctrl+Shift+Z)` : 'Redo (Ctrl+Shift+Z)'}
        onClick={redo}
      >
        <Redo2 size={14} />
      </button>
      <span className="grow" />
      <label className="kernel">
        <span className="muted">kernel</span>
        <select
          className="field"
          value={doc.options.kernel}
          onChange={(event) => setKernel(event.target.value as (typeof KERNELS)[number])}
        >
          {KERNELS.map((kernel) => (
            <option key={kernel}>{kernel}</option>
          ))}
        </select>
      </label>
      <button type="button" className="button" disabled={!doc.trace || replay === 'running'} onClick={rerun} title="Replay the trace (R)">
        <Play size={14} /> Replay
      </button>
      <button
        type="button"
        className="button"
        disabled={program.status !== 'done'}
        onClick={() => void exportObject()}
        title="Export the ELF object"
      >
        <Download size={14} /> <span className="wide-only">Export object</span>
      </button>
      <button
        type="button"
        className="button square"
        aria-label={`Theme: ${THEME_NAMES[choice]}; switch to ${THEME_NAMES[NEXT_THEME[choice]]}`}
        title={`Theme: ${THEME_NAMES[choice]}`}
        onClick={() => choose(NEXT_THEME[choice])}
      >
        <ThemeIcon size={14} />
      </button>
      <button type="button" className="button square" aria-label="Help and keys" title="Help and keys (?)" onClick={onHelp}>
        <CircleHelp size={14} />
      </button>
    </header>
  );
}
