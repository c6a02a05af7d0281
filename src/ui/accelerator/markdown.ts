/**
 * The part of Markdown (CommonMark 0.31) that lessons are written in, as a tree that React draws: headings, paragraphs, lists, quotes, fenced code, tables;
 * code, emphasis and links within a line. HTML is text like any other, and links lead to the web or nowhere, so nothing in a lesson can run.
 */
export type Inline =
  | { readonly kind: 'text' | 'code'; readonly text: string }
  | { readonly kind: 'strong' | 'em'; readonly children: readonly Inline[] }
  | { readonly kind: 'link'; readonly href: string; readonly children: readonly Inline[] };

export type Block =
  | { readonly kind: 'heading'; readonly level: number; readonly children: readonly Inline[] }
  | { readonly kind: 'paragraph'; readonly children: readonly Inline[] }
  | { readonly kind: 'list'; readonly ordered: boolean; readonly items: readonly (readonly Inline[])[] }
  | { readonly kind: 'quote'; readonly children: readonly Inline[] }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'table'; readonly head: readonly (readonly Inline[])[]; readonly rows: readonly (readonly (readonly Inline[])[])[] };

const FENCE = /^\s*(```+|~~~+)/;
const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const ITEM = /^\s*(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/;
const QUOTE = /^\s*>\s?(.*)$/;
const RULE = /^\s*\|?\s*:?-{3,}:?\s*(\|\s*:?-{3,}:?\s*)*\|?\s*$/;

/** Takes any text; what it does not know is a paragraph. */
export function parseMarkdown(source: string): Block[] {
  const lines = source.replace(/\r\n?/g, '\n').split('\n');
  const blocks: Block[] = [];
  let at = 0;
  /** Lines from here on while `more` says so, joined. */
  const gather = (first: string, more: (line: string) => boolean): string => {
    let text = first;
    for (at++; at < lines.length && more(lines[at]!); at++) text += ` ${lines[at]!.trim()}`;
    return text;
  };
  const plain = (line: string): boolean =>
    line.trim() !== '' && !FENCE.test(line) && !HEADING.test(line) && !ITEM.test(line) && !QUOTE.test(line);
  while (at < lines.length) {
    const line = lines[at]!;
    const fence = FENCE.exec(line)?.[1];
    const heading = HEADING.exec(line);
    const item = ITEM.exec(line);
    const quote = QUOTE.exec(line);
    if (line.trim() === '') at++;
    else if (fence !== undefined) {
      const code: string[] = [];
      for (at++; at < lines.length && !lines[at]!.trim().startsWith(fence); at++) code.push(lines[at]!);
      at++;
      blocks.push({ kind: 'code', text: code.join('\n') });
    } else if (heading) {
      blocks.push({ kind: 'heading', level: heading[1]!.length, children: parseInline(heading[2]!) });
      at++;
    } else if (item) {
      const items: Inline[][] = [];
      const ordered = item[1] !== undefined;
      for (let next: RegExpExecArray | null = item; next; next = ITEM.exec(lines[at] ?? '')) items.push(parseInline(gather(next[2]!, plain)));
      blocks.push({ kind: 'list', ordered, items });
    } else if (quote) {
      const said = [quote[1]!];
      for (at++; at < lines.length && QUOTE.test(lines[at]!); at++) said.push(QUOTE.exec(lines[at]!)![1]!);
      blocks.push({ kind: 'quote', children: parseInline(said.join(' ').trim()) });
    } else if (line.includes('|') && RULE.test(lines[at + 1] ?? '')) {
      const head = cells(line);
      const rows: Inline[][][] = [];
      for (at += 2; at < lines.length && lines[at]!.includes('|'); at++) rows.push(cells(lines[at]!));
      blocks.push({ kind: 'table', head, rows });
    } else blocks.push({ kind: 'paragraph', children: parseInline(gather(line.trim(), plain)) });
  }
  return blocks;
}

function cells(line: string): Inline[][] {
  return line
    .trim()
    .replace(/^\||\|$/g, '')
    .split('|')
    .map((cell) => parseInline(cell.trim()));
}

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]*)\]\(([^()\s]*)\)/g;

export function parseInline(text: string): Inline[] {
  const parts: Inline[] = [];
  let from = 0;
  const upTo = (end: number) => {
    if (end > from) parts.push({ kind: 'text', text: text.slice(from, end) });
  };
  for (const match of text.matchAll(INLINE)) {
    const [whole, code, strong, em, label, href] = match;
    upTo(match.index);
    from = match.index + whole.length;
    if (code !== undefined) parts.push({ kind: 'code', text: code });
    else if (strong !== undefined) parts.push({ kind: 'strong', children: parseInline(strong) });
    else if (em !== undefined) parts.push({ kind: 'em', children: parseInline(em) });
    else if (/^https?:\/\//i.test(href!)) parts.push({ kind: 'link', href: href!, children: parseInline(label!) });
    else parts.push(...parseInline(label!));
  }
  upTo(text.length);
  return parts;
}
