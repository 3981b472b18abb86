// Answers that the command has really given (`controller --engine simulated`), as they lie in test/answers.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Service, Stack } from "../src/shared.ts";

export function answer(name: string): string {
  return readFileSync(join("test/answers", name), "utf8");
}

export function json(name: string): unknown {
  return JSON.parse(answer(`${name}.json`));
}

/** The stack `shop` as it was seen, with this and that otherwise. */
export function shop(changes: Partial<Stack> = {}, services: Readonly<Record<string, Partial<Service>>> = {}): Stack {
  const [seen] = (json("status") as { stacks: Stack[] }).stacks;
  if (!seen) throw new Error("no stack in status.json");
  return { ...seen, services: seen.services.map((service) => ({ ...service, ...services[service.name] })), ...changes };
}
