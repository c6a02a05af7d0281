/** What a binding's code is called among origins, where others look for it. */
export const COPY_LABEL = 'payload bytes to tokens';

/** The code that finds a layer in the packet. */
export const parseLabel = (layer: string): string => `find ${layer}`;
