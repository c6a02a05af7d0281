import { useCallback, useEffect, useRef, useState } from 'react';
import { STOPPED } from '../../base/progress.ts';
import { type Named, placesOf, renamed } from '../../bpf/rename.ts';
import { commitFork } from '../../workbench/actions.ts';
import { callOnProgram } from '../../workbench/clients.ts';
import { checkEdit, editStateAt, warmEditWorker } from '../../workbench/edit-check.ts';
import type { EditBase, EditVerdict } from '../../workbench/edit-view.ts';
import { notifyFailure } from '../../workbench/failures.ts';
import { announce, useWorkbench } from '../../workbench/store.ts';
import type { AssemblyDiagnostic, ProgramView } from '../../workbench/views.ts';
import { editor as texts } from '../texts/editor.ts';
import { program as programTexts } from '../texts/program.ts';
import { useTheme } from '../theme/useTheme.ts';
import { EditChanges } from './EditChanges.tsx';
import { EditorBar } from './EditorBar.tsx';
import { createEditor, defineThemes, linkEditor, markersOf, monaco, onKey } from './monaco.ts';
import { funcOf } from './rows.ts';
import { useStable } from './useStable.ts';

/** After this long without a key the text is checked. */
const CHECK_DELAY_MS = 120;

export interface Check {
  readonly diagnostics: readonly AssemblyDiagnostic[];
  readonly verdict: EditVerdict | null;
  /** Instructions that the verifier has processed so far; null while it does not run. */
  readonly verifying: number | null;
}

const UNCHECKED: Check = { diagnostics: [], verdict: null, verifying: null };

interface EditorProps {
  readonly program: ProgramView;
  readonly onClose: () => void;
  /** The edit is part of the project now. */
  readonly onApplied: () => void;
}

/**
 * The function at the cursor as a text, checked while it is typed: mistakes at once, then what the verifier says of the program with it.
 * Monaco owns undo while it has the focus; Apply makes the text one step of the project.
 */
export default function Editor({ program, onClose: close, onApplied }: EditorProps) {
  const onClose = useStable(close);
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<monaco.editor.IStandaloneCodeEditor | null>(null);
  const theme = useTheme((state) => state.effective);
  const kernel = useWorkbench((state) => state.history.doc.options.kernel);
  const [base, setBase] = useState<EditBase | null>(null);
  const [changed, setChanged] = useState(false);
  const [asking, setAsking] = useState(false);
  const [check, setCheck] = useState<Check>(UNCHECKED);
  const opened = useRef(program);
  const running = useRef<AbortController | null>(null);
  const insnOfLine = useRef<Int32Array>(new Int32Array(0));

  // biome-ignore lint/correctness/useExhaustiveDependencies: the editor reads the theme's colours from the page
  useEffect(defineThemes, [theme]);

  const leave = useStable(() => {
    if (changed && !asking) setAsking(true);
    else if (asking) {
      setAsking(false);
      editor.current?.focus();
    } else onClose();
  });

  const run = useStable(async (text: string) => {
    if (!base) return;
    running.current?.abort(STOPPED);
    const own = new AbortController();
    running.current = own;
    const current = () => running.current === own && !own.signal.aborted;
    setCheck((present) => ({ ...present, verdict: null, verifying: null }));
    try {
      const verdict = await checkEdit(
        base,
        text,
        kernel,
        ({ diagnostics, insnOfLine: lines }) => {
          if (!current()) return;
          insnOfLine.current = lines;
          // Monaco draws numbers again only for another function.
          editor.current?.updateOptions({ lineNumbers: (line) => numberOf(line) });
          setCheck({ diagnostics, verdict: null, verifying: diagnostics.length > 0 ? null : 0 });
        },
        {
          signal: own.signal,
          onProgress: (_stage, processed) => {
            if (current()) setCheck((present) => ({ ...present, verifying: processed }));
          },
        },
      );
      if (!current()) return;
      setCheck((present) => ({ ...present, verdict, verifying: null }));
      if (verdict) announce(texts.editVerdict(verdict));
    } catch {
      // Stopped, by the user or by the next key.
      if (current()) setCheck((present) => ({ ...present, verifying: null }));
    }
  });
  /** The gutter shows instructions, not lines. */
  const numberOf = useCallback((line: number) => {
    const insn = insnOfLine.current[line] ?? -1;
    return insn < 0 ? '' : `${insn}`;
  }, []);

  useEffect(() => {
    const model = editor.current?.getModel();
    if (model) monaco.editor.setModelMarkers(model, 'bpf', markersOf(check.diagnostics, check.verdict));
  }, [check]);

  const fail = useStable((doing: string, error: unknown) => {
    notifyFailure(doing, error);
  });

  useEffect(() => {
    const shown = opened.current;
    const { cursors } = useWorkbench.getState();
    const cursor = cursors.insn !== undefined && Number(cursors.insn) < shown.code.length / 8 ? Number(cursors.insn) : 0;
    warmEditWorker();
    let live = true;
    callOnProgram<EditBase>(shown.key, 'editBase', { func: Math.max(0, funcOf(shown, cursor)) }).then(
      (found) => {
        if (live) setBase(found);
      },
      (error: unknown) => {
        if (!live) return;
        fail(texts.editOpening, error);
        onClose();
      },
    );
    return () => {
      live = false;
    };
  }, [fail, onClose]);

  const apply = useStable(async () => {
    const text = editor.current?.getValue();
    if (text === undefined || !base || !changed || check.diagnostics.length > 0) return;
    try {
      await commitFork(await callOnProgram<string>(base.key, 'editedText', { func: base.func, text }));
      onApplied();
      onClose();
    } catch (error) {
      fail(texts.editApplying, error);
    }
  });

  /** A map or function is named in other functions too: the whole program becomes one step of the project, with what was typed here. */
  const renameOutside = useStable(async (named: Named, name: string) => {
    const text = editor.current?.getValue();
    if (text === undefined || !base || check.diagnostics.length > 0) return;
    const label = texts.renaming(named.name, name);
    try {
      const whole = await callOnProgram<string>(base.key, 'editedText', { func: base.func, text });
      await commitFork(renamed(whole, placesOf(whole, named), name), label);
      announce(texts.renamed(named.name, name));
      onApplied();
      onClose();
    } catch (error) {
      fail(label, error);
    }
  });
  const registerAt = useStable(async (line: number, register: string) => {
    const insn = insnOfLine.current[line] ?? -1;
    const rows = insn < 0 ? [] : await editStateAt(insn).catch(() => []);
    return rows.find(({ name }) => name.toLowerCase() === register)?.text ?? null;
  });

  useEffect(() => {
    if (!host.current || !base) return;
    const { maps, subprogs: funcs } = base.rest;
    const unlink = linkEditor({ registerAt, renameOutside: (named, name) => void renameOutside(named, name) }, { maps, funcs });
    const created = createEditor(host.current, base.text, texts.editLabel(base.name));
    editor.current = created;
    created.updateOptions({ lineNumbers: numberOf });
    let timer = 0;
    const subscription = created.onDidChangeModelContent(() => {
      const text = created.getValue();
      setChanged(text !== base.text);
      setAsking(false);
      window.clearTimeout(timer);
      timer = window.setTimeout(() => void run(text), CHECK_DELAY_MS);
    });
    // Escape closes Monaco's own boxes first.
    const idle = '!suggestWidgetVisible && !findWidgetVisible && !editorHasMultipleSelections && !markersNavigationVisible';
    const keys = [
      onKey(created, monaco.KeyCode.Escape, leave, idle),
      onKey(created, monaco.KeyMod.CtrlCmd | monaco.KeyCode.Enter, () => void apply()),
    ];
    const cursor = Number(useWorkbench.getState().cursors.insn ?? -1);
    void run(base.text).then(() => {
      // The first check tells lines and instructions apart.
      const line = insnOfLine.current.indexOf(cursor);
      if (line > 0 && !created.hasTextFocus()) return;
      if (line > 0 && created.getPosition()?.lineNumber === 1) {
        created.setPosition({ lineNumber: line, column: 1 });
        created.revealLineInCenterIfOutsideViewport(line);
      }
    });
    created.focus();
    return () => {
      window.clearTimeout(timer);
      running.current?.abort(STOPPED);
      for (const each of [subscription, ...keys]) each.dispose();
      unlink();
      // Monaco keeps the options that it was given last for the whole page: the function knows the program.
      created.updateOptions({ lineNumbers: 'on' });
      created.getModel()?.dispose();
      created.dispose();
      editor.current = null;
    };
  }, [base, numberOf, run, leave, apply, registerAt, renameOutside]);

  return (
    <div className="editor" data-testid="editor">
      <div className="editor-head small">
        {base ? (
          <>
            <span className="mono">{base.name}</span>
            <span className="muted">{texts.editOf(base.insns, base.total)}</span>
          </>
        ) : (
          programTexts.loadingView
        )}
      </div>
      <div className="editor-host" ref={host} />
      {check.verdict?.change ? <EditChanges verdict={check.verdict} change={check.verdict.change} /> : null}
      <EditorBar
        check={check}
        changed={changed}
        asking={asking}
        onStop={() => running.current?.abort(STOPPED)}
        onShow={(line) => {
          editor.current?.setPosition({ lineNumber: line, column: 1 });
          editor.current?.revealLineInCenterIfOutsideViewport(line);
          editor.current?.focus();
        }}
        onLeave={leave}
        onDrop={onClose}
        onApply={() => void apply()}
      />
    </div>
  );
}
