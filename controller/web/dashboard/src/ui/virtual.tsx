// A list of which only what is seen is in the page, however long it is. All rows are of one height.

import type { ComponentChild } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { Same } from "./same.tsx";

export interface VirtualProps<T> {
  readonly items: readonly T[];
  readonly rowHeight: number;
  readonly keyOf: (item: T) => string | number;
  /** Of the same function the same item is drawn once. */
  readonly row: (item: T) => ComponentChild;
  readonly label: string;
  readonly className?: string;
  /** Stays at the end as more comes, until one scrolls away from it. */
  readonly follow?: boolean;
  readonly onFollow?: (follows: boolean) => void;
}

const MARGIN = 8;

export function VirtualList<T>({ items, rowHeight, keyOf, row, label, className = "", follow = false, onFollow }: VirtualProps<T>) {
  const ref = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  useEffect(() => {
    const box = ref.current;
    if (!box) return undefined;
    const measure = () => setView((old) => (old.height === box.clientHeight ? old : { top: box.scrollTop, height: box.clientHeight }));
    const observer = new ResizeObserver(measure);
    observer.observe(box);
    measure();
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (follow && ref.current) ref.current.scrollTop = ref.current.scrollHeight;
  }, [follow, items]);
  const scrolled = () => {
    const box = ref.current;
    if (!box) return;
    setView({ top: box.scrollTop, height: box.clientHeight });
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < rowHeight * 2;
    if (onFollow && atEnd !== follow) onFollow(atEnd);
  };
  const first = Math.max(0, Math.min(Math.floor(view.top / rowHeight) - MARGIN, items.length - 1));
  const last = Math.min(items.length, Math.ceil((view.top + view.height) / rowHeight) + MARGIN);
  return (
    <div ref={ref} class={`virtual ${className}`} role="region" aria-label={label} tabIndex={0} onScroll={scrolled}>
      <ol style={{ height: `${items.length * rowHeight}px` }}>
        {items.slice(first, last).map((item, index) => (
          <li key={keyOf(item)} style={{ top: `${(first + index) * rowHeight}px`, height: `${rowHeight}px` }} aria-setsize={items.length} aria-posinset={first + index + 1}>
            <Same of={[item, row]} draw={() => row(item)} />
          </li>
        ))}
      </ol>
    </div>
  );
}
