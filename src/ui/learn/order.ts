import type { CoursePath } from '../../course/path.ts';
import type { Outline } from '../../workbench/course/views.ts';

/** The lessons that a learner takes, in order: those of the path, or of the course. */
export function lessonsInOrder(outlines: readonly Outline[], path: CoursePath | null): readonly Outline[] {
  return path ? path.lessons.flatMap((id) => outlines.find((one) => one.id === id) ?? []) : outlines;
}
