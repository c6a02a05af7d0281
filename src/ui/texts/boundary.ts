/** What is said where a part of the page failed. */
export const boundary = {
  loading: (title: string) => `Loading ${title}…`,
  notLoaded: (title: string) => `${title} could not be loaded`,
  againAbout: 'The network or the server did not give its code. The rest of the page goes on',
  reloadAbout: 'This browser keeps the failure until the page is loaded again. The project, its undo steps and the desk stay',
  unreachable: 'The server cannot be reached now, so the page stays as it is. Try again once there is a connection',
  failedAbout: 'The rest of the page goes on, and the project is as it was',
  parts: {
    storage: 'The notice about where projects are kept',
    palette: 'The list of everything by name',
    shortcuts: 'The list of keys',
    tour: 'The tour',
    lesson: 'The lessons',
    dialog: 'The dialog',
    dims: 'The question about sizes',
  },
  again: 'Try again',
  reload: 'Reload the page',
};
