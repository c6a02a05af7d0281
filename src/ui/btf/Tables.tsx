import { useEffect, useState } from 'react';
import { Cancelled } from '../../base/progress.ts';
import type { MapTypesView, RelocationView } from '../../workbench/btf-views.ts';
import type { BlobRef } from '../../workbench/document.ts';
import { toUserError, type UserError } from '../../workbench/errors.ts';
import { askBtf } from '../../workbench/inspect.ts';
import { RemoteError } from '../../workbench/rpc.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { VirtualList } from '../components/VirtualList.tsx';
import { btf as texts } from '../texts/btf.ts';
import { showType, useBtf } from './store.ts';
import { TypeLink } from './Types.tsx';

const ROW_HEIGHT = 20;

/** What the compiler knew of types that differ from kernel to kernel, and what the target's say. */
export function Relocations({ blob, files }: { blob: BlobRef; files: readonly BlobRef[] }) {
  const target = useBtf((state) => state.target);
  const against = files.find(({ hash }) => hash === target) ?? null;
  const [rows, setRows] = useState<readonly RelocationView[]>([]);
  const [error, setError] = useState<UserError | null>(null);
  const [active, setActive] = useState(-1);
  useEffect(() => {
    let current = true;
    setError(null);
    askBtf.relocations(blob, against).then(
      (found) => current && setRows(found),
      (failure: unknown) =>
        current &&
        !(failure instanceof Cancelled) &&
        setError(failure instanceof RemoteError ? failure.error : toUserError(failure, texts.relocationsTable)),
    );
    return () => {
      current = false;
    };
  }, [blob, against]);
  const { columns } = texts;
  return (
    <div className="btf-table">
      <div className="btf-bar">
        <label className="btf-against">
          {texts.against}
          <select className="field" value={against?.hash ?? ''} onChange={(event) => useBtf.setState({ target: event.target.value })}>
            <option value="">{texts.noTarget}</option>
            {files
              .filter(({ hash }) => hash !== blob.hash)
              .map(({ hash, name }) => (
                <option key={hash} value={hash}>
                  {name}
                </option>
              ))}
          </select>
        </label>
        {against ? null : <span className="muted ellipsis">{texts.targetHint}</span>}
      </div>
      {error ? <ErrorNote error={error} /> : null}
      <div className="btf-relocation btf-columns" aria-hidden="true">
        <span>{columns.path}</span>
        <span>{columns.asks}</span>
        <span className="num">{columns.local}</span>
        <span className="num">{columns.target}</span>
        <span>{columns.where}</span>
      </div>
      <VirtualList
        className="mono"
        label={texts.relocationsTable}
        count={rows.length}
        rowHeight={ROW_HEIGHT}
        active={active}
        onActivate={(index) => {
          setActive(index);
        }}
        rowLabel={(index) => {
          const row = rows[index]!;
          return `${row.path}, ${row.kind}, ${columns.local} ${row.local}, ${columns.target} ${targetText(row)}`;
        }}
        rowClass={(index) => (index === active ? 'selected' : '')}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && rows[active]) showType(rows[active].type);
        }}
      >
        {(index) => <Relocation row={rows[index]!} />}
      </VirtualList>
    </div>
  );
}

const targetText = ({ target }: RelocationView): string =>
  target === null ? texts.unresolved : target.problem !== null ? texts.problem(target.problem) : (target.value ?? texts.absent);

function Relocation({ row }: { row: RelocationView }) {
  const { section, insn, func, kind, path, local, target } = row;
  const text = targetText(row);
  const isBad = target !== null && target.value === null;
  const mark = target === null ? '' : isBad ? '✕ ' : target.value === local ? '' : '≠ ';
  return (
    <span className="btf-relocation">
      <span className="ellipsis" title={path}>
        {path}
      </span>
      <span className="ellipsis">{kind}</span>
      <span className="num">{local}</span>
      <span className={`num ellipsis ${target === null ? 'muted' : isBad ? 'bad' : ''}`} title={text}>
        {mark}
        {text}
      </span>
      <span className="ellipsis muted" title={texts.where(func, section, insn)}>
        {texts.at(func || section, insn)}
      </span>
    </span>
  );
}

export function MapTypes({ blob }: { blob: BlobRef }) {
  const [rows, setRows] = useState<readonly MapTypesView[]>([]);
  useEffect(() => {
    let current = true;
    askBtf.maps(blob).then(
      (found) => current && setRows(found),
      () => {},
    );
    return () => {
      current = false;
    };
  }, [blob]);
  const side = ({ type, text }: MapTypesView['key']) =>
    type > 0 ? <TypeLink id={type} text={text} /> : <span className="muted">{texts.sizeOnly}</span>;
  return (
    <div className="btf-table btf-scroll">
      <table className="btf-parts">
        <caption className="visually-hidden">{texts.mapsTable}</caption>
        <thead>
          <tr>
            <th scope="col">{texts.mapColumns.name}</th>
            <th scope="col">{texts.mapColumns.key}</th>
            <th scope="col">{texts.mapColumns.value}</th>
          </tr>
        </thead>
        <tbody className="mono">
          {rows.map(({ name, key, value }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{side(key)}</td>
              <td>{side(value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
