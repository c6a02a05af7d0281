/** Longest file of a lesson; those of the course have about 15 kB. */
export const MOST_BYTES = 512 * 1024;
