import { useEffect, useRef, useState } from 'react';
import { commitFork } from '../../workbench/actions.ts';
import { callOnProgram, compileWorker } from '../../workbench/clients.ts';
import { useWorkbench } from '../../workbench/store.ts';
import type { AssemblyDiagnostic, ProgramView } from '../../workbench/views.ts';
import { useTheme } from '../theme/useTheme.ts';
import { defineThemes, LANGUAGE, monaco } from './monaco.ts';

const CHECK_DELAY_MS = 150;

/**
 * The program as a text. Monaco owns undo while it has the focus; Apply makes the text one step of the project, whose program
 * is then verified and run.
 */
export default function Editor({ program, onClose }: { program: ProgramView; onClose: () => void }) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<monaco.editor.IStandaloneCodeEditor | null>(null);
  const theme = useTheme((state) => state.effective);
  const [diagnostics, setDiagnostics] = useState<readonly AssemblyDiagnostic[]>([]);
  const [changed, setChanged] = useState(false);
  const original = useRef('');
  const opened = useRef(program.key);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the editor reads the theme's colours from the page
  useEffect(defineThemes, [theme]);

  useEffect(() => {
    if (!host.current) return;
    defineThemes();
    const created = monaco.editor.create(host.current, {
      language: LANGUAGE,
      theme: 'bpformer',
      automaticLayout: true,
      minimap: { enabled: false },
      fontFamily: "'JetBrains Mono Variable', monospace",
      fontSize: 12.5,
      lineHeight: 18,
      fontLigatures: false,
      scrollBeyondLastLine: false,
      renderLineHighlight: 'line',
      accessibilitySupport: 'auto',
      ariaLabel: 'Program text',
      wordBasedSuggestions: 'off',
      stickyScroll: { enabled: false },
    });
    editor.current = created;
    let live = true;
    let timer = 0;
    void callOnProgram<string>(opened.current, 'programText').then((text) => {
      if (!live) return;
      original.current = text;
      created.setValue(text);
      const cursor = useWorkbench.getState().cursors.insn;
      if (cursor !== undefined) revealInsn(created, Number(cursor));
      created.focus();
    });
    const check = async () => {
      const text = created.getValue();
      const found = await compileWorker.call<readonly AssemblyDiagnostic[]>('diagnose', { text }).catch(() => []);
      const model = created.getModel();
      if (!live || !model || created.getValue() !== text) return;
      setDiagnostics(found);
      monaco.editor.setModelMarkers(
        model,
        LANGUAGE,
        found.map((problem) => ({
          startLineNumber: problem.line,
          startColumn: problem.column,
          endLineNumber: problem.line,
          endColumn: Math.max(problem.endColumn, problem.column + 1),
          message: problem.message,
          severity: monaco.MarkerSeverity.Error,
        })),
      );
    };
    const subscription = created.onDidChangeModelContent(() => {
      setChanged(created.getValue() !== original.current);
      window.clearTimeout(timer);
      timer = window.setTimeout(() => void check(), CHECK_DELAY_MS);
    });
    return () => {
      live = false;
      window.clearTimeout(timer);
      subscription.dispose();
      created.getModel()?.dispose();
      created.dispose();
      editor.current = null;
    };
  }, []);

  const apply = async () => {
    const text = editor.current?.getValue();
    if (text === undefined) return;
    await commitFork(text);
    onClose();
  };
  return (
    <div className="editor" data-testid="editor">
      <div className="editor-host" ref={host} />
      <div className="editor-bar">
        <span className="grow ellipsis" role="status">
          {diagnostics.length > 0 ? (
            <span className="bad">
              ✕ line {diagnostics[0]!.line}: {diagnostics[0]!.message}
              {diagnostics.length > 1 ? `, and ${diagnostics.length - 1} more` : ''}
            </span>
          ) : (
            <span className="muted">{changed ? 'Apply verifies and runs the changed program' : 'no changes'}</span>
          )}
        </span>
        <button type="button" className="button" onClick={onClose}>
          Close
        </button>
        <button type="button" className="button primary" disabled={!changed || diagnostics.length > 0} onClick={() => void apply()}>
          Apply
        </button>
      </div>
    </div>
  );
}

/** Shows the line of instruction `insn`: lines that hold instructions are those that are no label, directive or comment. */
function revealInsn(editor: monaco.editor.IStandaloneCodeEditor, insn: number): void {
  const model = editor.getModel();
  if (!model) return;
  let slot = 0;
  for (let line = 1; line <= model.getLineCount(); line++) {
    const text = model.getLineContent(line).trim();
    if (text === '' || text.startsWith(';') || /^\.(?!insn)/.test(text) || /^[^\s=()*]+:$/.test(text)) continue;
    if (slot >= insn) {
      editor.setPosition({ lineNumber: line, column: 1 });
      editor.revealLineInCenter(line);
      return;
    }
    slot += /^r\d+ = (?:0x[0-9a-f]+|map\[.*|.* ll)$/.test(text) ? 2 : 1;
  }
}
