// A plan as a document.

import { atWords, count, HELD_WORDS, inOrder, span, type Finding, type Held, type Plan } from "../shared.ts";
import { code, list, parts, plain, table } from "./markdown.ts";

type Planned = Pick<Plan, "changes" | "steps" | "waits" | "held" | "updates" | "predictedSeconds" | "predictedDowntime" | "settles" | "warnings">;

export function planText(plan: Planned, title: string, at: string): string {
  const stacks = stacksOf(plan);
  return parts(
    `# Plan: ${plain(title)}`,
    `${headline(plan)} *As of ${plain(at)}; nothing has been done.*`,
    plan.settles === false ? "> **It does not settle**: something keeps failing or waiting. *Why* of the service says what." : "",
    heldText(plan.held),
    ...stacks.map((stack) => stackText(plan, stack, stacks.length > 1)),
    plan.warnings?.length ? parts("## Warnings", list(plan.warnings.map(findingText))) : "",
    footnotes(plan),
  );
}

/** `6 changes, about 12.5 s.` */
export function headline(plan: Pick<Plan, "changes" | "steps" | "held" | "predictedSeconds">): string {
  if (!plan.steps.length && !plan.held.length) return "As desired: there is nothing to do.";
  if (!plan.steps.length) return "Nothing would be done: it is held back.";
  const time = plan.predictedSeconds === null ? "how long it takes is not known yet (first start)" : `about ${span(plan.predictedSeconds)}`;
  return `**${count(plan.changes, "change")}**, ${time}.`;
}

function stacksOf(plan: Planned): readonly string[] {
  return [...new Set([...plan.steps, ...(plan.waits ?? []).map((wait) => ({ stack: stackOfWait(wait) }))].map((step) => step.stack).filter(Boolean))].sort();
}

function stackOfWait(wait: object): string {
  return "stack" in wait && typeof wait.stack === "string" ? wait.stack : "";
}

function stackText(plan: Planned, stack: string, several: boolean): string {
  const steps = plan.steps.filter((step) => step.stack === stack);
  const waits = (plan.waits ?? []).filter((wait) => [stack, ""].includes(stackOfWait(wait)));
  const rows = inOrder({ steps, waits }).map((row) =>
    "action" in row
      ? [atWords(row.at), `**${plain(row.action)}**`, plain(row.replica ?? row.service), plain(row.because)]
      : [atWords(row.at), "wait", plain(row.service), `for ${plain(row.waitsFor)}, ${row.seconds === null ? "time unknown (first start)" : `usually ${span(row.seconds)}`}`],
  );
  return parts(several ? `## ${plain(stack)}` : "", table(["At", "Action", "What", "Because"], rows), updatesText(plan, stack), downtimeText(plan, stack)).trimEnd();
}

function updatesText(plan: Planned, stack: string): string {
  const updates = (plan.updates ?? []).filter((update) => update.stack === stack);
  return list(updates.map((update) => `${code(update.service)} is updated ${plain(update.order)}, ${count(update.parallelism, "replica")} at a time${update.because && `: ${plain(update.because)}`}`));
}

function downtimeText(plan: Planned, stack: string): string {
  const down = Object.entries(plan.predictedDowntime[stack] ?? {}).filter(([, seconds]) => seconds === null || seconds > 0.05);
  if (!down.length) return plan.updates?.some((update) => update.stack === stack) ? "Downtime: none." : "";
  return `Downtime: ${down.map(([service, seconds]) => `${code(service)} ${span(seconds)}`).join(", ")}.`;
}

function heldText(held: readonly Held[]): string {
  if (!held.length) return "";
  return parts("## Held back", list(held.map((one) => `**${plain(one.service ?? one.stack)}**: ${plain(one.message || HELD_WORDS[one.reason] || one.reason)} (${code(one.reason)})`))).trimEnd();
}

export function findingText(finding: Finding): string {
  const place = finding.file === null ? "" : `${code([finding.file, finding.line, finding.column].filter((part) => part !== null).join(":"))} `;
  return `${place}${plain(finding.message)}${finding.hint ? `; ${plain(finding.hint)}` : ""}`;
}

function footnotes(plan: Planned): string {
  const unknown = plan.steps.some((step) => step.at === null);
  return unknown ? "*later*: when it is done is not known before its service was started twice." : "";
}

/** What `apply` has to be told so that it goes on with what is held: its option, and what that means. */
export function consentOf(held: readonly Held[]): readonly { readonly flag: "adopt" | "confirm"; readonly says: string }[] {
  const found = new Set(held.map((one) => one.reason));
  const all = [
    { reason: "AdoptionHeld", flag: "adopt", says: "It takes a running project over although that replaces, renames or reconnects containers. Named volumes stay." },
    { reason: "MassRemovalHeld", flag: "confirm", says: "It removes many services at once. Named volumes stay." },
  ] as const;
  return all.filter((one) => found.has(one.reason)).map(({ flag, says }) => ({ flag, says }));
}
