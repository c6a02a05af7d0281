import type { Plugin } from 'vite';

export declare function bill(): Plugin;
