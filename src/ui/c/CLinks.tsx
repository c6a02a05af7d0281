import { X } from 'lucide-react';
import { useRef, useState } from 'react';
import { linkWith, removeLink } from '../../workbench/c.ts';
import type { CLink } from '../../workbench/document.ts';
import { notifyFailure } from '../../workbench/failures.ts';
import { c as texts } from '../texts/c.ts';

/** What the C is linked with, and how to add to it. */
export default function CLinks({ links }: { links: readonly CLink[] }) {
  const input = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const add = async (file: File | undefined) => {
    if (!file) return;
    setBusy(true);
    await linkWith(file).catch((error: unknown) => notifyFailure(texts.linking(file.name), error));
    setBusy(false);
  };
  return (
    <div className="c-links">
      <span className="muted">{texts.linkedWith}</span>
      {links.length === 0 ? <span className="muted ellipsis">{texts.noLinks}</span> : null}
      <ul className="c-link-list">
        {links.map((link, at) => (
          <li key={link.blob.name} className="c-link">
            <span className="ellipsis" title={texts.linkAbout(link.kind, link.blob.name)}>
              {link.blob.name}
            </span>
            <button
              type="button"
              className="button square"
              aria-label={texts.unlink(link.blob.name)}
              title={texts.unlink(link.blob.name)}
              onClick={() => removeLink(at)}
            >
              <X size={14} />
            </button>
          </li>
        ))}
      </ul>
      <button type="button" className="link" disabled={busy} title={texts.linkButtonAbout} onClick={() => input.current?.click()}>
        {busy ? texts.linkBusy : texts.linkButton}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        accept=".o,.onnx"
        aria-label={texts.linkButton}
        onChange={(event) => {
          void add(event.target.files?.[0]);
          event.target.value = '';
        }}
      />
    </div>
  );
}
