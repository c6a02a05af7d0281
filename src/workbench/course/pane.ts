import { create } from 'zustand';

/** Whether the course stands beside the desk. Apart from the course itself, which loads when it is asked for. */
export const useLessonPane = create<{ readonly shown: boolean }>()(() => ({ shown: false }));

export const showLessons = (shown: boolean): void => useLessonPane.setState({ shown });
