import { oneLine } from '../base/errors.ts';

/** What clang, or the lowering behind it, says about a place in the source. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning' | 'note';
  readonly file: string;
  /** From 1; 0 when no place is known. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

const LINE = /^(.*?):(\d+):(\d+): (fatal error|error|warning|note): (.*)$/;
const PLACELESS = /^(?:clang[\w.-]*: |<[^>]*>: )?(?:\S*: )?(fatal error|error|warning): (.*)$/;

/** clang's messages, one for each line that is one; the source lines and marks between them are left out. clang quotes names of any length: ours are cut. */
export function parseDiagnostics(text: string): Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const line of text.split('\n')) {
    const placed = LINE.exec(line);
    if (placed) {
      const [, file, at, column, severity, message] = placed;
      found.push({ severity: severityOf(severity!), file: file!, line: Number(at), column: Number(column), message: oneLine(message!) });
      continue;
    }
    const placeless = PLACELESS.exec(line);
    if (placeless) found.push({ severity: severityOf(placeless[1]!), file: '', line: 0, column: 0, message: oneLine(placeless[2]!) });
  }
  return found;
}

const severityOf = (word: string): Diagnostic['severity'] => (word === 'warning' || word === 'note' ? word : 'error');

/** `file.c:3:5: error: …`, as compilers print it. */
export function formatDiagnostic({ severity, file, line, column, message }: Diagnostic): string {
  return `${file === '' ? '' : line > 0 ? `${file}:${line}:${column}: ` : `${file}: `}${severity}: ${message}`;
}
