import { create } from 'zustand';
import type { UserError } from '../errors.ts';
import type { AsideRecord, Depot, RecentFile } from './depot.ts';
import type { Origin, ProjectMeta } from './record.ts';

/**
 * Who may change the open project. `edit`: this tab. `opening`: not known yet. `elsewhere`: another tab holds it and the user has
 * not chosen. `view`: the user looks on. `taken`: another tab took it over. `deleted`: another tab deleted it.
 */
export type Access = 'edit' | 'opening' | 'elsewhere' | 'view' | 'taken' | 'deleted';

/** How the last save went. `none`: nothing to keep yet, as with an untouched sample. */
export interface SaveState {
  readonly status: 'none' | 'saving' | 'saved' | 'full' | 'failed';
  readonly at: number;
  /** What could not be kept, and why. */
  readonly problem: UserError | null;
}

/** What the browser gives this page and how much of it is taken; null where it does not tell. */
export interface Room {
  readonly usage: number;
  readonly quota: number;
  readonly persisted: boolean;
}

export interface ProjectState {
  readonly id: string;
  readonly origin: Origin;
  readonly access: Access;
  readonly save: SaveState;
  /** Changes that another tab's take-over left only here. */
  readonly unsaved: boolean;
  /** Where projects lie; null until that is known. */
  readonly depot: Depot['kind'] | null;
  /** Why nothing is kept beyond this tab; null where it is. */
  readonly forbidden: UserError | null;
  readonly room: Room | null;
  /** The project that was open before this one, if it is kept. */
  readonly previous: { readonly id: string; readonly name: string } | null;
  readonly projects: readonly ProjectMeta[];
  readonly files: readonly RecentFile[];
  readonly asides: readonly AsideRecord[];
  /** Told once: a record that could not be read, a link that could not be opened in full. */
  readonly warnings: readonly {
    readonly id: number;
    readonly doing: string;
    readonly error: UserError;
    readonly tone: 'warning' | 'note';
  }[];
  /** Counts refused edits, so that the notice shows again. */
  readonly refused: number;
}

export const NOT_SAVED: SaveState = { status: 'none', at: 0, problem: null };
export const NEW_ORIGIN: Origin = { how: 'new', sample: null };

/** A name that no other project has. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export const useProject = create<ProjectState>()(() => ({
  id: newId(),
  origin: NEW_ORIGIN,
  access: 'edit',
  save: NOT_SAVED,
  unsaved: false,
  depot: null,
  forbidden: null,
  room: null,
  previous: null,
  projects: [],
  files: [],
  asides: [],
  warnings: [],
  refused: 0,
}));

export const setProject = (change: Partial<ProjectState>): void => useProject.setState(change);

/** The open project becomes another one: called just before its document is set. */
export function beginProject(origin: Origin, id = newId(), access: Access = 'edit'): void {
  setProject({ id, origin, access, save: NOT_SAVED, unsaved: false });
}

let warningId = 0;

export function warn(doing: string, error: UserError, tone: 'warning' | 'note' = 'warning'): void {
  const { warnings } = useProject.getState();
  setProject({ warnings: [...warnings.filter((each) => each.doing !== doing), { id: ++warningId, doing, error, tone }] });
}

export function dismissWarning(id: number): void {
  setProject({ warnings: useProject.getState().warnings.filter((each) => each.id !== id) });
}

/** What the frame tells and takes of a link beside the project: the desk on show. */
export interface DeskHook {
  get(): string;
  set(desk: string): void;
}

let desk: DeskHook | null = null;
export const deskHook = (): DeskHook | null => desk;
export function shareDesk(hook: DeskHook): void {
  desk = hook;
}

/** Storage that may be forbidden altogether. */
export function remember(kind: 'tab' | 'browser', key: string, value: string | null): void {
  try {
    const storage = kind === 'tab' ? sessionStorage : localStorage;
    if (value === null) storage.removeItem(key);
    else storage.setItem(key, value);
  } catch {
    // Then the next start opens the first sample.
  }
}

export function recall(kind: 'tab' | 'browser', key: string): string | null {
  try {
    return (kind === 'tab' ? sessionStorage : localStorage).getItem(key);
  } catch {
    return null;
  }
}

export const PROJECT_KEY = 'bpformer.project';
