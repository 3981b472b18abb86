import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { store } from "../app.ts";
import { location } from "../lib/router.ts";
import type { PhaseChange } from "../store/store.ts";

const PAUSE = 4000;
const FEW = 3;
const said = signal("");

/** Tells who listens what changed of what is shown: together, every few seconds at most. */
export function Announcer() {
  useEffect(() => {
    let waiting = new Map<string, PhaseChange>();
    let timer = 0;
    store.onPhaseChange = (change) => {
      if (!isShown(change)) return;
      waiting.set(`${change.stack}/${change.service}`, change);
      timer ||= window.setTimeout(() => {
        said.value = sentence([...waiting.values()]);
        waiting = new Map();
        timer = 0;
      }, PAUSE);
    };
    return () => clearTimeout(timer);
  }, []);
  return <p class="visually-hidden" role="status" aria-live="polite">{said.value}</p>;
}

function isShown(change: PhaseChange): boolean {
  const [page, stack, , service] = location.peek().parts;
  if (page === undefined) return true;
  return page === "stacks" && stack === change.stack && (service === undefined || service === change.service);
}

function sentence(changes: readonly PhaseChange[]): string {
  if (changes.length > FEW) return `${changes.length} services changed`;
  return changes.map((change) => `${change.service} is now ${change.after}`).join(", ");
}
