/** Side of the plot and room for its axes, in pixels. */
export const SIZE = 172;
export const LEFT = 40;
export const BOTTOM = 32;

/** The place that the plot takes, also while its code is on its way. */
export const SCATTER_BOX = { width: SIZE + LEFT, height: SIZE + BOTTOM } as const;
