/** `npm run long objects FOLDER [FILTER]`: the objects below a folder in the kernel, through libbpf, and here (object-judge.ts). */
import { judgeObjects } from './object-judge.ts';

export default function measure([folder, filter = '']: string[]): object {
  if (folder === undefined) throw new Error('npm run long objects FOLDER [FILTER]');
  return judgeObjects(folder, filter);
}
