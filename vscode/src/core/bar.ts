// What the status bar shows: each stack's phase, the worst first.

import { clock, isTrouble, remarkOn, roleOf, type Role, type Service, type Stack } from "../shared.ts";
import { backgroundOf, lookOf, meant } from "./look.ts";
import { parts, plain, table } from "./markdown.ts";

export interface BarItem {
  readonly text: string;
  readonly background: string | null;
  /** Markdown. */
  readonly tooltip: string;
  /** For a screen reader, which says no icon. */
  readonly spoken: string;
  /** null: an item that stands for several, or for what is in the way. */
  readonly stack: string | null;
}

export interface Seen {
  readonly known: { readonly stacks: readonly Stack[]; readonly staleSince: number | null; readonly trouble: string };
  /** Who says so. */
  readonly from: string;
}

interface Shown {
  readonly stack: Stack;
  readonly from: string;
  readonly staleSince: number | null;
  readonly trouble: string;
}

const WORST: readonly Role[] = ["bad", "warn", "busy", "good", "dim"];
/** More would leave no room for others. */
const MOST = 3;

export function barOf(seen: readonly Seen[]): readonly BarItem[] {
  const all = seen.flatMap(({ known, from }) => known.stacks.map((stack) => ({ stack, from, staleSince: known.staleSince, trouble: known.trouble })));
  all.sort((a, b) => rank(a) - rank(b) || a.stack.name.localeCompare(b.stack.name));
  const shown = all.length > MOST ? all.slice(0, MOST - 1) : all;
  const rest = all.slice(shown.length);
  return rest.length ? [...shown.map(itemOf), restOf(rest)] : shown.map(itemOf);
}

/** Where nothing is known, and why. */
export function troubleItem(trouble: string): BarItem {
  return { text: "$(warning) controller: status unknown", background: null, tooltip: parts("**The stacks' status is not known**", plain(trouble)), spoken: `Controller: status unknown, ${trouble}`, stack: null };
}

export const UNTRUSTED: BarItem = {
  text: "$(shield) controller: restricted", background: null, stack: null, spoken: "Controller: this workspace is not trusted, so nothing is run",
  tooltip: parts("**This workspace is not trusted**", "Nothing is run in it and nobody is asked, until it is."),
};

function rank({ stack }: Shown): number {
  return WORST.indexOf(roleOf(stack.phase));
}

/** A word that is old must not look alive: it is shown with its time, and without a colour. */
function itemOf({ stack, from, staleSince, trouble }: Shown): BarItem {
  const figures = figuresOf(stack.services);
  const since = staleSince === null ? "" : clock(staleSince);
  return {
    text: `$(${since ? "question" : lookOf(stack.phase).icon}) ${[stack.name, stack.phase, figures].filter(Boolean).join(" ")}${since && ` at ${since}`}`,
    background: since ? null : backgroundOf(roleOf(stack.phase)),
    tooltip: tooltipOf(stack, from, since && `As it was at ${since}; nothing is known since then. ${trouble}`),
    spoken: `Stack ${stack.name}: ${stack.phase}${figures && `, ${figures.replace("/", " of ")} services ready`}${since && `, as it was at ${since}`}`,
    stack: stack.name,
  };
}

function restOf(rest: readonly Shown[]): BarItem {
  const [worst] = rest;
  const fresh = rest.every((one) => one.staleSince === null);
  return {
    text: `$(layers) ${rest.length} more: ${worst?.stack.phase ?? ""}`,
    background: worst && fresh ? backgroundOf(roleOf(worst.stack.phase)) : null,
    tooltip: table(["Stack", "Phase", "Services"], rest.map(({ stack }) => [plain(stack.name), plain(stack.phase), figuresOf(stack.services)])),
    spoken: `${rest.length} more stacks: ${rest.map(({ stack }) => `${stack.name} ${stack.phase}`).join(", ")}`,
    stack: null,
  };
}

/** `5/6`: services that are as they should be, of those that are meant to run. */
export function figuresOf(services: readonly Service[]): string {
  const wanted = services.filter((service) => service.phase !== "Stopped");
  const good = wanted.filter((service) => roleOf(service.phase) === "good");
  return wanted.length ? `${good.length}/${wanted.length}` : "";
}

function tooltipOf(stack: Stack, from: string, old: string): string {
  const rows = stack.services.map((service) => [plain(service.name), plain(service.phase), `${service.ready}/${service.desired}`, plain(remarkOn(service))]);
  const troubles = stack.conditions.filter(isTrouble).map((condition) => `**${plain(condition.type)}** ${plain(condition.message)}`);
  return parts(`**${plain(stack.name)}** ${plain(meant(stack.phase))}`, plain(old), ...troubles, rows.length ? table(["Service", "Phase", "Ready", ""], rows) : "", `*By ${plain(from)}*`);
}
