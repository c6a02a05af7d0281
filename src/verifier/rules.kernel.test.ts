import { compareCases } from './testing/c-cases.ts';

await compareCases('rules of the kernel’s types', 'rules.c', 40);
