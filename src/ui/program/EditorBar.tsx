import { editor as texts } from '../texts/editor.ts';
import type { Check } from './Editor.tsx';

interface EditorBarProps {
  readonly check: Check;
  readonly changed: boolean;
  /** Whether leaving would lose changes, and the user has to say so. */
  readonly asking: boolean;
  readonly onStop: () => void;
  readonly onShow: (line: number) => void;
  readonly onLeave: () => void;
  readonly onDrop: () => void;
  readonly onApply: () => void;
}

/** What is wrong with the text or what the verifier says of it, and the ways out. */
export function EditorBar({ check, changed, asking, onStop, onShow, onLeave, onDrop, onApply }: EditorBarProps) {
  if (asking) {
    return (
      <div
        className="editor-bar"
        role="alertdialog"
        aria-label={texts.editAsk}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          event.preventDefault();
          event.stopPropagation();
          onLeave();
        }}
      >
        <span className="grow warn">▲ {texts.editAsk}</span>
        <button type="button" className="button" onClick={onDrop}>
          {texts.editDrop}
        </button>
        {/* biome-ignore lint/a11y/noAutofocus: the question is asked where the focus was */}
        <button type="button" className="button primary" autoFocus onClick={onLeave}>
          {texts.editKeep}
        </button>
      </div>
    );
  }
  return (
    <div className="editor-bar">
      <Status check={check} changed={changed} onStop={onStop} onShow={onShow} />
      <button type="button" className="button" onClick={onLeave}>
        {texts.editClose}
      </button>
      <button
        type="button"
        className="button primary"
        disabled={!changed || check.diagnostics.length > 0}
        title={texts.editApplyTitle}
        onClick={onApply}
      >
        {texts.editApply}
      </button>
    </div>
  );
}

function Status({ check, changed, onStop, onShow }: Pick<EditorBarProps, 'check' | 'changed' | 'onStop' | 'onShow'>) {
  const { diagnostics, verdict, verifying } = check;
  const [first] = diagnostics;
  const line = first?.line ?? verdict?.line ?? null;
  return (
    <span className="grow editor-status">
      <span className="ellipsis" role="status" data-testid="edit-status">
        {first ? (
          <span className="bad">{texts.editMistake(first.line, first.message, diagnostics.length - 1)}</span>
        ) : verdict ? (
          <span className={verdict.accepted ? 'ok' : 'bad'}>{texts.editVerdict(verdict)}</span>
        ) : verifying !== null ? (
          <span className="muted">{texts.editVerifying(verifying)}</span>
        ) : (
          <span className="muted">{changed ? texts.editUnchecked : texts.editUnchanged}</span>
        )}
      </span>
      {line !== null && (first || verdict?.accepted === false) ? (
        <button type="button" className="link" onClick={() => onShow(line)}>
          {texts.editShow}
        </button>
      ) : null}
      {verifying !== null ? (
        <button type="button" className="link" onClick={onStop}>
          {texts.editStop}
        </button>
      ) : null}
    </span>
  );
}
