import { type RefCallback, useCallback, useState } from 'react';

/** Width and height of the element that `ref` is given to, kept up to date; 0 before they are measured. */
export function useSize(): { ref: RefCallback<HTMLElement>; width: number; height: number } {
  const [size, setSize] = useState({ width: 0, height: 0 });
  const ref = useCallback((element: HTMLElement | null) => {
    if (!element) return;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  return { ref, ...size };
}
