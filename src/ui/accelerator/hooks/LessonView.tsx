import { useEffect, useState } from 'react';
import { attachUse, openUse } from '../../../workbench/accelerator.ts';
import { lessonOf, USES, type UseId } from '../../../workbench/accelerator-uses.ts';
import { accelerator } from '../../texts/accelerator.ts';
import { Markdown } from '../Markdown.tsx';

const { hooks: texts } = accelerator;

/** The lesson of one use, with ways to its program. */
export function LessonView({ use, onUse }: { use: UseId | null; onUse: (use: UseId) => void }) {
  const id = use ?? USES[0]!.id;
  const [read, setRead] = useState<{ readonly id: string; readonly text: string } | null>(null);
  useEffect(() => {
    let wanted = true;
    void lessonOf(id).then((text) => {
      if (wanted) setRead({ id, text });
    });
    return () => {
      wanted = false;
    };
  }, [id]);
  return (
    <>
      <div className="accel-bar">
        <select className="field" aria-label={texts.whichLesson} value={id} onChange={(event) => onUse(event.target.value as UseId)}>
          {USES.map((each) => (
            <option key={each.id} value={each.id}>
              {texts.names[each.id]}
            </option>
          ))}
        </select>
        <span className="grow" />
        <button type="button" className="button bordered small" onClick={() => void attachUse(id)}>
          {texts.attach}
        </button>
        <button type="button" className="button small" title={texts.sourceAbout} onClick={() => void openUse(id)}>
          {texts.source}
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, with the keyboard too */}
      <section className="accel-scroll" aria-label={texts.views.lesson} tabIndex={0} data-testid="accel-lesson">
        {read?.id !== id ? null : read.text === '' ? (
          <p className="empty">{texts.noLesson}</p>
        ) : (
          <Markdown text={read.text} where={`${id}.md`} />
        )}
      </section>
    </>
  );
}
