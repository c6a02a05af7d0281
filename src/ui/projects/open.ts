import { create } from 'zustand';
import { keeper } from '../../workbench/projects/start.ts';

type KeeperModule = Awaited<ReturnType<typeof keeper>>;

/** Which dialog about projects stands open. */
export const useProjectUi = create<{ readonly dialog: 'list' | 'rename' | 'share' | null }>()(() => ({ dialog: null }));

const show = (dialog: 'list' | 'rename' | 'share' | null) => useProjectUi.setState({ dialog });
export const showProjects = (): void => show('list');
export const showRename = (): void => show('rename');
export const showShare = (): void => show('share');
export const closeDialog = (): void => show(null);

/** Does something with the kept projects; where they cannot be reached the notice says why. */
export function withKeeper(work: (module: KeeperModule) => unknown): void {
  keeper().then(work, () => {});
}
