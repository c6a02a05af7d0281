import { versionTexts as texts } from '../texts/version.ts';

const meta = (name: string): string => document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? '';

/** Which version the page is, and what it is made of: the files that the build puts beside it. */
export function Version() {
  return (
    <p className="muted">
      {texts.of(meta('bpformer-release'), meta('bpformer-version'))} · <a href="licences.txt">{texts.licences}</a> ·{' '}
      <a href="sbom.cdx.json">{texts.bill}</a>
    </p>
  );
}
