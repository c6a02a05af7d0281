import { Copy, X } from 'lucide-react';
import { errorLine, type UserError } from '../../workbench/errors.ts';

/** A way on from a notice. */
export interface NoteAction {
  readonly title: string;
  run(): void;
}

interface ErrorNoteProps {
  readonly error: UserError;
  readonly doing?: string;
  readonly tone?: 'error' | 'warning' | 'note';
  readonly actions?: readonly NoteAction[];
  readonly onDismiss?: () => void;
}

const GLYPHS = { error: '✕', warning: '▲', note: '●' } as const;

/** An error where the eye is: what, where, what to do. It stays until resolved and can be copied. */
export function ErrorNote({ error, doing, tone = 'error', actions = [], onDismiss }: ErrorNoteProps) {
  return (
    <div className={`error-note ${tone}`} role={tone === 'error' ? 'alert' : 'status'} data-testid="error-note">
      <span className="glyph" aria-hidden="true">
        {GLYPHS[tone]}
      </span>
      <div className="grow">
        <p>
          {doing ? <strong>{doing}: </strong> : null}
          {error.where && !doing?.endsWith(error.where) ? <span className="where">{error.where}: </span> : null}
          {sentence(error.what)}
        </p>
        {error.advice ? <p className="muted">{sentence(error.advice)}</p> : null}
      </div>
      {actions.map(({ title, run }) => (
        <button key={title} type="button" className="button bordered" onClick={run}>
          {title}
        </button>
      ))}
      <button
        type="button"
        className="button square"
        aria-label="Copy this message"
        title="Copy this message"
        onClick={() => void navigator.clipboard?.writeText(errorLine(error)).catch(() => {})}
      >
        <Copy size={14} />
      </button>
      {onDismiss ? (
        <button type="button" className="button square" aria-label="Dismiss this message" title="Dismiss" onClick={onDismiss}>
          <X size={14} />
        </button>
      ) : null}
    </div>
  );
}

/** Messages of the core are written without a full stop; here each stands as a sentence. */
function sentence(text: string): string {
  return /[.!?…)]$/.test(text) ? text : `${text}.`;
}
