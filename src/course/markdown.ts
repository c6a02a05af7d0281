import type { Root } from 'mdast';
import { directiveFromMarkdown } from 'mdast-util-directive';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { frontmatterFromMarkdown } from 'mdast-util-frontmatter';
import { gfmTableFromMarkdown } from 'mdast-util-gfm-table';
import { directive } from 'micromark-extension-directive';
import { frontmatter } from 'micromark-extension-frontmatter';
import { gfmTable } from 'micromark-extension-gfm-table';
import { InputError } from '../base/errors.ts';
import { MOST_BYTES } from './limits.ts';

const LONGEST_LINE = 20_000;
/** Containers nested in one another: the parser's work grows with their number on each line. */
const DEEPEST = 64;

/**
 * The tree of a Markdown text (CommonMark, tables, front matter, directives). Nothing is turned into HTML: what is shown is made of the tree's nodes, so that
 * markup in a lesson stays text.
 */
export function parseMarkdown(text: string, where: string): Root {
  if (text.length > MOST_BYTES) throw new InputError(`it has ${text.length} characters, and a lesson may have ${MOST_BYTES}`, where);
  let open = 0;
  text.split('\n').forEach((line, at) => {
    if (/^[\s>]*:{3,}\s*$/.test(line)) open = Math.max(0, open - 1);
    else if (/^[\s>]*:{3,}\w/.test(line)) open++;
    if (line.length > LONGEST_LINE)
      throw new InputError(`line ${at + 1} has ${line.length} characters, and may have ${LONGEST_LINE}`, where);
    const nested = /^(?:[\s>*+-]|\d+[.)]\s)+/.exec(line)?.[0].replace(/\s/g, '').length ?? 0;
    if (nested > DEEPEST || open > DEEPEST || (line.match(/[[!*_]/g)?.length ?? 0) > 2000)
      throw new InputError(`line ${at + 1} nests deeper than ${DEEPEST} containers, or marks more than 2,000 places`, where);
  });
  return fromMarkdown(text, {
    extensions: [frontmatter(['yaml']), gfmTable(), directive()],
    mdastExtensions: [frontmatterFromMarkdown(['yaml']), gfmTableFromMarkdown(), directiveFromMarkdown()],
  });
}
