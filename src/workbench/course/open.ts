import { InputError } from '../../base/errors.ts';
import { readPath } from '../../course/path.ts';
import { showLessons } from './pane.ts';
import { closeLesson, followPath, openForeign } from './store.ts';

/** Opens a lesson or a path that came as a file. */
export async function openCourseFile(kind: 'lesson' | 'path', name: string, bytes: Uint8Array): Promise<void> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new InputError('it is no text in UTF-8', name, kind === 'lesson' ? 'A lesson is a Markdown file' : 'A path is a JSON file');
  }
  if (kind === 'path') {
    followPath(readPath(text, name));
    closeLesson();
    showLessons(true);
    return;
  }
  showLessons(true);
  await openForeign({ name, text });
}
