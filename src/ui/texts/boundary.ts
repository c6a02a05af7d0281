/** What is said where a part of the page failed. */
export const boundary = {
  loading: (title: string) => `Loading ${title}…`,
  notLoaded: (title: string) => `${title} could not be loaded`,
  againAbout: 'Its code did not come. The rest of the page goes on',
  reloadAbout: 'This browser keeps the failure until the page is loaded again. The project and the desk stay',
  unreachable: 'The server cannot be reached now, so the page stays as it is',
  failedAbout: 'The rest of the page goes on',
  parts: {
    storage: 'The notice about storage',
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
