// What is of no use any more, in words and sums. Pure.

import type { Cleanup, RubbishItem } from "../api/resources.ts";
import { age, bytes, count, joined } from "./format.ts";

const NOUNS: Readonly<Record<RubbishItem["kind"], string>> = { container: "container", image: "image", network: "network", cache: "part of the build cache", log: "log" };

export function goes({ outcome }: RubbishItem): boolean {
  return outcome === "unused" || outcome === "removed";
}

/** What there is to be told, and is not for us to remove. */
export function onlyTold({ outcome }: RubbishItem): boolean {
  return outcome === "told";
}

/** `3 images, 1 container and 2 networks`. */
export function kindsIn(items: readonly RubbishItem[]): string {
  const counted = new Map<RubbishItem["kind"], number>();
  for (const { kind } of items) counted.set(kind, (counted.get(kind) ?? 0) + 1);
  return joined([...counted].map(([kind, number]) => (kind === "cache" ? NOUNS.cache : count(number, NOUNS[kind]))));
}

/** `1.2 GiB could go: 3 images and 1 container`, or what has gone. */
export function sumWords(report: Cleanup): string {
  const items = report.items.filter(goes);
  if (!items.length) return report.dryRun ? "Nothing is unused." : "Nothing was to be removed.";
  const most = report.dryRun && items.some((one) => one.atMost) ? "at most " : "";
  const size = report.bytes > 0 || items.some((one) => one.bytes === 0);
  const told = size ? `${most}${bytes(report.bytes)}` : count(items.length, "thing");
  const whole = `${told} ${report.dryRun ? "could go" : size ? "freed" : "removed"}: ${kindsIn(items)}`;
  return whole.charAt(0).toUpperCase() + whole.slice(1);
}

/** `3 more (120 MiB) are unused for less than 7d, and stay`; "" where there are none. */
export function youngerWords({ younger, olderThanSeconds }: Cleanup): string {
  if (!younger.items) return "";
  const size = younger.bytes ? ` (${bytes(younger.bytes)})` : "";
  return `${younger.items} more${size} ${younger.items === 1 ? "is" : "are"} unused for less than ${spanWords(olderThanSeconds)}, and ${younger.items === 1 ? "stays" : "stay"}.`;
}

/** `7d`: whole units where they are. */
export function spanWords(seconds: number): string {
  return seconds >= 86_400 && seconds % 86_400 === 0 ? `${seconds / 86_400}d` : age(seconds);
}

export function sizeWords(item: RubbishItem): string {
  if (item.bytes === null) return "unknown";
  return `${item.atMost && item.bytes ? "≤ " : ""}${bytes(item.bytes)}`;
}

/** One line of what is asked before it goes. */
export function lineOf(item: RubbishItem): string {
  return `${item.kind} ${item.name}${item.bytes ? `, ${sizeWords(item)}` : ""}`;
}

/** How a clean-up ended, for who asked. */
export function endWords(report: Cleanup): string {
  const left = report.items.filter((one) => one.outcome === "left" || one.outcome === "failed").length;
  return `${sumWords(report).replace(/\.$/, "")}${left ? `; ${left} left` : ""}`;
}
