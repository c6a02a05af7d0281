/** What the palette and the tabs say of the Learn panel before it loads. */
export const learnPanel = {
  title: 'Learn',
  about: 'The course, the tour, the words of the field, and every instruction and helper',
  commands: {
    course: 'Open the course',
    focus: 'Go to the lesson',
    next: 'Next step of the lesson',
    previous: 'Step back in the lesson',
    check: 'Check the answer',
    hint: 'Show a hint',
    print: 'Print the lesson',
  },
} as const;
