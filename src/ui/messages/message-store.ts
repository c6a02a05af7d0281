import { create } from 'zustand';

/** What the Messages panel shows: it keeps its place while it is hidden. */
export const useMessages = create<{ readonly query: string; readonly page: string }>()(() => ({ query: '', page: '' }));
