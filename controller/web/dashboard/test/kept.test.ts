import assert from "node:assert/strict";
import { test } from "node:test";

import type { Token } from "../src/api/access.ts";
import type { Certificate, Certificates, Secret } from "../src/api/certificates.ts";
import { distinct, roleOfToken, sortTokens, wordsOf } from "../src/lib/access.ts";
import { askedBy, endingOf, headlineOf, isUnderOld, leftOf, PHASES, seenOf, usersOf } from "../src/lib/certificates.ts";

const NOW = Date.parse("2026-11-27T12:00:00Z");
const DAY = 86_400_000;
const at = (days: number) => new Date(NOW + days * DAY).toISOString();

function certificate(more: Partial<Certificate> = {}): Certificate {
  return { service: "db", serial: "a".repeat(40), authority: "b", names: ["db"], startsAt: at(-2), endsAt: at(5), renewAt: at(2), seen: "served", faults: [], message: null, ...more };
}

function certificates(...all: readonly Certificate[]): Certificates {
  return { stack: "shop", enabled: true, authorities: [], rotation: "none", message: null, certificates: all };
}

test("a certificate says how long it lasts, and warns once its renewal is late", () => {
  assert.equal(leftOf(at(5), NOW), "5d");
  assert.equal(leftOf(at(-1), NOW), "0s");
  assert.deepEqual([endingOf(certificate(), NOW), endingOf(certificate({ startsAt: at(-5), endsAt: at(2) }), NOW), endingOf(certificate({ endsAt: at(0) }), NOW)], [null, ["warn", "ends soon"], ["bad", "over"]]);
  assert.equal(endingOf(certificate({ endsAt: null }), NOW), null);
});

test("whether it is served is told by a word of its own", () => {
  const words = (["served", "taken up", "pending", "other"] as const).map((seen) => seenOf(certificate({ seen })).slice(0, 2));
  assert.deepEqual(words, [["good", "served"], ["good", "taken up"], ["busy", "pending"], ["bad", "not served"]]);
  assert.deepEqual(seenOf(certificate({ serial: null })).slice(0, 2), ["bad", "none"]);
});

test("the headline counts what needs a look", () => {
  assert.deepEqual(headlineOf(certificates(certificate(), certificate()), NOW), ["good", "All 2 certificates are served and in their time"]);
  assert.deepEqual(headlineOf(certificates(certificate(), certificate({ seen: "other" }), certificate({ message: "no room" })), NOW), ["bad", "2 of 3 certificates need a look"]);
  assert.deepEqual(headlineOf(certificates(certificate(), certificate({ seen: "pending" })), NOW), ["busy", "1 of 2 certificates on the way to its service"]);
  assert.deepEqual(headlineOf({ ...certificates(certificate()), message: "no key" }, NOW), ["bad", "No certificate can be issued"]);
});

test("what the manifest asks for stands over them", () => {
  const ingress = certificate({ service: "@ingress" });
  assert.deepEqual([askedBy(certificates()), askedBy(certificates(certificate(), ingress)), askedBy(certificates(ingress))], ["tls.mode: internal", "tls.mode: internal", "ingress.tls"]);
});

test("an authority is changed in the order of its phases", () => {
  assert.deepEqual(PHASES.map(([phase]) => phase), ["add", "switch", "outlive", "drop"]);
});

test("of a secret is told who has it, and whether its key is an old one", () => {
  const secret: Secret = { name: "key", version: 1, setAt: at(0), setBy: "ada", keyId: "k1", users: [], managed: true };
  const all = { name: "shop", keyId: "k2", locked: null, secrets: [] };
  assert.deepEqual([usersOf(secret), usersOf({ ...secret, managed: false }), usersOf({ ...secret, users: ["web"] })], ["nobody", "not in secrets.managed", ""]);
  assert.deepEqual([isUnderOld(secret, all), isUnderOld({ ...secret, keyId: "k2" }, all), isUnderOld({ ...secret, keyId: null }, all), isUnderOld(secret, { ...all, keyId: null })], [true, false, false, false]);
});

function token(more: Partial<Token> = {}): Token {
  return { id: "0".repeat(16), user: "ada", roles: null, stacks: [], issuedAt: at(-1), expiresAt: at(1), revokedAt: null, state: "valid", ...more };
}

test("tokens that open something come first, and warn before their end", () => {
  const sorted = sortTokens([token({ id: "a", state: "expired" }), token({ id: "b", issuedAt: at(-3) }), token({ id: "c" })]);
  assert.deepEqual(sorted.map((one) => one.id), ["c", "b", "a"]);
  assert.deepEqual([token(), token({ issuedAt: at(-30) }), token({ state: "revoked" })].map((one) => roleOfToken(one, NOW)), ["good", "warn", "dim"]);
});

test("rules are told in words, each once", () => {
  const all = { verbs: ["*"], resources: ["*"], stacks: ["*"] };
  assert.deepEqual(wordsOf(all), { verbs: "everything", resources: "", where: "in all stacks" });
  assert.deepEqual(wordsOf({ verbs: ["get", "apply"], resources: ["stacks"], stacks: ["shop"] }), { verbs: "get and apply", resources: "stacks", where: "in shop alone" });
  assert.deepEqual(wordsOf({ verbs: ["get"], resources: ["*"], stacks: [] }), { verbs: "get", resources: "everything", where: "in no stack" });
  assert.equal(distinct([all, { ...all }, { ...all, stacks: ["shop"] }]).length, 2);
});
