import type { UserError } from '../errors.ts';
import type { Room } from './state.ts';

/** Bytes as people read them. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(bytes < 10_000 ? 1 : 0)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

const error = (what: string, advice: string, where = ''): UserError => ({ what, where, advice });

/** What keeping projects says: messages that are made outside the interface. */
export const projectTexts = {
  reading: 'Reading the project',
  opening: (name: string) => `Opening ${name}`,
  refused: 'Nothing was changed: this project is only on view here',
  yours: 'The project can be changed in this tab now',
  copyOf: (name: string) => `${name.slice(0, 190)} copy`,
  renameStep: (name: string) => `rename to ${name}`,
  savedAfterAll: (name: string) => `${name} is kept now`,
  missingBytes: 'its bytes are no longer in the storage of this browser',
  changedBytes: 'its bytes in the storage of this browser are not those that were kept',
  outdated: error('Another tab runs a newer BPFormer, which has changed how projects are kept', 'Reload this page'),
  newer: error(
    'The projects in this browser were kept by a newer BPFormer, so this page leaves them alone and keeps nothing',
    'Reload the page to get the newer one. Until then, export what you want to keep as a file',
  ),
  forbidden: (reason: string) =>
    error(
      `This browser keeps nothing for this page (${reason}), so projects last until the tab is closed`,
      'Export what you want to keep as a file, or allow the site to store data and reload',
    ),
  full: (name: string, needed: number, room: Room | null, biggest: { readonly name: string; readonly bytes: number } | null) =>
    error(
      `The last changes of ${name} are not kept: the browser has no room${needed > 0 ? ` for another ${formatBytes(needed)}` : ''}${
        room && room.quota > 0 ? `; ${formatBytes(room.usage)} of ${formatBytes(room.quota)} are taken` : ''
      }`,
      `Nothing is lost while this tab stays open. Delete projects that you no longer need${biggest ? ` (the largest is ${biggest.name}, ${formatBytes(biggest.bytes)})` : ''}, or export this one as a file; saving goes on by itself once there is room`,
    ),
  failed: (name: string, reason: unknown) =>
    error(
      `The last changes of ${name} are not kept: ${reason instanceof Error ? reason.message : String(reason)}`,
      'Nothing is lost while this tab stays open. It tries again by itself; export the project as a file to be safe',
    ),
  taken: error('Another tab has taken this project over', 'This tab shows it and follows its changes. Take it back, or go on with a copy'),
  takenUnsaved: error(
    'Another tab has taken this project over before the last changes of this tab were kept',
    'They are on show here and nowhere else. Open them as a copy, or export them as a file',
  ),
  openingLink: 'Opening the link',
  workerDied: (worker: string, cause: string, restarted: number) =>
    error(
      `The ${worker} worker stopped unexpectedly (${cause})${restarted > 0 ? `; ${restarted === 1 ? 'its task starts' : `its ${restarted} tasks start`} again in a new one` : ''}`,
      'Nothing is lost: workers hold only what can be computed again',
    ),
  incomplete: (what: string) =>
    error(
      `A project cannot be opened: ${what}`,
      'Its record stays in the list of projects. If the browser cleared the bytes, open the file again',
    ),
  damaged: (name: string, reason: string) =>
    error(
      `The record of ${name} in this browser cannot be used: ${reason}`,
      'It was set aside and the other projects are untouched. The list of projects offers what is left of it',
    ),
};
