import { create } from 'zustand';
import type { LinkTouch } from './projects/link.ts';
import { useProject } from './projects/state.ts';

/** Where live tools stand and what a link asks of them; each takes its part once it can. */
interface TouchState {
  /** The project that this is about. */
  readonly of: string;
  /** Precision at which the slider of bits stands; null while nobody moved it. */
  readonly quant: string | null;
  /** Step at which the run stands; null while nobody moved it. */
  readonly step: number | null;
  /** Step to which the run shall go as soon as the machine is there; null without one. */
  readonly wanted: number | null;
}

const NONE = { quant: null, step: null, wanted: null };

export const useTouch = create<TouchState>()(() => ({ of: '', ...NONE }));

/** Notes where a tool stands now; what another project's tools noted is forgotten. */
export function noteTouch(change: Partial<Omit<TouchState, 'of'>>): void {
  const of = useProject.getState().id;
  const present = useTouch.getState();
  useTouch.setState({ ...(present.of === of ? present : NONE), of, ...change });
}

/** The part of a link that says where live tools stand; null where none was used. */
export function touched(): { readonly touch: LinkTouch } | null {
  const { of, quant, step } = useTouch.getState();
  if (of !== useProject.getState().id || (quant === null && step === null)) return null;
  return { touch: { ...(step === null ? {} : { step }), ...(quant === null ? {} : { quant }) } };
}

/** What an opened link asks of the project that it opened. */
export function wantTouched({ step, quant }: LinkTouch): void {
  noteTouch({ quant: quant ?? null, step: step ?? null, wanted: step ?? null });
}
