import { useState } from 'react';
import { comparisonHtml } from '../../replay/report.ts';
import { presentRecord } from '../../workbench/ab.ts';
import { download } from '../../workbench/actions.ts';
import { toUserError, type UserError } from '../../workbench/errors.ts';
import { linkOfComparison, type RunLink } from '../../workbench/run-links.ts';
import { announce } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { ab as texts } from '../texts/ab.ts';

/** Ways to keep a comparison or to hand it on. */
export function AbShare({ name }: { name: string }) {
  const [error, setError] = useState<UserError | null>(null);
  const [copied, setCopied] = useState(false);
  const doing = async (work: () => Promise<void>) => {
    setError(null);
    setCopied(false);
    try {
      await work();
    } catch (failure) {
      setError(toUserError(failure, texts.link));
    }
  };
  const save = (kind: 'html' | 'json') =>
    doing(async () => {
      const record = await presentRecord();
      if (!record) return;
      const link = kind === 'html' ? await linkOfComparison() : null;
      const text = kind === 'html' ? comparisonHtml(record, restore(link)) : `${JSON.stringify(record, null, 1)}\n`;
      download(texts.fileName(record.a.model, name, kind), new TextEncoder().encode(text));
    });
  const copy = () =>
    doing(async () => {
      const failure = await copyLink(await linkOfComparison(), texts);
      setError(failure);
      setCopied(failure === null);
    });
  return (
    <>
      <div className="ab-tools ab-share">
        <button type="button" className="button bordered small" title={texts.linkAbout} onClick={() => void copy()}>
          {copied && !error ? texts.copied : texts.link}
        </button>
        <button type="button" className="button bordered small" title={texts.htmlAbout} onClick={() => void save('html')}>
          {texts.html}
        </button>
        <button type="button" className="button bordered small" onClick={() => void save('json')}>
          {texts.json}
        </button>
      </div>
      {error ? <ErrorNote error={error} onDismiss={() => setError(null)} /> : null}
    </>
  );
}

interface CopyTexts {
  readonly noLink: (why: string) => UserError;
  readonly clipboard: UserError;
  readonly copied: string;
}

/** Puts a link on the clipboard and says so; gives why it could not. */
export async function copyLink(link: RunLink, said: CopyTexts): Promise<UserError | null> {
  if (link.kind === 'none') return said.noLink(link.why);
  try {
    await navigator.clipboard.writeText(link.url);
  } catch {
    // The page is not the one in focus, is not allowed to, or has no clipboard where its address is not safe.
    return said.clipboard;
  }
  announce(said.copied);
  return null;
}

/** What a report says of its link. */
export const restore = (link: RunLink | null) => (link?.kind === 'link' ? { link: link.url, files: link.files } : {});
