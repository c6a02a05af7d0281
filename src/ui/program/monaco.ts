import * as monaco from 'monaco-editor/editor.js';
import 'monaco-editor/features/bracketMatching/register.js';
import 'monaco-editor/features/clipboard/register.js';
import 'monaco-editor/features/comment/register.js';
import 'monaco-editor/features/contextmenu/register.js';
import 'monaco-editor/features/find/register.js';
import 'monaco-editor/features/folding/register.js';
import 'monaco-editor/features/gotoError/register.js';
import 'monaco-editor/features/gotoLine/register.js';
import 'monaco-editor/features/hover/register.js';
import 'monaco-editor/features/linesOperations/register.js';
import 'monaco-editor/features/suggest/register.js';
import 'monaco-editor/features/wordHighlighter/register.js';
import EditorWorker from 'monaco-editor/editor/editor.worker.js?worker';
import { HELPERS, helperId } from '../../bpf/helpers.ts';

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

monaco.languages.registerHoverProvider(LANGUAGE, {
  provideHover: (model, position) => {
    const word = model.getWordAtPosition(position);
    const id = word ? helperId(word.word) : undefined;
    const helper = id === undefined ? undefined : HELPERS[id];
    if (!helper) return null;
    return { contents: [{ value: `\`${helper.name}: ${helper.signature}\`` }, { value: helper.description }] };
  },
});

monaco.languages.registerCompletionItemProvider(LANGUAGE, {
  provideCompletionItems: (model, position) => {
    const line = model.getLineContent(position.lineNumber).slice(0, position.column - 1);
    if (!/\bcall\s+\w*$/.test(line)) return { suggestions: [] };
    const word = model.getWordUntilPosition(position);
    const range = new monaco.Range(position.lineNumber, word.startColumn, position.lineNumber, word.endColumn);
    return {
      suggestions: HELPERS.slice(1).map((helper) => ({
        label: helper.name,
        kind: monaco.languages.CompletionItemKind.Function,
        detail: helper.signature,
        insertText: `${helper.name}#${helper.id}`,
        range,
      })),
    };
  },
});

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
