import { createElement, type ReactNode, useMemo } from 'react';
import { type Block, type Inline, parseMarkdown } from './markdown.ts';

/** A lesson's text. React writes every part as text, so nothing in it is markup of the page. */
export function Markdown({ text }: { text: string }) {
  const blocks = useMemo(() => parseMarkdown(text), [text]);
  return <div className="accel-lesson">{blocks.map((block, at) => drawBlock(block, at))}</div>;
}

function drawBlock(block: Block, key: number): ReactNode {
  switch (block.kind) {
    case 'heading':
      // The panel is a section of its own: a lesson's first heading stands below it.
      return createElement(`h${Math.min(6, block.level + 1)}`, { key }, block.children.map(drawInline));
    case 'paragraph':
      return <p key={key}>{block.children.map(drawInline)}</p>;
    case 'quote':
      return <blockquote key={key}>{block.children.map(drawInline)}</blockquote>;
    case 'code':
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: long lines scroll, with the keyboard too
        <pre key={key} className="mono" tabIndex={0}>
          {block.text}
        </pre>
      );
    case 'list':
      return createElement(
        block.ordered ? 'ol' : 'ul',
        { key },
        block.items.map((item, at) => <li key={at}>{item.map(drawInline)}</li>),
      );
    case 'table':
      return (
        <table key={key} className="accel-table">
          <thead>
            <tr>
              {block.head.map((cell, at) => (
                <th key={at} scope="col">
                  {cell.map(drawInline)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {block.rows.map((row, at) => (
              <tr key={at}>
                {row.map((cell, column) => (
                  <td key={column}>{cell.map(drawInline)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      );
  }
}

function drawInline(part: Inline, key: number): ReactNode {
  switch (part.kind) {
    case 'text':
      return part.text;
    case 'code':
      return <code key={key}>{part.text}</code>;
    case 'strong':
      return <strong key={key}>{part.children.map(drawInline)}</strong>;
    case 'em':
      return <em key={key}>{part.children.map(drawInline)}</em>;
    case 'link':
      return (
        <a key={key} href={part.href} target="_blank" rel="noopener noreferrer">
          {part.children.map(drawInline)}
        </a>
      );
  }
}
