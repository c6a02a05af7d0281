import type { BlobRef } from '../../workbench/document.ts';
import { formatBytes } from '../../workbench/projects/texts.ts';
import { projectDialogs as texts } from '../texts/project-dialogs.ts';

/** Files by name, size and SHA-256; `given` are those that are there already. */
export function FileList({ files, given }: { files: readonly BlobRef[]; given?: ReadonlySet<string> }) {
  return (
    <ul className="needed-files" data-testid="needed-files">
      {files.map(({ hash, name, size }) => (
        <li key={hash}>
          <span className="ellipsis" title={name}>
            {given?.has(hash) ? texts.needed.given(name) : name}
          </span>
          <span className="num muted">{formatBytes(size)}</span>
          <code className="ellipsis muted" title={hash}>
            {hash}
          </code>
        </li>
      ))}
    </ul>
  );
}
