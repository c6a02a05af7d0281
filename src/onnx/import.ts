import './ops/rare.ts';

/** Reading models with all operators. */
export * from './core.ts';
