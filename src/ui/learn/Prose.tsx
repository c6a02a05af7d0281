import type { RootContent } from 'mdast';
import { createContext, createElement, Fragment, type ReactNode, useContext } from 'react';
import type { Scene } from '../../course/lesson.ts';
import type { OpenLesson } from '../../workbench/course/store.ts';
import { course as texts } from '../texts/course.ts';
import { Source } from './Source.tsx';
import { Term } from './Term.tsx';
import './prose.css';

/** What text needs to know of the lesson around it. */
export interface ProseContext {
  readonly terms: OpenLesson['terms'];
  readonly values: OpenLesson['values'];
  /** Null where the text drives nothing, as on paper. */
  readonly go: ((scene: Scene) => void) | null;
}

export const Surroundings = createContext<ProseContext>({ terms: {}, values: {}, go: null });

/** What is nested deeper is shown as its plain text. */
const DEEPEST = 60;

/**
 * A lesson's text. React makes elements of a fixed list of nodes and writes all else as text, markup too; links lead to https or into the page or
 * nowhere: nothing in a lesson can run.
 */
export function Prose({
  nodes,
  top = 4,
}: {
  nodes: readonly RootContent[] /** Level of its highest headings in the page. */;
  top?: number;
}) {
  return <>{drawAll(nodes, 0, top)}</>;
}

const drawAll = (nodes: readonly RootContent[], depth: number, top: number): ReactNode[] =>
  nodes.map((node, at) => draw(node, at, depth, top));

function textOf(node: unknown): string {
  const parts: string[] = [];
  const waiting: unknown[] = [node];
  while (waiting.length > 0) {
    const { value, children } = waiting.pop() as { value?: string; children?: readonly unknown[] };
    if (value !== undefined) parts.push(value);
    for (const child of (children ?? []).toReversed()) waiting.push(child);
  }
  return parts.join('');
}

const TAGS: Readonly<Record<string, string>> = {
  paragraph: 'p',
  listItem: 'li',
  blockquote: 'blockquote',
  strong: 'strong',
  emphasis: 'em',
};

function draw(node: RootContent, key: number, depth: number, top: number): ReactNode {
  if (depth > DEEPEST) return textOf(node);
  const children = (): ReactNode => ('children' in node ? drawAll(node.children as RootContent[], depth + 1, top) : null);
  switch (node.type) {
    case 'text':
    case 'html':
      return node.value;
    case 'inlineCode':
      return <code key={key}>{node.value}</code>;
    case 'code':
      return <Source key={key} text={node.value} kind={node.lang === 'c' ? 'c' : node.lang === 'bpf' ? 'bpf' : 'plain'} />;
    case 'heading':
      return createElement(`h${Math.min(6, Math.max(top, node.depth + 1))}`, { key }, children());
    case 'list':
      return createElement(node.ordered ? 'ol' : 'ul', { key, ...(node.ordered && node.start ? { start: node.start } : {}) }, children());
    case 'link':
      return /^https:\/\//i.test(node.url) ? (
        <a key={key} href={node.url} target="_blank" rel="noopener noreferrer nofollow">
          {children()}
        </a>
      ) : (
        <Fragment key={key}>{children()}</Fragment>
      );
    case 'table':
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: wide tables scroll, with the keyboard too
        <div key={key} className="lesson-table" tabIndex={0}>
          <table>
            <thead>{node.children.slice(0, 1).map((row, at) => drawRow(row.children, at, 'th', depth, top, node.align))}</thead>
            <tbody>{node.children.slice(1).map((row, at) => drawRow(row.children, at, 'td', depth, top, node.align))}</tbody>
          </table>
        </div>
      );
    case 'break':
      return <br key={key} />;
    case 'thematicBreak':
      return <hr key={key} />;
    case 'image':
      return node.alt;
    case 'textDirective': {
      const { name, attributes } = node as unknown as { name: string; attributes?: Readonly<Record<string, string>> };
      if (name === 'term') return <Term key={key} name={textOf(node)} />;
      if (name === 'fact') return <Fact key={key} name={textOf(node)} />;
      if (name === 'go') return <Go key={key} scene={attributes ?? {}} text={children()} />;
      // A colon in running text reads as a directive of that name.
      return (
        <Fragment key={key}>
          :{name}
          {children()}
        </Fragment>
      );
    }
    case 'containerDirective':
      return (
        <aside key={key} className="lesson-note" aria-label={texts.note}>
          {children()}
        </aside>
      );
    case 'yaml':
    case 'definition':
      return null;
    default: {
      const tag = TAGS[node.type];
      return tag ? createElement(tag, { key }, children()) : <Fragment key={key}>{children()}</Fragment>;
    }
  }
}

function drawRow(
  cells: readonly { readonly children: readonly unknown[] }[],
  key: number,
  tag: 'th' | 'td',
  depth: number,
  top: number,
  align?: readonly (string | null)[] | null,
): ReactNode {
  return (
    <tr key={key}>
      {cells.map((cell, column) =>
        createElement(
          tag,
          { key: column, ...(tag === 'th' ? { scope: 'col' } : {}), ...(align?.[column] === 'right' ? { className: 'num' } : {}) },
          drawAll(cell.children as RootContent[], depth + 1, top),
        ),
      )}
    </tr>
  );
}

/** A figure that the tool has computed. */
function Fact({ name }: { name: string }) {
  const found = useContext(Surroundings).values[name];
  const shown =
    found === undefined
      ? texts.computing
      : 'value' in found
        ? typeof found.value === 'number'
          ? found.value.toLocaleString('en')
          : found.value
        : '?';
  return (
    <span className="lesson-fact" title={found && 'problem' in found ? found.problem : texts.fact(name)} data-fact={name}>
      {shown}
    </span>
  );
}

/** A link that drives the tool. */
function Go({ scene, text }: { scene: Scene; text: ReactNode }) {
  const { go } = useContext(Surroundings);
  if (!go) return <>{text}</>;
  return (
    <button type="button" className="lesson-go" onClick={() => go(scene)}>
      {text}
    </button>
  );
}
