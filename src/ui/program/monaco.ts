import * as monaco from 'monaco-editor/editor.js';
import 'monaco-editor/features/bracketMatching/register.js';
import 'monaco-editor/features/clipboard/register.js';
import 'monaco-editor/features/comment/register.js';
import 'monaco-editor/features/contextmenu/register.js';
import 'monaco-editor/features/find/register.js';
import 'monaco-editor/features/folding/register.js';
import 'monaco-editor/features/gotoError/register.js';
import 'monaco-editor/features/gotoLine/register.js';
import 'monaco-editor/features/gotoSymbol/register.js';
import 'monaco-editor/features/hover/register.js';
import 'monaco-editor/features/linesOperations/register.js';
import 'monaco-editor/features/rename/register.js';
import 'monaco-editor/features/suggest/register.js';
import 'monaco-editor/features/wordHighlighter/register.js';
import EditorWorker from 'monaco-editor/editor/editor.worker.js?worker';
import { type Named, type NamePlace, nameAt, nameProblem, placesOf } from '../../bpf/rename.ts';
import type { EditVerdict } from '../../workbench/edit-view.ts';
import type { AssemblyDiagnostic } from '../../workbench/views.ts';
import { editor as texts } from '../texts/editor.ts';
import { explainLine, explainWord, helperOf, labelsOf, type Suggestion, type Surroundings, suggestions } from './assist.ts';

self.MonacoEnvironment = { getWorker: () => new EditorWorker() };

export const LANGUAGE = 'bpf';

monaco.languages.register({ id: LANGUAGE });
monaco.languages.setLanguageConfiguration(LANGUAGE, { comments: { lineComment: ';' }, brackets: [['(', ')']] });
monaco.languages.setMonarchTokensProvider(LANGUAGE, {
  tokenizer: {
    root: [
      [/;.*$/, 'comment'],
      [/^\s*\.[\w.]+/, 'directive'],
      [/^\s*[\w.$"]+:/, 'label'],
      [/\*\([us](8|16|32|64) \*\)/, 'memory'],
      [/\bcall\b.*$/, 'call'],
      [/\bmap\[[^\]]*\]/, 'call'],
      [/\b(if|goto|gotol|may_goto|exit|lock|callx)\b/, 'keyword'],
      [/\b[rw](10|[0-9])\b/, 'register'],
      [/[+-]?\b(0x[0-9a-fA-F]+|\d+)\b/, 'number'],
    ],
  },
});

const NO_SURROUNDINGS: Surroundings = { maps: [], funcs: [] };
let surroundings = NO_SURROUNDINGS;

/** What the editor knows beyond its text. */
export interface EditorLinks {
  /** What the verifier knows of a register before the instruction of a line; null where it knows nothing. */
  readonly registerAt: (line: number, register: string) => Promise<string | null>;
  /** Renames a map or function, which other functions name too. */
  readonly renameOutside: (named: Named, name: string) => void;
}
const NO_LINKS: EditorLinks = { registerAt: async () => null, renameOutside: () => {} };
let links = NO_LINKS;

/** What completion, hovers and renaming know of the program around the text, until the returned function is called: both hold the program. */
export function linkEditor(next: EditorLinks, around: Surroundings): () => void {
  links = next;
  surroundings = around;
  return () => {
    if (links !== next) return;
    links = NO_LINKS;
    surroundings = NO_SURROUNDINGS;
  };
}

/**
 * Runs `run` when `key` is pressed in `editor` and `when` holds, until it is disposed of. What Monaco's `addCommand` is given stays for as long as the page lives, with
 * the editor and the program that it refers to.
 */
export function onKey(editor: monaco.editor.IStandaloneCodeEditor, key: number, run: () => void, when?: string): monaco.IDisposable {
  const id = `key ${key}`;
  return editor.addAction({ id, label: id, keybindings: [key], run, ...(when === undefined ? {} : { precondition: when }) });
}

const isHelper = (name: string): boolean => helperOf(name) !== undefined;
const namedAt = (model: monaco.editor.ITextModel, position: monaco.Position): Named | null =>
  nameAt(model.getLineContent(position.lineNumber), position.column - 1, isHelper);
const rangeOf = ({ line, from, to }: NamePlace): monaco.Range => new monaco.Range(line + 1, from + 1, line + 1, to + 1);

monaco.languages.registerRenameProvider(LANGUAGE, {
  resolveRenameLocation: (model, position) => {
    const named = namedAt(model, position);
    const none = new monaco.Range(position.lineNumber, position.column, position.lineNumber, position.column);
    if (!named) return { range: none, text: '', rejectReason: texts.renameNothing };
    return { range: rangeOf({ line: position.lineNumber - 1, from: named.from, to: named.to }), text: named.name };
  },
  provideRenameEdits: (model, position, name) => {
    const named = namedAt(model, position);
    const text = model.getValue();
    if (!named) return { edits: [], rejectReason: texts.renameNothing };
    const taken = named.kind === 'label' ? labelsOf(text) : [...surroundings.maps, ...surroundings.funcs].map((each) => each.name);
    const problem = named.name === name ? null : nameProblem(name, taken);
    if (problem) return { edits: [], rejectReason: texts.renameRefused(problem) };
    if (named.kind !== 'label') {
      links.renameOutside(named, name);
      return { edits: [] };
    }
    const edits = placesOf(text, named).map((place) => ({
      resource: model.uri,
      versionId: undefined,
      textEdit: { range: rangeOf(place), text: name },
    }));
    return { edits };
  },
});

/** A label's own line; a function of this text. */
monaco.languages.registerDefinitionProvider(LANGUAGE, {
  provideDefinition: (model, position) => {
    const named = namedAt(model, position);
    if (!named) return null;
    const place = placesOf(model.getValue(), named).find(({ line, from }) => {
      const before = model.getLineContent(line + 1).slice(0, from);
      return named.kind === 'label' ? /^\s*$/.test(before) : /^\s*\.(func|map|inner)\s+$/.test(before);
    });
    return place ? { uri: model.uri, range: rangeOf(place) } : null;
  },
});

monaco.languages.registerHoverProvider(LANGUAGE, {
  provideHover: async (model, position) => {
    const word = model.getWordAtPosition(position)?.word ?? '';
    const register = /^[rw](10|\d)$/.test(word) ? await links.registerAt(position.lineNumber, word.replace(/^w/, 'r')) : null;
    const described = explainWord(word, surroundings);
    const own = register === null ? described : `${described ?? ''}\n\n${texts.knownHere} \`${register}\``;
    const line = explainLine(model.getLineContent(position.lineNumber));
    const contents = [
      ...(own ? [{ value: own }] : []),
      ...(line ? [{ value: `\`${line.mnemonic}\` ${line.description}${line.rfc ? ` · RFC 9669 §${line.rfc}` : ''}` }] : []),
    ];
    return contents.length > 0 ? { contents } : null;
  },
});

const { CompletionItemKind, CompletionItemInsertTextRule } = monaco.languages;
const KINDS: Readonly<Record<Suggestion['kind'], monaco.languages.CompletionItemKind>> = {
  statement: CompletionItemKind.Snippet,
  register: CompletionItemKind.Variable,
  helper: CompletionItemKind.Function,
  function: CompletionItemKind.Method,
  map: CompletionItemKind.Struct,
  label: CompletionItemKind.Reference,
};

monaco.languages.registerCompletionItemProvider(LANGUAGE, {
  triggerCharacters: [' ', '['],
  provideCompletionItems: (model, position) => {
    const before = model.getLineContent(position.lineNumber).slice(0, position.column - 1);
    const word = model.getWordUntilPosition(position);
    const range = new monaco.Range(position.lineNumber, word.startColumn, position.lineNumber, word.endColumn);
    return {
      suggestions: suggestions(before, model.getValue(), surroundings).map(({ kind, label, insert, detail }, at) => ({
        label,
        kind: KINDS[kind],
        detail,
        insertText: insert,
        ...(kind === 'statement' ? { insertTextRules: CompletionItemInsertTextRule.InsertAsSnippet } : {}),
        sortText: String(at).padStart(4, '0'),
        range,
      })),
    };
  },
});

/** Mistakes, or where the verifier refuses, as Monaco marks them. */
export function markersOf(diagnostics: readonly AssemblyDiagnostic[], verdict: EditVerdict | null): monaco.editor.IMarkerData[] {
  const markers = diagnostics.map((problem) => ({
    startLineNumber: problem.line,
    startColumn: problem.column,
    endLineNumber: problem.line,
    endColumn: Math.max(problem.endColumn, problem.column + 1),
    message: problem.message,
    severity: monaco.MarkerSeverity.Error,
  }));
  if (verdict && !verdict.accepted && verdict.line !== null) {
    markers.push({
      startLineNumber: verdict.line,
      startColumn: 1,
      endLineNumber: verdict.line,
      endColumn: 1000,
      message: `insn ${verdict.insnIdx}: ${verdict.message}`,
      severity: monaco.MarkerSeverity.Error,
    });
  }
  return markers;
}

/** An editor of `text` in `host`; of assembly unless a language is named. */
export function createEditor(host: HTMLElement, text: string, label: string, language = LANGUAGE): monaco.editor.IStandaloneCodeEditor {
  defineThemes();
  return monaco.editor.create(host, {
    value: text,
    language,
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
    ariaLabel: label,
    wordBasedSuggestions: 'off',
    stickyScroll: { enabled: false },
    lineNumbersMinChars: language === LANGUAGE ? 6 : 4,
    fixedOverflowWidgets: true,
  });
}

/** Gives Monaco the page's own colours. */
export function defineThemes(): void {
  const style = getComputedStyle(document.documentElement);
  // Monaco takes six digits only, and minifiers shorten them.
  const colour = (name: string) =>
    style
      .getPropertyValue(name)
      .trim()
      .replace(/^#(.)(.)(.)$/, '#$1$1$2$2$3$3');
  const dark = document.documentElement.dataset.theme === 'dark';
  const rule = (token: string, name: string) => ({ token, foreground: colour(name).replace('#', '') });
  monaco.editor.defineTheme('bpformer', {
    base: dark ? 'vs-dark' : 'vs',
    inherit: true,
    rules: [
      rule('comment', '--syn-comment'),
      rule('directive', '--muted'),
      rule('label', '--text'),
      rule('memory', '--syn-mem'),
      rule('call', '--syn-call'),
      rule('keyword', '--syn-op'),
      rule('register', '--syn-reg'),
      rule('number', '--syn-num'),
      rule('string', '--syn-mem'),
      rule('type', '--syn-reg'),
    ],
    colors: {
      'editor.background': colour('--panel'),
      'editor.foreground': colour('--text'),
      'editorLineNumber.foreground': colour('--faint'),
      'editor.selectionBackground': colour('--select'),
      'editor.lineHighlightBackground': colour('--sunken'),
      'editorCursor.foreground': colour('--accent'),
      focusBorder: colour('--accent'),
    },
  });
  monaco.editor.setTheme('bpformer');
}

export { monaco };
