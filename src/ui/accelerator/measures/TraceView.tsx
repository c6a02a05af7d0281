import { useState } from 'react';
import { ask, exportTrace } from '../../../workbench/accelerator.ts';
import type { TraceSearch, TraceSummary } from '../../../workbench/accelerator-views.ts';
import { accelerator } from '../../texts/accelerator.ts';
import { bytesText, count } from '../format.ts';
import { useAsked } from '../useAsked.ts';

const { trace: texts } = accelerator;

/** The commands with the tensors' bytes as the host can read them: to save, and to search for what should not be in it. */
export function TraceView() {
  const { value } = useAsked<TraceSummary>('traceSummary');
  const [search, setSearch] = useState<TraceSearch | null>(null);
  const [text, setText] = useState('');
  const [searching, setSearching] = useState(false);
  const look = async (hex: string | null) => {
    setSearching(true);
    try {
      setSearch(await ask<TraceSearch>('traceSearch', { hex }));
    } finally {
      setSearching(false);
    }
  };
  if (!value || value.commands === 0) {
    return (
      <div className="empty">
        <strong>{texts.empty.title}</strong>
        <p>{texts.empty.text}</p>
      </div>
    );
  }
  const plain = text.replaceAll(/\s+/g, '');
  const bad = plain !== '' && (!/^([0-9a-f]{2})+$/i.test(plain) || plain.length < 8);
  return (
    <div className="accel-scroll" data-testid="accel-trace">
      <p className="accel-pad">
        {texts.summary(count(value.commands), count(value.tensors), bytesText(value.bytes), count(value.sealed), value.leftOut)}
      </p>
      <div className="accel-bar">
        <button type="button" className="button bordered" title={texts.exportAbout} onClick={() => void exportTrace()}>
          {texts.export}
        </button>
        <button type="button" className="button primary" disabled={searching} title={texts.searchAbout} onClick={() => void look(null)}>
          {searching ? texts.searching : texts.search}
        </button>
      </div>
      <form
        className="accel-bar"
        onSubmit={(event) => {
          event.preventDefault();
          if (plain !== '' && !bad) void look(plain);
        }}
      >
        <input
          className="field mono accel-grow"
          aria-label={texts.hex}
          placeholder={texts.hexHint}
          aria-invalid={bad}
          value={text}
          onChange={({ target }) => setText(target.value)}
        />
        <button type="submit" className="button bordered" disabled={plain === '' || bad || searching}>
          {texts.searchHex}
        </button>
      </form>
      {search ? (
        <div className="accel-pad" role="status" data-testid="accel-search" data-found={search.found.length + search.left}>
          <p>
            <span className={search.found.length === 0 ? 'ok' : 'warn'}>
              {search.found.length === 0 ? texts.clean : texts.found(search.found.length + search.left)}
            </span>{' '}
            <span className="muted">{texts.searched(search.searched, bytesText(search.bytes))}</span>
          </p>
          <ul>
            {search.found.map(({ tensor, seq }, at) => (
              <li key={at}>{texts.place(tensor, seq)}</li>
            ))}
          </ul>
        </div>
      ) : null}
    </div>
  );
}
