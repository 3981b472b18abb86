import assert from "node:assert/strict";
import { test } from "node:test";

import { LABELS, type Verb } from "../src/lib/actions.ts";
import { allows, describeRoles, rightFor, type Right } from "../src/lib/rights.ts";

const ALL: Right = { verbs: ["*"], resources: ["*"], stacks: ["*"] };

test("without a rule nothing is allowed, and with all of them everything", () => {
  for (const verb of Object.keys(LABELS) as Verb[]) {
    assert.equal(allows([], ...rightFor(verb), "shop"), false);
    assert.equal(allows([ALL], ...rightFor(verb), "shop"), true);
  }
});

test("a rule allows its verbs on its resources in its stacks, and nothing else", () => {
  const rights: readonly Right[] = [{ verbs: ["stop", "get"], resources: ["stacks"], stacks: ["shop"] }, { verbs: ["undo"], resources: ["*"], stacks: ["*"] }];
  assert.deepEqual(
    [["stop", "stacks", "shop"], ["stop", "stacks", "bank"], ["start", "stacks", "shop"], ["stop", "rollouts", "shop"], ["undo", "limits", "bank"]]
      .map(([verb = "", resource = "", stack = ""]) => allows(rights, verb, resource, stack)),
    [true, false, false, false, true],
  );
});

test("what is asked for belongs to a resource", () => {
  assert.deepEqual((["stop", "rollout-undo", "resources-apply", "cleanup"] as const).map(rightFor), [["stop", "stacks"], ["undo", "rollouts"], ["apply", "limits"], ["cleanup", "stacks"]]);
});

test("roles are told in words", () => {
  const me = { user: "ada", name: "ada", may: [], until: null };
  assert.deepEqual([describeRoles({ ...me, roles: [] }), describeRoles({ ...me, roles: ["viewer", "own"] })], ["no role", "viewer, own"]);
});
