// Why something is not ready, and all that is known of it, as documents.

import { age, count, meaningOf, remarkOn, secondsSince, type Cause, type Condition, type Event, type Service, type Stack } from "../shared.ts";
import { isStack, type Described, type Why } from "./answers.ts";
import { code, fenced, list, parts, plain, table } from "./markdown.ts";
import { meant, replicaWords } from "./look.ts";

export function whyText(why: Why, title: string): string {
  const stacks = why.stacks.map((one) => `**${plain(one.stack)}**: ${plain(one.message)} (${code(one.reason)})`);
  const causes = why.causes.map(causeText);
  const well = !stacks.length && !why.causes.some((cause) => isInTheWay(cause));
  return parts(`# Why: ${plain(title)}`, well ? "Nothing is in the way." : "", list(stacks), ...causes);
}

/** A service that is as it should be has a chain of itself alone, with nothing to say. */
function isInTheWay(cause: Cause): boolean {
  return cause.advice.length > 0 || cause.evidence.length > 0 || cause.chain.some((link) => link.message !== "");
}

function causeText(cause: Cause): string {
  const chain = cause.chain.map((link, depth) => `${"  ".repeat(depth)}- **${plain(link.service)}** ${plain(link.phase)}${link.message ? `: ${plain(link.message)}` : ""}`);
  const change = cause.change;
  return parts(
    `## ${plain(cause.service)}`,
    cause.rootCause && cause.rootCause !== cause.service ? `The root cause is **${plain(cause.rootCause)}**.` : "",
    chain.join("\n"),
    exitText(cause),
    change ? `Before that: revision ${change.revision}, ${plain(change.why)}, by ${plain(change.who)}, ${agoOf(change.at)}.` : "",
    cause.evidence.length ? parts("### What is seen", list(cause.evidence.map(plain))).trimEnd() : "",
    cause.lastOutput.trim() ? parts("### Its last output", fenced(cause.lastOutput, "text")).trimEnd() : "",
    cause.advice.length ? parts("### What to do", list(cause.advice.map(adviceText))).trimEnd() : "",
  ).trimEnd();
}

/** `controller retry web, once it is mended`: a command, and what else is to be said. */
function adviceText(advice: string): string {
  const [, command, rest] = /^(controller [^,]+)(.*)$/.exec(advice) ?? [];
  return command === undefined ? plain(advice) : `${code(command)}${plain(rest ?? "")}`;
}

function exitText(cause: Cause): string {
  if (cause.oomKilled) return `It was killed because it ran out of memory${cause.exitCode === null ? "" : ` (exit code ${cause.exitCode})`}.`;
  return cause.exitCode === null ? "" : `It ended with exit code ${cause.exitCode}.`;
}

export function describeText(one: Described): string {
  return isStack(one) ? stackText(one, one.events) : serviceText(one, one.events);
}

function stackText(stack: Stack, events: readonly Event[]): string {
  const rows = stack.services.map((service) => [plain(service.name), plain(service.phase), `${service.ready}/${service.desired}`, String(service.restarts), plain(remarkOn(service))]);
  return parts(
    `# Stack ${plain(stack.name)}`, `${plain(meant(stack.phase))}. Generation ${stack.generation}.`,
    rows.length ? parts("## Services", table(["Service", "Phase", "Ready", "Restarts", ""], rows)).trimEnd() : "",
    conditionsText(stack.conditions), eventsText(events),
  );
}

function serviceText(service: Service, events: readonly Event[]): string {
  const remark = remarkOn(service);
  const rows = service.replicas.map((replica) => [plain(replica.name), plain(replicaWords(replica)), code(replica.image || "–"), code(replica.id.slice(0, 12))]);
  const outputs = service.replicas.filter((replica) => replica.lastOutput?.trim()).map((replica) => parts(`### Last output of ${plain(replica.name)}`, fenced(replica.lastOutput ?? "", "text")).trimEnd());
  const drift = service.replicas.flatMap((replica) => (replica.drift ?? []).map((field) => [plain(replica.name), code(field.path), plain(field.wanted ?? "–"), plain(field.seen ?? "–")]));
  return parts(
    `# Service ${plain(service.name)}`,
    `**${plain(service.phase)}**: ${plain(meaningOf(service.phase))}. ${service.ready} of ${service.desired} ready, ${service.updated} up to date, ${count(service.restarts, "restart")}${service.since ? `; so since ${agoOf(service.since)}` : ""}.`,
    remark ? plain(remark) : "",
    service.waitsFor ? `It waits for **${plain(service.waitsFor)}**.` : "",
    rows.length ? parts("## Replicas", table(["Replica", "State", "Image", "ID"], rows)).trimEnd() : "",
    drift.length ? parts("## Changed by hand", table(["Replica", "Field", "Wanted", "Seen"], drift)).trimEnd() : "",
    ...outputs, conditionsText(service.conditions), eventsText(events),
  );
}

function conditionsText(conditions: readonly Condition[]): string {
  if (!conditions.length) return "";
  const rows = conditions.map((one) => [plain(one.type), plain(one.status), code(one.reason || "–"), plain(one.message), agoOf(one.lastTransitionTime)]);
  return parts("## Conditions", table(["Condition", "Holds", "Reason", "Message", "Since"], rows)).trimEnd();
}

function eventsText(events: readonly Event[]): string {
  if (!events.length) return "";
  const rows = [...events].reverse().map((event) => [agoOf(event.time), plain(event.type), code(event.reason), plain(event.service ?? ""), `${plain(event.message)}${event.count > 1 ? ` (${event.count} times)` : ""}`]);
  return parts("## What happened, newest first", table(["When", "Type", "Reason", "Service", "Message"], rows)).trimEnd();
}

function agoOf(time: string): string {
  const seconds = secondsSince(time);
  return Number.isFinite(seconds) ? `${age(seconds)} ago` : plain(time);
}
