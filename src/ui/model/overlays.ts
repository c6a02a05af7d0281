import { create } from 'zustand';
import { OWN_OVERLAYS } from './overlays-own.ts';

/** Values by ONNX node index; null while there are none. */
export type OverlayValues = ReadonlyMap<number, number> | null;

/** A figure that the graph shows on every operator: as a number, as the length of a bar and as heat. */
export interface Overlay {
  readonly id: string;
  /** In the chooser and the legend: "Instructions". */
  readonly title: string;
  /** What is counted, after a number: "instructions", "bytes". */
  readonly unit: string;
  readonly about: string;
  /** Place in the chooser. */
  readonly order: number;
  /** How heat follows the value; `log` where values lie orders of magnitude apart. */
  readonly ramp: 'linear' | 'log';
  /** What a folded group shows of its operators. */
  readonly fold: 'sum' | 'max';
  /** A value as short as a card needs it, without the unit. */
  readonly format: (value: number) => string;
  /** What has to happen before there are values, for the chooser. */
  readonly missing: string;
  /** A hook. Values may come and go; the same map must come back while nothing changes. */
  readonly useValues: () => OverlayValues;
}

const modules = import.meta.glob<{ overlay: Overlay }>('../*/overlay.ts', { eager: true });

/**
 * Every overlay there is. A folder under src/ui adds one by an `overlay.ts` that exports an {@link Overlay} as `overlay`: adding one
 * touches nothing else.
 */
export const OVERLAYS: readonly Overlay[] = [...OWN_OVERLAYS, ...Object.values(modules).map(({ overlay }) => overlay)].sort(
  (a, b) => a.order - b.order,
);

/** Present values of all overlays, by id. */
export function useOverlayValues(): ReadonlyMap<string, OverlayValues> {
  const values = new Map<string, OverlayValues>();
  // The list of overlays never changes while the page lives, so hooks keep their order.
  // biome-ignore lint/correctness/useHookAtTopLevel: see above
  for (const { id, useValues } of OVERLAYS) values.set(id, useValues());
  return values;
}

/** Which overlay colours the graph; null for none. */
export const useChosenOverlay = create<{ readonly chosen: string | null }>()(() => ({ chosen: null }));

export function chooseOverlay(id: string | null): void {
  useChosenOverlay.setState({ chosen: OVERLAYS.some((overlay) => overlay.id === id) ? id : null });
}

/** The overlay after the present one, then none, then the first again. */
export function nextOverlay(): void {
  const { chosen } = useChosenOverlay.getState();
  const at = OVERLAYS.findIndex(({ id }) => id === chosen);
  chooseOverlay(OVERLAYS[at + 1]?.id ?? null);
}
