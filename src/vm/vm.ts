import './rare.ts';

/** The machine with all of its parts. */
export * from './core.ts';
