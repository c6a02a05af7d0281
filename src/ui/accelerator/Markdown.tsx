import { useMemo } from 'react';
import { parseMarkdown } from '../../course/markdown.ts';
import { Prose } from '../learn/Prose.tsx';

/** The text of a lesson about one use. The panel is a section of its own: the first heading stands below it. */
export function Markdown({ text, where }: { text: string; where: string }) {
  const { children } = useMemo(() => parseMarkdown(text, where), [text, where]);
  return (
    <div className="accel-lesson">
      <Prose nodes={children} top={2} />
    </div>
  );
}
