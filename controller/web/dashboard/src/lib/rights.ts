// What who has signed in may do, by the rules that the API told. The API judges by itself: this only keeps buttons away
// that would be refused.

import type { Verb } from "./actions.ts";

export interface Right {
  readonly verbs: readonly string[];
  readonly resources: readonly string[];
  readonly stacks: readonly string[];
}

/** Who has signed in, as `GET /v1/session` tells it. */
export interface Me {
  readonly user: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly may: readonly Right[];
  readonly until: string | null;
}

/** Whether one of them allows it in that stack. */
export function allows(rights: readonly Right[], verb: string, resource: string, stack: string): boolean {
  const has = (words: readonly string[], word: string) => words.includes("*") || words.includes(word);
  return rights.some((one) => has(one.verbs, verb) && has(one.resources, resource) && has(one.stacks, stack));
}

/** The verb and the resource for which somebody has to have a right, to ask for that. */
export function rightFor(verb: Verb): readonly [verb: string, resource: string] {
  if (verb.startsWith("rollout-")) return [verb.slice("rollout-".length), "rollouts"];
  if (verb.startsWith("resources-")) return [verb.slice("resources-".length), "limits"];
  return [verb, "stacks"];
}

export function describeRoles(me: Me): string {
  return me.roles.length ? me.roles.join(", ") : "no role";
}
