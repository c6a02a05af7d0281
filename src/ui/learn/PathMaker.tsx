import { ArrowDown, ArrowUp } from 'lucide-react';
import { useState } from 'react';
import { queryOfPath, writePath } from '../../course/path.ts';
import { download } from '../../workbench/actions.ts';
import type { Outline } from '../../workbench/course/views.ts';
import { announce } from '../../workbench/store.ts';
import { course } from '../texts/course.ts';

const { path: texts, lesson: words } = course;

/** Chooses and orders lessons for a class; the path is a link or a file. */
export function PathMaker({ outlines, onClose }: { outlines: readonly Outline[]; onClose: () => void }) {
  const [title, setTitle] = useState<string>(texts.usual);
  const [order, setOrder] = useState<readonly Outline[]>(outlines);
  const [taken, setTaken] = useState<ReadonlySet<string>>(new Set());
  const [uncopied, setUncopied] = useState<string | null>(null);
  const lessons = order.filter(({ id }) => taken.has(id)).map(({ id }) => id);
  const path = { title: title.trim() || texts.usual, lessons };
  const move = (at: number, by: number) => {
    const next = [...order];
    next.splice(at + by, 0, ...next.splice(at, 1));
    setOrder(next);
  };
  const copy = () => {
    const link = `${location.origin}${location.pathname}${queryOfPath(path)}`;
    navigator.clipboard.writeText(link).then(
      () => announce(words.copied),
      () => setUncopied(link),
    );
  };
  const none = lessons.length === 0;
  return (
    <form className="course path-maker" onSubmit={(event) => event.preventDefault()}>
      <p className="muted">{texts.making}</p>
      <label className="path-name">
        <span>{texts.name}</span>
        <input className="field" maxLength={120} value={title} data-first-focus onChange={(event) => setTitle(event.target.value)} />
      </label>
      <ol className="path-list">
        {order.map((one, at) => (
          <li key={one.id}>
            <label className="grow">
              <input
                type="checkbox"
                checked={taken.has(one.id)}
                aria-label={texts.take(one.title)}
                onChange={() => {
                  const next = new Set(taken);
                  if (!next.delete(one.id)) next.add(one.id);
                  setTaken(next);
                }}
              />{' '}
              {one.title}
            </label>
            <button
              type="button"
              className="button square"
              aria-label={texts.up(one.title)}
              disabled={at === 0}
              onClick={() => move(at, -1)}
            >
              <ArrowUp size={14} />
            </button>
            <button
              type="button"
              className="button square"
              aria-label={texts.down(one.title)}
              disabled={at === order.length - 1}
              onClick={() => move(at, 1)}
            >
              <ArrowDown size={14} />
            </button>
          </li>
        ))}
      </ol>
      {none ? <p className="small muted">{texts.none}</p> : null}
      {uncopied ? (
        <label>
          {words.copyFailed}
          <input className="field" readOnly value={uncopied} onFocus={(event) => event.target.select()} />
        </label>
      ) : null}
      <footer className="course-foot">
        <button type="button" className="button primary" disabled={none} onClick={copy}>
          {texts.link}
        </button>
        <button
          type="button"
          className="button bordered"
          disabled={none}
          onClick={() => download('class.path.json', new TextEncoder().encode(writePath(path)))}
        >
          {texts.file}
        </button>
        <button type="button" className="button" onClick={onClose}>
          {texts.cancel}
        </button>
      </footer>
    </form>
  );
}
