import { compareCases } from './testing/c-cases.ts';

await compareCases('objects that a program allocates', 'objects.c', 18);
