import { useProject } from '../../workbench/projects/state.ts';
import { projects as texts } from '../texts/projects.ts';
import './projects.css';

/** Whether the last change is kept, in one word beside the project's name. */
export function SaveState() {
  const save = useProject((state) => state.save);
  const access = useProject((state) => state.access);
  const forbidden = useProject((state) => state.forbidden);
  const { status, problem } = save;
  const [glyph, word, title, tone] =
    access === 'elsewhere' || access === 'view' || access === 'taken' || access === 'deleted'
      ? ['◌', texts.save.view, texts.save.viewTitle, 'muted']
      : status === 'full' || status === 'failed'
        ? ['▲', texts.save[status], problem?.what ?? '', 'warn']
        : status === 'none'
          ? ['', texts.save.none, texts.save.noneTitle, 'muted']
          : forbidden
            ? ['▲', texts.save.memory, forbidden.what, 'warn']
            : status === 'saving'
              ? ['◔', texts.save.saving, texts.save.savingTitle, 'muted']
              : ['✓', texts.save.saved, texts.save.savedTitle, 'muted'];
  return (
    <span
      className={`save-state small ${tone === 'muted' ? 'muted quiet' : tone}`}
      title={title}
      data-testid="save-state"
      data-status={status}
      data-access={access}
    >
      <span aria-hidden="true">{glyph}</span> <span className="save-word">{word}</span>
    </span>
  );
}
