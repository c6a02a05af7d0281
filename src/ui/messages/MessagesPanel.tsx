import { type KeyboardEvent, useDeferredValue, useEffect, useMemo, useRef } from 'react';
import { type CataloguePage, PAGES, pageById, searchPages } from '../../verifier/catalogue/catalogue.ts';
import { openPasted } from '../../workbench/actions.ts';
import { announce } from '../../workbench/store.ts';
import { Panel } from '../components/Panel.tsx';
import { Code } from '../program/Code.tsx';
import { messages as texts } from '../texts/messages.ts';
import { messagesPanel } from '../texts/messages-panel.ts';
import { useMessages } from './message-store.ts';
import { linkTo } from './open.ts';
import './messages.css';

/** The catalogue of the verifier's messages: a list that is searched, and the page of the chosen one. */
export default function MessagesPanel() {
  const { query, page: chosen } = useMessages();
  const wanted = useDeferredValue(query);
  const pages = useMemo(() => searchPages(wanted), [wanted]);
  const page = pageById(chosen) ?? pages[0] ?? null;
  return (
    <Panel id="messages" title={messagesPanel.title} summary={texts.count(pages.length, PAGES.length)}>
      <div className="messages">
        <div className="messages-find">
          <input
            className="field grow"
            type="search"
            placeholder={texts.search}
            aria-label={texts.search}
            value={query}
            onChange={(event) => useMessages.setState({ query: event.target.value, page: '' })}
          />
        </div>
        <div className="messages-body">
          <PageList pages={pages} chosen={page?.id ?? ''} />
          {page ? <Page key={page.id} page={page} /> : <p className="empty">{texts.none}</p>}
        </div>
      </div>
    </Panel>
  );
}

function PageList({ pages, chosen }: { pages: readonly CataloguePage[]; chosen: string }) {
  const list = useRef<HTMLDivElement>(null);
  const at = pages.findIndex(({ id }) => id === chosen);
  useEffect(() => {
    list.current?.querySelector(`#message-${chosen}`)?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Readonly<Record<string, number>> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: pages.length - 1 };
    const next = moves[event.key];
    if (next === undefined || pages.length === 0) return;
    event.preventDefault();
    useMessages.setState({ page: pages[Math.max(0, Math.min(pages.length - 1, next))]!.id });
  };
  return (
    <div
      ref={list}
      className="messages-list"
      role="listbox"
      aria-label={texts.list}
      tabIndex={0}
      aria-activedescendant={at < 0 ? undefined : `message-${chosen}`}
      onKeyDown={onKeyDown}
    >
      {pages.map(({ id, template, title }, i) => (
        <div key={id} role="presentation">
          {pages[i - 1]?.title === title ? null : <p className="messages-class muted">{title}</p>}
          {/* biome-ignore lint/a11y/useFocusableInteractive: the list has the focus and names the active option */}
          {/* biome-ignore lint/a11y/useKeyWithClickEvents: arrow keys choose, in the list */}
          <div
            id={`message-${id}`}
            role="option"
            className="messages-item mono"
            aria-selected={id === chosen}
            onClick={() => useMessages.setState({ page: id })}
          >
            {template}
          </div>
        </div>
      ))}
    </div>
  );
}

function Page({ page }: { page: CataloguePage }) {
  const copy = (): void => {
    navigator.clipboard.writeText(linkTo(page.id)).then(
      () => announce(texts.copied),
      () => announce(texts.notCopied),
    );
  };
  return (
    <article className="messages-page" data-testid="message-page" aria-labelledby="message-title">
      <h2 id="message-title" className="mono">
        {page.template}
      </h2>
      <p>
        <strong>{page.title}</strong>
      </p>
      <p className="muted">{texts.notation}</p>
      <dl className="messages-allowed">
        <dt className="muted">{texts.allowed}</dt>
        <dd>{page.allowed}</dd>
      </dl>
      <h3>{texts.why}</h3>
      <p>{page.why}</p>
      <h3>{texts.change}</h3>
      <p>{page.change}</p>
      <h3>{texts.example}</h3>
      {page.example ? <Example lines={page.lines} /> : <p className="muted">{texts.noExample}</p>}
      <div className="messages-buttons">
        {page.example ? (
          <>
            <button type="button" className="button bordered" onClick={() => void openPasted('assembly', page.example!.rejected)}>
              {texts.openRejected}
            </button>
            <button type="button" className="button bordered" onClick={() => void openPasted('assembly', page.example!.repaired)}>
              {texts.openRepaired}
            </button>
          </>
        ) : null}
        <button type="button" className="button bordered" onClick={copy}>
          {texts.link}
        </button>
      </div>
    </article>
  );
}

function Example({ lines }: { lines: readonly string[] }) {
  return (
    <>
      <p className="muted">{texts.exampleHint}</p>
      <table className="messages-code" aria-label={texts.example}>
        <tbody>
          {lines.map((line, at) => {
            const sign = line.startsWith('-') ? '−' : line.startsWith('+') ? '+' : '';
            return (
              <tr key={at} className={sign === '−' ? 'removed' : sign === '+' ? 'added' : ''}>
                <td className="messages-sign">{sign ? <span title={sign === '+' ? texts.added : texts.removed}>{sign}</span> : null}</td>
                <td>
                  <Code text={sign ? line.slice(1) : line} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </>
  );
}
