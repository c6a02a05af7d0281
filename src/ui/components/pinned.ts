import { createContext } from 'react';

/** Whether the panel around is pinned: it then stays where it is when something is selected elsewhere. */
export const PinnedContext = createContext(false);
