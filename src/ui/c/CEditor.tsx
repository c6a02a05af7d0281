import 'monaco-editor/languages/definitions/cpp/register.js';
import { useEffect, useMemo, useRef, useState } from 'react';
import { Cancelled } from '../../base/progress.ts';
import type { Diagnostic } from '../../clang/diagnostics.ts';
import { getBlob } from '../../workbench/blobs.ts';
import { commitC, compileText, setCpu } from '../../workbench/c.ts';
import type { CView } from '../../workbench/c-view.ts';
import type { CLink, ProjectDoc } from '../../workbench/document.ts';
import { errorLine, toUserError } from '../../workbench/errors.ts';
import { RemoteError } from '../../workbench/rpc.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import { notedLine, noteLine } from '../../workbench/text-line.ts';
import type { ProgramView, VerifiedView } from '../../workbench/views.ts';
import { useCommandHandler } from '../commands.ts';
import { createEditor, defineThemes, monaco, onKey } from '../program/monaco.ts';
import { useStable } from '../program/useStable.ts';
import { c as texts } from '../texts/c.ts';
import { useTheme } from '../theme/useTheme.ts';
import CLinks from './CLinks.tsx';
import { firstInsnOf, lineOf } from './lines.ts';

/** After this long without a key clang reads the text; one reading takes half a second. */
const CHECK_DELAY_MS = 300;
const CPUS = ['v1', 'v2', 'v3', 'v4'] as const;

const NO_LINKS: readonly CLink[] = [];

type CSource = Extract<ProjectDoc['source'], { kind: 'c' }>;

/** What clang says of the text in the editor: `text` names which. */
interface Draft {
  readonly text: string;
  readonly view: CView | null;
  readonly failure: string | null;
}

/** The editor of a project's C. Monaco owns undo while it has the focus; Build makes the text one step of the project. */
export default function CEditor({ source }: { source: CSource }) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<monaco.editor.IStandaloneCodeEditor | null>(null);
  const built = useMemo(() => new TextDecoder().decode(getBlob(source.blob)), [source.blob]);
  const [text, setText] = useState(built);
  const theme = useTheme((state) => state.effective);
  const compiled = useWorkbench((state) => state.stages.c.value);
  const program = useWorkbench((state) => state.stages.program);
  const verified = useWorkbench((state) => state.stages.verified);
  const insn = useWorkbench((state) => state.cursors.insn);
  const cpu = source.cpu ?? 'v3';
  const { draft, checking } = useDraft(source.blob.name, text, cpu, source.links ?? NO_LINKS, text !== built);
  const same = text === built;
  const view = same ? (compiled?.hash === source.blob.hash ? compiled : null) : draft?.text === text ? draft.view : null;
  const fresh = same && program.value !== null && !program.stale ? program.value : null;
  const verdict = fresh && !verified.stale ? verified.value : null;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the editor reads the theme's colours from the page
  useEffect(defineThemes, [theme]);

  const build = useStable(() => {
    const now = editor.current?.getValue();
    if (now !== undefined) void commitC(now);
  });
  useCommandHandler('c.build', build);
  const showLine = useStable(() => {
    const line = editor.current?.getPosition()?.lineNumber ?? 0;
    const at = fresh ? firstInsnOf(fresh.lines, source.blob.name, line) : -1;
    if (at >= 0) select('insn', at);
  });
  useCommandHandler('c.line', showLine);
  const noteCursor = useStable((line: number) => noteLine(source.blob.hash, line));

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new text of the same file is set below, so that the cursor stays where it is
  useEffect(() => {
    if (!host.current) return;
    const created = createEditor(host.current, built, texts.label(source.blob.name), 'c');
    editor.current = created;
    const subscription = created.onDidChangeModelContent(() => setText(created.getValue()));
    const linked = notedLine(source.blob.hash);
    if (linked !== null && linked <= (created.getModel()?.getLineCount() ?? 0)) {
      created.setPosition({ lineNumber: linked, column: 1 });
      created.revealLineInCenter(linked);
    }
    const cursor = created.onDidChangeCursorPosition(({ position }) => noteCursor(position.lineNumber));
    const keys = [
      onKey(created, monaco.KeyMod.CtrlCmd | monaco.KeyCode.Enter, build),
      onKey(created, monaco.KeyMod.Alt | monaco.KeyCode.Enter, showLine),
    ];
    const click = created.onMouseDown(({ target }) => {
      if (target.type === monaco.editor.MouseTargetType.GUTTER_LINE_NUMBERS) showLine();
    });
    return () => {
      for (const each of [subscription, cursor, click, ...keys]) each.dispose();
      created.getModel()?.dispose();
      created.dispose();
      editor.current = null;
    };
  }, [source.blob.name, build, showLine, noteCursor]);

  // Undo, redo and a file of the same name bring another text.
  useEffect(() => {
    const model = editor.current?.getModel();
    if (model && model.getValue() !== built) model.setValue(built);
  }, [built]);

  useEffect(() => {
    const model = editor.current?.getModel();
    if (model) monaco.editor.setModelMarkers(model, 'clang', markersOf(view?.diagnostics ?? [], fresh, verdict, source.blob.name));
  }, [view, fresh, verdict, source.blob.name]);

  // The line of the instruction that is selected anywhere.
  useEffect(() => {
    const created = editor.current;
    if (!created) return;
    const line = fresh && insn !== undefined ? lineOf(fresh.lines, source.blob.name, Number(insn)) : 0;
    const marks = created.createDecorationsCollection(
      line > 0 ? [{ range: new monaco.Range(line, 1, line, 1), options: { isWholeLine: true, className: 'c-line' } }] : [],
    );
    if (line > 0 && !created.hasTextFocus()) created.revealLineInCenterIfOutsideViewport(line);
    return () => marks.clear();
  }, [fresh, insn, source.blob.name]);

  const errors = view?.diagnostics.filter(({ severity }) => severity === 'error') ?? [];
  const [first] = errors;
  const toLine = (line: number) => {
    editor.current?.setPosition({ lineNumber: line, column: 1 });
    editor.current?.revealLineInCenterIfOutsideViewport(line);
    editor.current?.focus();
  };
  return (
    <div className="editor">
      <div className="editor-host" ref={host} data-testid="c-editor" />
      <CLinks links={source.links ?? NO_LINKS} />
      <div className="editor-bar c-bar">
        <span className="grow editor-status">
          <span className="ellipsis" role="status" data-testid="c-status">
            {first ? (
              <span className="bad" title={first.message}>
                ✕ {texts.mistake(first.line, first.message, view!.diagnostics.length - 1)}
              </span>
            ) : draft?.failure && !same ? (
              <span className="bad">✕ {draft.failure}</span>
            ) : checking && !same ? (
              <span className="muted">{texts.checking}</span>
            ) : view ? (
              <span className={same ? 'muted' : 'ok'}>{same ? texts.unchanged : `✓ ${texts.compiles(view.programs)}`}</span>
            ) : null}
          </span>
          {first && first.line > 0 ? (
            <button type="button" className="link" onClick={() => toLine(first.line)}>
              {texts.show}
            </button>
          ) : null}
        </span>
        <select
          className="field"
          aria-label={texts.cpu}
          title={texts.cpuAbout}
          value={cpu}
          onChange={(event) => setCpu(event.target.value as (typeof CPUS)[number])}
        >
          {CPUS.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
        <button type="button" className="button primary" disabled={same} title={texts.buildAbout} onClick={build}>
          {texts.build}
        </button>
      </div>
    </div>
  );
}

/** Compiles what is typed, the latest text when the one before it is done: clang hears nothing while it works. */
function useDraft(
  name: string,
  text: string,
  cpu: (typeof CPUS)[number],
  links: readonly CLink[],
  wanted: boolean,
): { draft: Draft | null; checking: boolean } {
  const [draft, setDraft] = useState<Draft | null>(null);
  const [checking, setChecking] = useState(false);
  const state = useRef({ busy: false, next: '', gone: false });
  const check = useStable(async (now: string) => {
    const mine = state.current;
    mine.next = now;
    if (mine.busy) return;
    mine.busy = true;
    setChecking(true);
    for (let of = ''; of !== mine.next && !mine.gone; ) {
      of = mine.next;
      const result = await compileText(name, of, '', cpu, links).then(
        (view): Draft => ({ text: of, view, failure: null }),
        // The worker was ended because its project was left: of this text nothing is known.
        (error: unknown): Draft | null =>
          error instanceof Cancelled
            ? null
            : {
                text: of,
                view: null,
                failure: errorLine(error instanceof RemoteError ? error.error : toUserError(error, texts.compiling)),
              },
      );
      setDraft(result);
    }
    mine.busy = false;
    setChecking(false);
  });
  // Nobody sees what a closed editor would have clang do next, which would come back for it.
  useEffect(() => {
    const mine = state.current;
    mine.gone = false;
    return () => {
      mine.gone = true;
    };
  }, []);
  useEffect(() => {
    if (!wanted) return;
    const timer = window.setTimeout(() => void check(text), CHECK_DELAY_MS);
    return () => window.clearTimeout(timer);
  }, [text, wanted, check]);
  return { draft, checking };
}

const SEVERITIES = { error: 8, warning: 4, note: 2 } as const;

/** clang's messages, and where the verifier refuses, as Monaco marks them. */
function markersOf(
  diagnostics: readonly Diagnostic[],
  program: ProgramView | null,
  verdict: VerifiedView | null,
  file: string,
): monaco.editor.IMarkerData[] {
  const at = (line: number, column: number, message: string, severity: number): monaco.editor.IMarkerData => ({
    startLineNumber: Math.max(1, line),
    startColumn: Math.max(1, column),
    endLineNumber: Math.max(1, line),
    endColumn: column > 0 ? column + 1 : 1000,
    message,
    severity,
  });
  const markers = diagnostics
    .filter((each) => each.line === 0 || each.file === '' || sameFile(each.file, file))
    .map(({ line, column, message, severity }) => at(line, column, message, SEVERITIES[severity]));
  if (program && verdict && !verdict.accepted && verdict.insnIdx !== null) {
    const line = lineOf(program.lines, file, verdict.insnIdx);
    if (line > 0) markers.push(at(line, 0, texts.refused(verdict.insnIdx, verdict.message ?? ''), SEVERITIES.error));
  }
  return markers;
}

const sameFile = (a: string, b: string): boolean => a.split('/').at(-1) === b;
