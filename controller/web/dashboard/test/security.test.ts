import assert from "node:assert/strict";
import { test } from "node:test";

import type { Pair, ScanFinding, Security } from "../src/api/security.ts";
import { commandFor, helpFor } from "../src/lib/actions.ts";
import { checkWords, countBySeverity, daysWords, groupSame, headlineOf, matchesFinding, matrixOf, roleOfDays, rootOf, signOf, spotOf, wrongWays } from "../src/lib/security.ts";

function finding(more: Partial<ScanFinding> = {}): ScanFinding {
  return {
    rule: "H03", severity: "critical", service: "web", path: "services.web", file: "/srv/shop/compose.yaml", line: 8, title: "privileged container", message: "it runs privileged",
    why: "why", fix: "remove it", references: [], source: "compose", waived: null, ...more,
  };
}

function pair(more: Partial<Pair> = {}): Pair {
  return { from: "web", to: "db", port: 5432, declared: true, needed: true, reachable: true, verdict: "ok", counts: false, cause: null, mend: null, ...more };
}

function security(...findings: readonly ScanFinding[]): Security {
  return { name: "shop", asked: true, scannedAt: null, lookedAt: null, trouble: null, findings, engineFindings: [], gate: { failOn: null, barred: [] }, waivers: [], network: { policy: "off", published: [], check: null } };
}

test("findings are found by severity, service and every word", () => {
  const all = { severity: "", service: "", text: "" };
  assert.ok(matchesFinding(finding(), all));
  assert.ok(matchesFinding(finding(), { severity: "critical", service: "web", text: "privileged H03" }));
  assert.ok(!matchesFinding(finding(), { ...all, severity: "high" }));
  assert.ok(!matchesFinding(finding(), { ...all, text: "privileged db" }));
  assert.deepEqual([matchesFinding(finding({ service: null }), { ...all, service: "-" }), matchesFinding(finding(), { ...all, service: "-" })], [true, false]);
});

test("the same in several services is told once, with its places", () => {
  const waived = finding({ service: "c", waived: { reason: "known", expires: "2027-01-31" } });
  const groups = groupSame([finding(), finding({ rule: "F01" }), finding({ service: "db" }), finding({ service: "b", source: "running" }), waived]);
  assert.deepEqual(groups.map((same) => same.map((one) => one.service)), [["web", "db"], ["web"], ["b"], ["c"]]);
});

test("places are told from the folder on that all files have in common", () => {
  const findings = [finding(), finding({ file: "/srv/shop/more/extra.yaml" }), finding({ file: null })];
  assert.equal(rootOf(findings), "/srv/shop/");
  assert.deepEqual(findings.map((one) => spotOf(one, "/srv/shop/")), ["compose.yaml:8", "more/extra.yaml:8", ""]);
  assert.equal(rootOf([finding({ file: "/srv/shop/a" }), finding({ file: "/srv/shopping/a" })]), "/srv/");
  assert.equal(rootOf([finding({ file: null })]), "");
  assert.equal(spotOf({ file: "/etc/x", line: null }, "/srv/"), "/etc/x");
});

test("waivers tell how long they last", () => {
  assert.deepEqual([65, 1, 0, -1, -7].map((daysLeft) => daysWords({ daysLeft })), ["65 days left", "1 day left", "ends today", "over for 1 day", "over for 7 days"]);
  assert.deepEqual([65, 13, 0, -1].map((daysLeft) => roleOfDays({ daysLeft })), ["dim", "warn", "warn", "bad"]);
});

test("what is accepted is not counted, and the worst gives the headline its colour", () => {
  const waived = finding({ waived: { reason: "known", expires: "2027-01-31" } });
  assert.deepEqual(headlineOf(security(waived)), ["good", "Nothing was found"]);
  assert.deepEqual(headlineOf(security(waived, finding({ severity: "low" }), finding({ severity: "medium" }))), ["warn", "1 medium, 1 low"]);
  assert.deepEqual(countBySeverity([finding(), finding({ severity: "info" })]), { critical: 1, high: 0, medium: 0, low: 0, info: 1 });
});

test("of several ways from one to another the worst is shown", () => {
  const matrix = matrixOf({ pairs: [pair(), pair({ port: 9000, verdict: "blocked", reachable: false, counts: true }), pair({ from: "db", to: "web", needed: false, reachable: false })] });
  assert.deepEqual([matrix.sources, matrix.targets], [["db", "web"], ["db", "web"]]);
  assert.equal(matrix.at("web", "db")?.verdict, "blocked");
  assert.equal(matrix.at("web", "web"), undefined);
  assert.deepEqual([signOf(pair()).sign, signOf(pair({ reachable: false })).sign, signOf(pair({ verdict: "unknown", reachable: null })).sign], ["✓", "·", "?"]);
  assert.deepEqual([signOf(pair({ verdict: "undeclared" })).role, signOf(pair({ verdict: "undeclared", counts: true })).role], ["warn", "bad"]);
});

test("what is wrong is told once for each way, with its ports", () => {
  const wrong = { verdict: "blocked", reachable: false, counts: true } as const;
  const check = { policy: "dependencies", at: "", differences: 2, unchecked: 1, notRunning: [], notes: [], pairs: [pair(wrong), pair({ ...wrong, port: 9000 }), pair({ to: "api", verdict: "unknown", reachable: null, counts: true }), pair({ from: "db", to: "web" })] } as const;
  assert.deepEqual(wrongWays(check).map(({ pair: one, ports }) => [one.to, ports]), [["db", [5432, 9000]], ["api", [5432]]]);
  assert.equal(checkWords(check), "3 pairs checked, 1 difference, 1 could not be checked");
  assert.equal(checkWords({ ...check, pairs: [pair()] }), "1 pair checked, no difference");
});

test("who hears of a finding is led to where they are told", () => {
  for (const reason of ["Findings", "Insecure", "WaiverExpired"]) assert.deepEqual([helpFor(reason), commandFor(reason)], [["security"], ""]);
});
