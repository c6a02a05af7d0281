import type { Problem } from '../../course/lesson.ts';
import { course } from '../texts/course.ts';

const { problems: texts } = course;

/** Most that are listed. */
const MOST = 200;

/** What is wrong with a lesson's file, each with its line and what stands there. */
export function Problems({ problems, text }: { problems: readonly Problem[]; text: string }) {
  const lines = text.split('\n');
  return (
    <section className="lesson-problems" aria-label={texts.some(problems.length)} data-testid="lesson-problems">
      <p className="bad">
        <span aria-hidden="true">✕</span> {texts.some(problems.length)}
      </p>
      <ol>
        {problems.slice(0, MOST).map(({ line, message }, at) => (
          <li key={at}>
            <p>
              <strong>{texts.line(line)}</strong> {message}
            </p>
            <p className="mono muted ellipsis">{lines[line - 1]?.slice(0, 160)}</p>
          </li>
        ))}
      </ol>
    </section>
  );
}
