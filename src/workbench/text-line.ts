/** The line at the cursor of an open text, a log or C: what a link leads to besides the selection. One text is open at a time. */
let noted: { readonly hash: string; readonly line: number } | null = null;

/** Notes the line, from 1, at which the cursor of the text with this hash stands, or shall stand when it opens. */
export function noteLine(hash: string, line: number): void {
  noted = { hash, line };
}

/** That line; null for another text or one whose cursor was nowhere yet. */
export const notedLine = (hash: string): number | null => (noted?.hash === hash ? noted.line : null);
