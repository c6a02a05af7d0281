import { compareCases } from './testing/c-cases.ts';

await compareCases('what a loader puts into programs', 'loaded.c', 16);
