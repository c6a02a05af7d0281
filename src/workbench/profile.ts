import { create } from 'zustand';
import type { UserError } from './errors.ts';
import { isOpenProgram, whenLeft } from './leaving.ts';
import type { ProfileView } from './machine-views.ts';
import type { StageProgress } from './stages.ts';

/** The last profile; it belongs to the program that it names. `profile-run.ts` makes it. */
export interface ProfileState {
  readonly value: ProfileView | null;
  /** True when it is what the run that goes on has counted so far. */
  readonly growing: boolean;
  readonly status: 'none' | 'running' | 'done' | 'error';
  readonly progress: StageProgress | null;
  readonly error: UserError | null;
  /** Shown in the gutter of the listing in place of the verifier's visits. */
  readonly inListing: boolean;
}

export const useProfile = create<ProfileState>()(() => ({
  value: null,
  growing: false,
  status: 'none',
  progress: null,
  error: null,
  inListing: false,
}));

whenLeft(() => {
  const { value, status } = useProfile.getState();
  if (status !== 'running' && value && !isOpenProgram(value.programKey)) useProfile.setState({ value: null, status: 'none', error: null });
});
