// Shapes that can be told apart without colour, drawn in a box of 16.

export const PATHS = {
  check: "M13.5 4.5 6.5 11.5 2.8 7.8",
  done: "M2.5 2.5h11v11h-11zM5 8l2.2 2.2L11 6",
  hourglass: "M4 2h8M4 14h8M5 2v2.2L8 8 5 11.8V14M11 2v2.2L8 8l3 3.8V14",
  ring: "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0z",
  half: "M14 8A6 6 0 1 1 8 2v6z",
  cycle: "M13.5 6.5A5.8 5.8 0 0 0 3 5M2.5 9.5A5.8 5.8 0 0 0 13 11M3 2v3h3M13 14v-3h-3",
  undo: "M3 6.5h7a3.5 3.5 0 0 1 0 7H6M6 3 2.5 6.5 6 10",
  warn: "M8 2 1.5 13.5h13zM8 6.5v3M8 11.6v.2",
  loop: "M13 8a5 5 0 1 1-1.8-3.8M13 1.5v3.2H9.8M6.2 6.2l3.6 3.6M9.8 6.2 6.2 9.8",
  cross: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  pause: "M5.5 3v10M10.5 3v10",
  stop: "M3.5 3.5h9v9h-9z",
  info: "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0zM8 7.5v3.5M8 5v.2",
  home: "M2 7.5 8 2.5l6 5M3.5 6.5V13.5h9V6.5",
  bell: "M3.5 11.5h9c-1-1-1.2-2-1.2-4.3a3.3 3.3 0 0 0-6.6 0c0 2.3-.2 3.3-1.2 4.3zM6.8 13.8h2.4",
  list: "M5.5 4h8M5.5 8h8M5.5 12h8M2.4 4h.2M2.4 8h.2M2.4 12h.2",
  search: "M11.5 7a4.5 4.5 0 1 1-9 0 4.5 4.5 0 0 1 9 0zM10.3 10.3l3.4 3.4",
  sun: "M11 8a3 3 0 1 1-6 0 3 3 0 0 1 6 0zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13.5 9.5A6 6 0 0 1 6.5 2.5a5.8 5.8 0 1 0 7 7z",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  more: "M3.4 8h.2M7.9 8h.2M12.4 8h.2",
  bellOff: "M2.5 2.5l11 11M4.7 6c-.2 2.9-.2 4.5-1.2 5.5h8M6 4a3.3 3.3 0 0 1 5.3 3.2c0 1 .1 1.8.2 2.3M6.8 13.8h2.4",
  link: "M6 10l4-4M7 4.5l1.5-1.5a3.2 3.2 0 0 1 4.5 4.5L11.5 9M9 11.5 7.5 13A3.2 3.2 0 0 1 3 8.5L4.5 7",
  stack: "M8 2 2 5l6 3 6-3zM2 8l6 3 6-3M2 11l6 3 6-3",
  keys: "M1.5 4h13v8h-13zM4 6.5h.2M7 6.5h.2M10 6.5h.2M12 6.5h.2M5 9.5h6",
  out: "M6.5 2.5h-4v11h4M6 8h8M11 5l3 3-3 3",
  up: "M8 13V3.5M4 7.5 8 3.5l4 4",
  down: "M8 3v9.5M4 8.5l4 4 4-4",
  book: "M3 3.5A1.5 1.5 0 0 1 4.5 2H13v9.5H4.5A1.5 1.5 0 0 0 3 13zM3 13a1.5 1.5 0 0 0 1.5 1.5H13v-3M6 5.5h4M6 8h2.5",
  key: "M9.5 6.5a3.5 3.5 0 1 0-2.3 3.3L8.5 11H10v1.5h1.5V14H14v-2.5L9.3 6.8M5.2 5.2h.2",
  lock: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
  shield: "M8 1.8 13 3.8v3.8c0 3.2-2 5.4-5 6.6-3-1.2-5-3.4-5-6.6V3.8zM8 5.2v3.4M8 10.8v.2",
  chevron: "M6 3.5 10.5 8 6 12.5",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
