import assert from "node:assert/strict";
import { test } from "node:test";

import { readDescribed, readPlan, readWhy, type Why } from "../src/core/answers.ts";
import { code, fenced, plain, table } from "../src/core/markdown.ts";
import { consentOf, planText } from "../src/core/plantext.ts";
import { describeText, whyText } from "../src/core/whytext.ts";
import { json } from "./answers.ts";

test("a plan is a table of its steps in their order, each wait before the step that it holds up", () => {
  const text = planText(readPlan(json("plan-first")), "shop", "12:00:00");
  assert.match(text, /^# Plan: shop\n\n\*\*6 changes\*\*, how long it takes is not known yet \(first start\)\./);
  const rows = text.split("\n").filter((line) => line.startsWith("| ")).slice(2);
  assert.deepEqual(rows.map((row) => row.split(" | ")[1]), ["**create**", "**create**", "**create**", "**start**", "wait", "**start**", "**start**"]);
  assert.match(text, /wait \| web \| for db, time unknown/);
});

test("a plan without a step says so, and what is held back says why and what would let it go on", () => {
  assert.match(planText(readPlan(json("plan-done")), "shop", "12:00:00"), /As desired: there is nothing to do\./);
  const held = { ...readPlan(json("plan-done")), held: [{ stack: "shop", service: null, reason: "AdoptionHeld" }, { stack: "shop", service: "web", reason: "quarantined", message: "" }] };
  const text = planText(held, "shop", "12:00:00");
  assert.match(text, /Nothing would be done: it is held back\./);
  assert.match(text, /\*\*shop\*\*: taking it over would change what runs/);
  assert.deepEqual(consentOf(held.held).map(({ flag }) => flag), ["adopt"]);
  assert.deepEqual(consentOf([{ stack: "shop", service: "web", reason: "quarantined" }]), []);
});

test("several stacks have a chapter each, with their own downtime", () => {
  const one = readPlan(json("plan-first"));
  const both = { ...one, steps: [...one.steps, ...one.steps.map((step) => ({ ...step, stack: "blog" }))], predictedDowntime: { shop: {}, blog: { web: 1.25 } }, predictedSeconds: 12 };
  const text = planText(both, "work", "12:00:00");
  assert.deepEqual([...text.matchAll(/^## (.*)$/gm)].map(([, name]) => name), ["blog", "shop"]);
  assert.match(text.slice(text.indexOf("## blog"), text.indexOf("## shop")), /Downtime: `web` 1\.3 s/);
  assert.match(text, /12 changes|6 changes/);
});

const SICK: Why = {
  stacks: [],
  causes: [{
    service: "web", rootCause: "db", exitCode: 1, oomKilled: false, lastOutput: "boom ``` <b>\n", change: { revision: 3, at: "2026-11-28T04:20:16Z", who: "ada", why: "image changed" },
    chain: [{ service: "web", phase: "Waiting", reason: "DependencyNotReady", message: "waits for db" }, { service: "db", phase: "CrashLoopBackOff", reason: "CrashLoopBackOff", message: "exited with 1" }],
    evidence: ["db-1 exited with 1, 4 times"], advice: ["mend the command of db", "controller retry db, once it is mended"],
  }],
};

test("why shows the chain, the root cause, its output and what to do", () => {
  const text = whyText(SICK, "shop/web");
  for (const part of [/The root cause is \*\*db\*\*/, /- \*\*web\*\* Waiting: waits for db\n {2}- \*\*db\*\* CrashLoopBackOff: exited with 1/, /ended with exit code 1/, /revision 3, image changed, by ada/, /````text\nboom ``` <b>\n````/, /### What to do\n\n- mend the command of db\n- `controller retry db`, once it is mended/]) assert.match(text, part);
  assert.match(whyText(readWhy(json("why")), "shop/web"), /Nothing is in the way\./);
});

test("describe shows replicas, conditions and events of a service, and services of a stack", () => {
  const service = describeText(readDescribed(json("describe")));
  for (const part of [/^# Service web/, /## Replicas/, /shop\\-web\\-1 \| running/, /## Conditions/, /## What happened, newest first/]) assert.match(service, part);
  const stack = describeText(readDescribed(json("describe-stack")));
  for (const part of [/^# Stack shop/, /## Services/, /\| db \| Ready \| 1\/1 \|/]) assert.match(stack, part);
});

test("Markdown of others' words is text", () => {
  assert.equal(plain("<a> [x](y) `z`\n*w*"), "&lt;a\\> \\[x\\]\\(y\\) \\`z\\` \\*w\\*");
  assert.equal(code("a`b"), "``a`b``");
  assert.equal(fenced("x\n````\n"), "`````\nx\n````\n`````");
  assert.equal(table(["A"], [["b|c"]]), "| A |\n| --- |\n| b\\|c |");
});
