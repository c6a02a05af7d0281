import { ArrowLeft, ChevronDown, ChevronRight, Copy } from 'lucide-react';
import { useDeferredValue, useEffect, useRef, useState } from 'react';
import type { BtfFileView, BtfPart, BtfRow, BtfTypeView } from '../../workbench/btf-views.ts';
import type { BlobRef } from '../../workbench/document.ts';
import { askBtf } from '../../workbench/inspect.ts';
import { usePages } from '../components/usePages.ts';
import { VirtualList, type VirtualListHandle } from '../components/VirtualList.tsx';
import { btf as texts } from '../texts/btf.ts';
import { showType, useBtf } from './store.ts';

const ROW_HEIGHT = 20;

/** The list of types with a search, and the one that is selected. */
export function Types({ blob, kinds }: { blob: BlobRef; kinds: BtfFileView['kinds'] }) {
  const { query, kind, trail } = useBtf();
  const wanted = useDeferredValue(query);
  const [count, setCount] = useState<{ readonly query: string; readonly kind: string; readonly count: number } | null>(null);
  const [active, setActive] = useState(-1);
  const list = useRef<VirtualListHandle>(null);
  useEffect(() => {
    let current = true;
    askBtf.find(blob, wanted, kind).then(
      (found) => {
        if (!current) return;
        setCount({ query: wanted, kind, count: found });
        setActive(-1);
        list.current?.scrollTo(0, 'start');
      },
      () => {},
    );
    return () => {
      current = false;
    };
  }, [blob, wanted, kind]);
  const of = count ?? { query: '', kind: '', count: 0 };
  const row = usePages<BtfRow>(`${blob.hash} ${of.kind} ${of.query}`, (from, to) => askBtf.rows(blob, of.query, of.kind, from, to));
  const shown = trail.at(-1);
  return (
    <div className="btf-types">
      <div className="btf-list">
        <div className="btf-search">
          <input
            type="search"
            className="field grow"
            aria-label={texts.search}
            placeholder={texts.search}
            value={query}
            onChange={(event) => useBtf.setState({ query: event.target.value })}
          />
          <select
            className="field"
            aria-label={texts.kind}
            value={kind}
            onChange={(event) => useBtf.setState({ kind: event.target.value })}
          >
            <option value="">{texts.allKinds}</option>
            {kinds.map(([word, n]) => (
              <option key={word} value={word}>
                {texts.kindOption(word, n)}
              </option>
            ))}
          </select>
        </div>
        <p className="btf-count muted" role="status">
          {count ? texts.found(count.count) : ''}
        </p>
        <VirtualList
          ref={list}
          className="mono"
          label={texts.list}
          count={of.count}
          rowHeight={ROW_HEIGHT}
          active={active}
          onActivate={(index) => {
            setActive(index);
            const type = row(index);
            if (type) showType(type.id);
          }}
          rowLabel={(index) => {
            const type = row(index);
            return type ? `${type.kind} ${type.name}` : '';
          }}
          rowClass={(index) => (index === active ? 'selected' : '')}
        >
          {(index) => <Row type={row(index)} />}
        </VirtualList>
      </div>
      {shown === undefined ? (
        <p className="empty btf-detail">{texts.choose}</p>
      ) : (
        <Detail blob={blob} id={shown} canGoBack={trail.length > 1} />
      )}
    </div>
  );
}

function Row({ type }: { type: BtfRow | undefined }) {
  if (!type) return null;
  return (
    <span className="btf-row">
      <span className="btf-kind">{type.kind}</span>
      <span className="ellipsis grow">{type.name}</span>
      <span className="btf-size">{type.size > 0 ? texts.bytes(type.size) : ''}</span>
    </span>
  );
}

function Detail({ blob, id, canGoBack }: { blob: BlobRef; id: number; canGoBack: boolean }) {
  const [type, setType] = useState<BtfTypeView | null>(null);
  useEffect(() => {
    let current = true;
    askBtf.detail(blob, id).then(
      (found) => current && setType(found),
      () => {},
    );
    return () => {
      current = false;
    };
  }, [blob, id]);
  if (!type) return <div className="btf-detail" />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="btf-detail" tabIndex={0} aria-label={texts.detail(type.name)} data-testid="btf-detail">
      <header className="btf-head">
        {canGoBack ? (
          <button
            type="button"
            className="button square"
            aria-label={texts.back}
            title={texts.back}
            onClick={() => useBtf.setState(({ trail }) => ({ trail: trail.slice(0, -1) }))}
          >
            <ArrowLeft size={14} />
          </button>
        ) : null}
        <span className="btf-kind">{type.kind}</span>
        <h2 className="mono ellipsis grow" title={type.name}>
          {type.name}
        </h2>
        <span className="muted">
          {texts.id(type.id)}
          {type.size > 0 ? ` · ${texts.bytes(type.size)}` : ''}
        </span>
      </header>
      {type.target ? (
        <p>
          {texts.target} <TypeLink id={type.target.id} text={type.target.name} />
        </p>
      ) : null}
      {type.maps.length > 0 ? (
        <p>
          {texts.inMaps}: <span className="mono">{type.maps.join(', ')}</span>
        </p>
      ) : null}
      {type.tags.length > 0 ? (
        <p>
          {texts.tags}: <span className="mono">{type.tags.join(', ')}</span>
        </p>
      ) : null}
      {type.parts.length > 0 ? <Parts key={type.id} blob={blob} parts={type.parts} /> : null}
      <div className="btf-c-head">
        <h3>{texts.c}</h3>
        <button type="button" className="button small" onClick={() => void navigator.clipboard.writeText(type.c)}>
          <Copy size={14} /> {texts.copy}
        </button>
      </div>
      <pre className="btf-c">{type.c}</pre>
      {type.usersInAll > 0 ? (
        <>
          <h3>{texts.usedBy(type.usersInAll)}</h3>
          <ul className="btf-users mono">
            {type.users.map((user) => (
              <li key={user.id}>
                <span className="btf-kind">{user.kind}</span> <TypeLink id={user.id} text={user.name} />
              </li>
            ))}
          </ul>
          {type.usersInAll > type.users.length ? <p className="muted">{texts.more(type.usersInAll - type.users.length)}</p> : null}
        </>
      ) : null}
    </section>
  );
}

export function TypeLink({ id, text }: { id: number; text: string }) {
  return (
    <button type="button" className="link mono btf-link" title={text} onClick={() => showType(id)}>
      {text}
    </button>
  );
}

/** Parts as a tree: those that are made of parts themselves open in place. */
function Parts({ blob, parts }: { blob: BlobRef; parts: readonly BtfPart[] }) {
  return (
    <table className="btf-parts">
      <caption className="visually-hidden">{texts.parts}</caption>
      <thead>
        <tr>
          <th scope="col" className="num">
            {texts.place}
          </th>
          <th scope="col">{texts.name}</th>
          <th scope="col">{texts.type}</th>
          <th scope="col" className="num">
            {texts.size}
          </th>
        </tr>
      </thead>
      <tbody className="mono">
        <Level blob={blob} parts={parts} depth={0} />
      </tbody>
    </table>
  );
}

function Level({ blob, parts, depth }: { blob: BlobRef; parts: readonly BtfPart[]; depth: number }) {
  return parts.map((part, at) => <Part key={`${part.name}.${part.place}.${at}`} blob={blob} part={part} depth={depth} />);
}

const MOST_DEPTH = 12;

function Part({ blob, part, depth }: { blob: BlobRef; part: BtfPart; depth: number }) {
  const [inner, setInner] = useState<readonly BtfPart[] | null>(null);
  const isOpen = inner !== null;
  const toggle = () => {
    if (isOpen) setInner(null);
    else askBtf.parts(blob, part.type).then(setInner, () => {});
  };
  const label = texts.fold(part.name, isOpen);
  return (
    <>
      <tr>
        <td className="num">{part.place}</td>
        <td>
          <span className="btf-name" style={{ paddingLeft: `${depth * 16}px` }}>
            {part.opens && depth < MOST_DEPTH ? (
              <button
                type="button"
                className="button square btf-fold"
                aria-expanded={isOpen}
                aria-label={label}
                title={label}
                onClick={toggle}
              >
                {isOpen ? <ChevronDown size={14} /> : <ChevronRight size={14} />}
              </button>
            ) : (
              <span className="btf-fold" />
            )}
            {part.name}
          </span>
        </td>
        <td>{part.type > 0 ? <TypeLink id={part.type} text={part.text} /> : part.text}</td>
        <td className="num">{part.size}</td>
      </tr>
      {inner ? <Level blob={blob} parts={inner} depth={depth + 1} /> : null}
    </>
  );
}
