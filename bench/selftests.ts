/** `npm run long selftests FOLDER [FILTER]`: as `objects`, with the objects of the kernel's selftests. */
import { judgeObjects } from './object-judge.ts';

export default function measure([folder, filter = '']: string[]): object {
  if (folder === undefined) throw new Error('npm run long selftests FOLDER [FILTER]');
  return judgeObjects(folder, filter);
}
