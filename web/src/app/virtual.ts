/** Long lists of rows of one height: which of them are in sight. */
import { useEffect, useRef, useState } from "react";

const BEYOND = 8;

export interface Rows {
  box: React.RefObject<HTMLDivElement | null>;
  first: number;
  last: number;
  /** Of all rows, in pixels. */
  height: number;
}

export function useVirtualRows(count: number, rowPx: number): Rows {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  useEffect(() => {
    const { current: element } = box;
    if (!element) return;
    const look = () => setView({ top: element.scrollTop, height: element.clientHeight });
    look();
    const sizes = new ResizeObserver(look);
    sizes.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      sizes.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, []);
  const first = Math.max(0, Math.floor(view.top / rowPx) - BEYOND);
  const last = Math.min(count, Math.ceil((view.top + view.height) / rowPx) + BEYOND);
  return { box, first, last, height: count * rowPx };
}
