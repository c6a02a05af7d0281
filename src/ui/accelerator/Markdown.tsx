import type { RootContent } from 'mdast';
import { createElement, type ReactNode, useMemo } from 'react';
import { parseMarkdown } from '../../course/markdown.ts';

/**
 * A lesson's text. React makes elements of the tree's nodes and writes all else as text, markup too, and links lead to the web or nowhere: nothing in a
 * lesson can run.
 */
export function Markdown({ text, where }: { text: string; where: string }) {
  const { children } = useMemo(() => parseMarkdown(text, where), [text, where]);
  return <div className="accel-lesson">{children.map(draw)}</div>;
}

function draw(node: RootContent, key: number): ReactNode {
  switch (node.type) {
    case 'text':
    case 'html':
      return node.value;
    case 'inlineCode':
      return <code key={key}>{node.value}</code>;
    case 'code':
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: long lines scroll, with the keyboard too
        <pre key={key} className="mono" tabIndex={0}>
          {node.value}
        </pre>
      );
    case 'heading':
      // The panel is a section of its own: a lesson's first heading stands below it.
      return createElement(`h${Math.min(6, node.depth + 1)}`, { key }, node.children.map(draw));
    case 'list':
      return createElement(node.ordered ? 'ol' : 'ul', { key }, node.children.map(draw));
    case 'link':
      return /^https?:\/\//i.test(node.url) ? (
        <a key={key} href={node.url} target="_blank" rel="noopener noreferrer">
          {node.children.map(draw)}
        </a>
      ) : (
        node.children.map(draw)
      );
    case 'table':
      return (
        <table key={key} className="accel-table">
          <tbody>
            {node.children.map((row, at) => (
              <tr key={at}>
                {row.children.map((cell, column) =>
                  createElement(at === 0 ? 'th' : 'td', { key: column, ...(at === 0 ? { scope: 'col' } : {}) }, cell.children.map(draw)),
                )}
              </tr>
            ))}
          </tbody>
        </table>
      );
    case 'break':
      return <br key={key} />;
    case 'thematicBreak':
      return <hr key={key} />;
    case 'image':
      return node.alt;
    case 'yaml':
      return null;
    default: {
      const tag = TAGS[node.type];
      const children = 'children' in node ? (node.children as RootContent[]).map(draw) : null;
      return tag ? createElement(tag, { key }, children) : children;
    }
  }
}

const TAGS: Readonly<Record<string, string>> = {
  paragraph: 'p',
  listItem: 'li',
  blockquote: 'blockquote',
  strong: 'strong',
  emphasis: 'em',
};
