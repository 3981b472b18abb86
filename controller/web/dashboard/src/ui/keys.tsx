import { signal } from "@preact/signals";

import { go } from "../lib/router.ts";
import { Dialog } from "./dialog.tsx";

export const overlay = signal<"palette" | "keys" | null>(null);

const KEYS = [
  ["Ctrl K", "Find a service, a page or an action"], ["/", "Filter what is shown"], ["g s", "Overview of all stacks"], ["g a", "Alerts"], ["g e", "Events"], ["g u", "Audit"], ["g c", "Access"],
  ["?", "These keys"], ["Esc", "Close"],
] as const;

const PAGES: Readonly<Record<string, string>> = { s: "/", a: "/alerts", e: "/events", u: "/audit", c: "/access" };
let leader = 0;

export function listenToKeys(): void {
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      overlay.value = overlay.value === "palette" ? null : "palette";
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (press(event.key)) event.preventDefault();
  });
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Whether the key was one of ours. */
function press(key: string): boolean {
  const led = Date.now() - leader < 1200;
  leader = key === "g" ? Date.now() : 0;
  const page = led ? PAGES[key] : undefined;
  if (page !== undefined) go(page);
  else if (key === "?") overlay.value = "keys";
  else if (key === "/") focusSearch();
  else return false;
  return true;
}

function focusSearch(): void {
  const field = document.querySelector<HTMLInputElement>("[data-search]");
  if (field) field.focus();
  else overlay.value = "palette";
}

export function KeyHelp() {
  const close = () => (overlay.value = null);
  return (
    <Dialog label="Keys" close={close}>
      <h2>Keys</h2>
      <dl class="keys">{KEYS.map(([key, what]) => <div key={key}><dt>{key.split(" ").map((one) => <kbd key={one}>{one}</kbd>)}</dt><dd>{what}</dd></div>)}</dl>
      <div class="buttons end"><button type="button" class="button" onClick={close}>Close</button></div>
    </Dialog>
  );
}
