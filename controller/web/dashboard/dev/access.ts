// The audit log, tokens, users and roles of an example controller.

import type { Access, Token } from "../src/api/access.ts";
import type { AuditPage, AuditRecord } from "../src/api/audit.ts";
import { ago } from "./make.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;
const SEEN = { verbs: ["get"], resources: ["certificates", "limits", "logs", "metrics", "plans", "rollouts", "security", "stacks"], stacks: ["*"] };

export const ACCESS: Access = {
  roles: [
    { name: "viewer", rules: [SEEN] },
    { name: "operator", rules: [SEEN, { verbs: ["apply", "cleanup", "pause", "resume", "retry", "start", "stop"], resources: ["stacks"], stacks: ["*"] }, { verbs: ["pause", "restart", "resume", "undo"], resources: ["rollouts"], stacks: ["*"] }, { verbs: ["apply", "resume", "undo"], resources: ["limits"], stacks: ["*"] }, { verbs: ["ack", "silence"], resources: ["alerts"], stacks: ["*"] }] },
    { name: "admin", rules: [{ verbs: ["*"], resources: ["*"], stacks: ["*"] }] },
    { name: "deployer", rules: [{ verbs: ["get"], resources: ["*"], stacks: ["shop"] }, { verbs: ["apply", "retry"], resources: ["stacks"], stacks: ["shop"] }] },
  ],
  users: [{ name: "ada", roles: ["operator"] }, { name: "anna", roles: ["admin"] }, { name: "ci", roles: ["deployer"] }, { name: "ida", roles: [] }, { name: "old-bot", roles: ["releaser"] }],
  tokenLifetime: 12 * HOUR,
};

function token(id: string, user: string, issued: number, expires: number, more: Partial<Token> = {}): Token {
  return { id, user, roles: null, stacks: [], issuedAt: ago(issued), expiresAt: ago(-expires), revokedAt: null, state: expires > 0 ? "valid" : "expired", ...more };
}

export function tokens(): Token[] {
  return [
    token("3f9c2a7be01d4c55", "ada", 2 * HOUR, 10 * HOUR), token("88c01d5fa2be7790", "ci", 3 * DAY, 27 * DAY, { stacks: ["shop"] }),
    token("b40e6617cd239a01", "grafana", 89 * DAY, 1.2 * DAY, { roles: ["viewer"] }), token("0d1177fe52aa9c3b", "ada", 3 * DAY, -2.5 * DAY),
    token("5e7a0c3d91f8b246", "old-bot", 20 * DAY, 10 * DAY, { state: "revoked", revokedAt: ago(6 * DAY), roles: ["operator"] }),
  ];
}

let seq = 4000;

function record(seconds: number, actor: string, via: string, verb: string, kind: string, name: string, more: Partial<AuditRecord> = {}): AuditRecord {
  seq -= 1;
  return {
    log: more.stack || "controller", seq, ts: ago(seconds), id: "", stage: "outcome", actor, via, from: via === "api" ? "192.168.7.21:50444" : via === "cli" ? "uid 1000 pid 4411" : "", verb, object: { kind, name },
    stack: "", decision: { allowed: true, why: "" }, outcome: "done", detail: {}, ...more,
  };
}

/** An act with its intent before, both with one id. */
function both(seconds: number, took: number, actor: string, via: string, verb: string, kind: string, name: string, more: Partial<AuditRecord> = {}): AuditRecord[] {
  const id = `${verb}${Math.round(seconds)}`.padEnd(16, "a").slice(0, 16);
  const { detail = {}, ...rest } = more;
  const { message, replica, seconds: spent, status, ...before } = detail as Record<string, unknown>;
  void [message, replica, spent, status];
  const made = record(seconds - took, actor, via, verb, kind, name, { ...rest, detail, id });
  return [made, { ...made, seq: made.seq - 1, ts: ago(seconds), stage: "intent", outcome: "", detail: before, decision: { allowed: true, why: "" } }];
}

const RAG = { stack: "rag" };
const REPLICA = "b5d6f823c8f049e52ad8252c54d9926163bd3b7836ff9b8c6674a056227164bf";

function log(): AuditRecord[] {
  return [
    record(3, "ada", "api", "stop", "service", "grafana", { ...RAG, stage: "intent", outcome: "", id: "7a3766fc3bda1ac0" }),
    ...both(5, 0.03, "ada", "api", "ask", "stack", "rag", { detail: { status: 202 } }),
    ...both(41, 0.4, "controller", "loop", "start", "service", "qdrant", { ...RAG, outcome: "done", detail: { because: "it had exited with 1", number: 1, replica: REPLICA, seconds: 0.41 } }),
    ...both(75, 0.02, "vera", "api", "ask", "stack", "rag", { outcome: "denied", decision: { allowed: false, why: "vera may not stop stacks in rag: role viewer does not allow to stop stacks" }, detail: { status: 403 } }),
    ...both(130, 0.01, "nobody", "api", "login", "session", "", { outcome: "denied", from: "203.0.113.9:41022", decision: { allowed: false, why: "this is not a valid token" }, detail: { status: 403 } }),
    record(131, "nobody", "api", "get", "path", "/v1/stacks", { outcome: "denied", from: "203.0.113.9:41020", decision: { allowed: false, why: "no key, or one that is not valid" }, detail: { status: 401, more: 12 } }),
    ...both(900, 61, "anna", "cli", "apply", "stack", "rag", { ...RAG, outcome: "rolledBack", detail: { message: "rag-server-2 was not ready within 60 s; the last good release runs" } }),
    ...both(930, 2.2, "controller", "loop", "create", "service", "rag-server", { ...RAG, outcome: "rejected", detail: { because: "another release: image local/rag-server:2.3 → 2.4", number: 4, revision: "d685dfdb0202", message: "no space left on device", seconds: 2.2 } }),
    record(935, "anna", "loop", "take-up", "generation", "4", { ...RAG, detail: { cause: "compose/rag.yaml changed", source: "/srv/rag/manifests/rag.yaml:1", revisions: { qdrant: "77be01d40aa1", "rag-server": "d685dfdb0202" } } }),
    ...both(4000, 0.2, "anna", "cli", "set", "secret", "api_key", { ...RAG, detail: { version: 4 } }),
    ...both(7200, 0.1, "anna", "cli", "create", "token", "3f9c2a7be01d4c55", { detail: { user: "ada", stacks: [] } }),
    record(9000, "root", "loop", "run", "controller", "controller", { outcome: "begun", from: "uid 0 pid 812", detail: { stacks: ["rag", "shop"] } }),
    ...Array.from({ length: 300 }, (_, at) => both(10_000 + at * 640, 0.3, "controller", "loop", at % 3 ? "start" : "stop", "service", ["redis", "qdrant", "gateway"][at % 3] ?? "redis", { ...RAG, detail: { because: at % 3 ? "not started yet" : "replaced", number: 1, seconds: 0.3 } })).flat(),
  ].sort((a, b) => (a.ts < b.ts ? 1 : -1));
}

let kept: AuditRecord[] | null = null;
const FAILED = ["failed", "rolledBack", "rejected"];

export function auditPage(query: URLSearchParams): AuditPage {
  kept ??= log();
  const asked = (name: string) => query.get(name) ?? "";
  const ended = (one: AuditRecord) => !asked("outcome") || (asked("outcome") === "denied" ? !one.decision.allowed : one.decision.allowed && FAILED.includes(one.outcome));
  const stackOf = (one: AuditRecord) => one.stack || (one.object.kind === "stack" ? one.object.name : "");
  const found = kept.filter((one) => (!asked("who") || one.actor === asked("who")) && (!asked("verb") || one.verb === asked("verb")) && (!asked("stack") || stackOf(one) === asked("stack")) && ended(one));
  const from = asked("before") ? found.findIndex((one) => `${one.ts}/${one.seq}/${one.log}` === asked("before")) + 1 : 0;
  const page = found.slice(from, from + Number(asked("limit") || 100));
  const last = page.at(-1);
  return { records: page, next: last && from + page.length < found.length ? `${last.ts}/${last.seq}/${last.log}` : null };
}
