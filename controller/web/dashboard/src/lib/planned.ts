// A plan as people read it: its rows in their order, and why something is held back. Pure.

import type { Plan, PlannedWait, PlanStep } from "../api/types.ts";

const NEEDS_NO_WAIT = new Set(["create", "pull", "build"]);

/** Steps of one stack by time, each wait right before the step that it holds up. */
export function inOrder(plan: Pick<Plan, "steps" | "waits">): readonly (PlanStep | PlannedWait)[] {
  const rows: (PlanStep | PlannedWait)[] = [...plan.steps].sort((a, b) => (a.at ?? Infinity) - (b.at ?? Infinity) || plan.steps.indexOf(a) - plan.steps.indexOf(b));
  for (const wait of plan.waits ?? []) {
    const at = rows.findIndex((row) => "action" in row && row.service === wait.service && !NEEDS_NO_WAIT.has(row.action) && (row.at === null || (wait.at !== null && row.at >= wait.at - 0.001)));
    rows.splice(at < 0 ? rows.length : at, 0, wait);
  }
  return rows;
}

/** `+1.5 s`; `later`, where nobody knows when. */
export function atWords(at: number | null): string {
  return at === null ? "later" : `+${at.toFixed(1)} s`;
}

export const HELD_WORDS: Readonly<Record<string, string>> = {
  quarantined: "its release failed before, and is not tried again until something changes, or retry",
  AdoptionHeld: "taking it over would change what runs: somebody has to say that it may", MassRemovalHeld: "much would be removed: somebody has to say that it may",
};
