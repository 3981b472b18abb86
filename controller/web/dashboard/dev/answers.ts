// What the API answers of a world, and its stream.

import type { IncomingMessage, ServerResponse } from "node:http";

import type { Cause, Graph, Plan, Service, UsagePoint } from "../src/api/types.ts";
import type { Me } from "../src/lib/rights.ts";
import { ACCESS, auditPage } from "./access.ts";
import { certificatesOf, secretsOf } from "./kept.ts";
import { ago, event, type World } from "./make.ts";
import { securityOf } from "./security.ts";
import { cleanedUp, cleanup, HOST, NOTHING_KNOWN, resourcesOf, type Resources } from "./resources.ts";

let lastId = 0;
const followers = new Map<World, Set<(kind: string, data: unknown) => void>>();
let refusedUntil = 0;

export async function answer(world: World, scenario: string, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts = url.pathname.split("/").filter(Boolean).slice(1).map(decodeURIComponent);
  const signedIn = scenario !== "login" || request.headers.authorization === "Bearer yes";
  if (parts[0] === "session" && request.method !== "GET") return send(response, 201, { session: "yes", seconds: 43200, user: "anna" });
  if (!signedIn) return send(response, 401, { error: { message: "no session", hint: "controller token link" } });
  if (parts[0] === "session") return send(response, 200, whoIs(scenario));
  if (parts[0] === "stream") return scenario === "lost" && Date.now() < refusedUntil ? send(response, 503, { error: { message: "away", hint: null } }) : stream(world, scenario, response);
  if (parts[0] === "info") return send(response, 200, { version: "0.1.0", startedAt: ago(9000), engine: { id: "abc", name: "Docker", version: "26.1.5" }, notReady: null });
  if (parts[0] === "host") return send(response, 200, { series: [ofMachine(world, url)] });
  if (parts[0] === "audit") return send(response, 200, scenario === "empty" ? { records: [], next: null } : auditPage(url.searchParams));
  if (parts[0] === "access") return send(response, 200, scenario === "empty" ? { ...ACCESS, roles: ACCESS.roles.slice(0, 3), users: [] } : ACCESS);
  if (parts[0] === "tokens") return ofTokens(world, parts[1] ?? "", request, response);
  if (parts[0] === "stacks") return ofStack(world, parts.slice(1), url, request, response);
  return send(response, 404, { error: { message: "there is nothing here", hint: null } });
}

function ofTokens(world: World, which: string, request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== "DELETE") return send(response, 200, { tokens: world.tokens });
  world.tokens = world.tokens.map((one) => (one.id === which ? { ...one, state: "revoked", revokedAt: new Date().toISOString() } : one));
  send(response, 204, null);
}

function whoIs(scenario: string): Me {
  const may = scenario === "viewer" ? [{ verbs: ["get"], resources: ["certificates", "limits", "logs", "metrics", "plans", "rollouts", "security", "stacks"], stacks: ["*"] }] : [{ verbs: ["*"], resources: ["*"], stacks: ["*"] }];
  return { user: "anna", name: "anna", roles: [scenario === "viewer" ? "viewer" : "admin"], may, until: null };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(body === null ? undefined : JSON.stringify(body));
}

async function ofStack(world: World, [name = "", what = "", which = "", more = ""]: string[], url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const stack = world.stacks.find((one) => one.name === name);
  if (!stack) return send(response, 404, { error: { message: `no stack is called ${name}`, hint: null } });
  if (request.method === "POST" && what === "intents") return record(world, name, JSON.parse(await read(request)) as Record<string, unknown>, response);
  if (what === "silences") return silence(world, name, which, request, response);
  if (what === "alerts") return acknowledge(world, name, which, response);
  if (what === "services" && more === "why") return send(response, 200, whyOf(stack.services, which));
  if (what === "services" && more === "logs") return logs(which, stack.services, response);
  if (what === "graph") return send(response, 200, graphOf(world, name, stack.services));
  if (what === "plan") return send(response, 200, planOf(name, stack.conditions.some((one) => one.type === "AdoptionHeld")));
  if (what === "revisions") return revisions(name, which, response);
  if (what === "events") return send(response, 200, { events: world.events.filter((one) => one.stack === name && one.service === (url.searchParams.get("service") ?? one.service)) });
  if (what === "room" || what === "resources" || what === "cleanup") return ofMachineFor(world, name, what, response);
  if (what === "security") {
    const refused = world.refused["security"];
    return refused ? send(response, refused[0], { error: { message: refused[1], hint: refused[2] || null } }) : send(response, 200, securityOf(world, name, stack.services, world.guarded));
  }
  if (what === "certificates") return send(response, 200, certificatesOf(name, world.kept));
  if (what === "secrets") return send(response, 200, secretsOf(name, world.kept));
  if (what === "usage") return send(response, 200, { series: history(world, stack.services, url) });
  return send(response, 404, { error: { message: "there is nothing here", hint: null } });
}

async function read(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of request) text += String(part);
  return text || "{}";
}

function record(world: World, stack: string, asked: Record<string, unknown>, response: ServerResponse): void {
  const id = String(world.intents.size + 1);
  const intent = { id, verb: asked["verb"], services: asked["services"], who: "anna", askedAt: new Date().toISOString(), state: "waiting", exitCode: null, result: null };
  world.intents.set(id, intent);
  const tell = (more: Record<string, unknown>) => followers.get(world)?.forEach((follow) => follow("intent", { stack, intent: Object.assign(intent, more) }));
  setTimeout(() => tell({ state: "claimed" }), 700);
  const failed = asked["verb"] === "retry";
  if (asked["verb"] === "cleanup") {
    const known = resources(world, stack);
    const result = cleanedUp(stack, known.rubbish);
    known.rubbish = cleanup(stack, known.rubbish.items.filter((one) => one.outcome === "told"));
    setTimeout(() => tell({ state: "done", exitCode: 0, result }), 3500);
  } else if (String(asked["verb"]).startsWith("resources-")) {
    setTimeout(() => (setLimits(resources(world, stack), String(asked["verb"]), asked["services"] as string[]), tell({ state: "done", exitCode: 0, result: { stack, generation: 5, outcome: "converged", ok: true, seconds: 0.4, services: [] } })), 2000);
  } else setTimeout(() => tell({ state: "done", exitCode: failed ? 1 : 0, result: failed ? { error: { message: "qdrant exited with 1 again", hint: "`controller logs qdrant` for what it said" } } : { stack, generation: 5, outcome: "converged", seconds: 3.24, services: [{ name: "redis", outcome: "Ready", seconds: 1.7, waitedFor: null, attempts: 1, downtimeSeconds: 0 }] } }), 3500);
  send(response, 202, intent);
}

const known = new WeakMap<World, Map<string, Resources>>();

function resources(world: World, stack: string): Resources {
  const all = known.get(world) ?? new Map<string, Resources>();
  known.set(world, all);
  const mine = all.get(stack) ?? resourcesOf(stack, world.stacks.find((one) => one.name === stack)?.services ?? [], world.wanted);
  all.set(stack, mine);
  return mine;
}

function ofMachineFor(world: World, stack: string, what: "room" | "resources" | "cleanup", response: ServerResponse): void {
  const mine = resources(world, stack);
  const refused = world.refused[what];
  const answer = () => (refused ? send(response, refused[0], { error: { message: refused[1], hint: refused[2] || null } }) : send(response, 200, { room: mine.room, resources: mine.limits, cleanup: mine.rubbish }[what]));
  if (what === "cleanup") setTimeout(answer, mine.slow);
  else answer();
}

function setLimits(mine: Resources, verb: string, services: readonly string[]): void {
  mine.limits = { ...mine.limits, services: mine.limits.services.map((one) => {
    if (!services.includes(one.name)) return one;
    if (verb === "resources-resume") return { ...one, held: false };
    const set = (status: typeof one.memory) => {
      const limit = verb === "resources-undo" ? status.original : (status.recommended?.possible ? status.recommended.limit : status.limit);
      return { ...status, limit, adjusted: limit !== status.original, recommended: null };
    };
    return { ...one, memory: set(one.memory), cpu: set(one.cpu), held: verb === "resources-undo", changedAt: new Date().toISOString(), why: verb === "resources-apply" ? "asked for by anna" : null };
  }) };
}

async function silence(world: World, stack: string, which: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const told = () => followers.get(world)?.forEach((follow) => follow("alerts", { stack, alerts: world.alerts.filter((one) => one.stack === stack), silences: world.silences.filter((one) => one.stack === stack) }));
  if (request.method === "DELETE") {
    world.silences = world.silences.filter((one) => String(one.id) !== which);
    told();
    return send(response, 204, null);
  }
  const body = JSON.parse(await read(request)) as { seconds: number; services: string[]; rules: string[]; comment: string };
  const made = { id: world.silences.length + 10, stack, services: body.services, rules: body.rules, until: ago(-body.seconds), by: "anna", comment: body.comment };
  world.silences = [...world.silences, made];
  told();
  return send(response, 201, made);
}

function acknowledge(world: World, stack: string, id: string, response: ServerResponse): void {
  world.alerts = world.alerts.map((one) => (one.id === id ? { ...one, state: "Acknowledged", hushed: "acknowledged by anna" } : one));
  const mine = { stack, alerts: world.alerts.filter((one) => one.stack === stack), silences: world.silences.filter((one) => one.stack === stack) };
  followers.get(world)?.forEach((follow) => follow("alerts", mine));
  send(response, 200, mine);
}

function whyOf(services: readonly Service[], name: string): Cause {
  const chain: Service[] = [];
  for (let at = services.find((one) => one.name === name); at && !chain.includes(at); at = services.find((one) => one.name === at?.waitsFor)) chain.push(at);
  const root = chain.at(-1);
  const falls = root?.phase === "CrashLoopBackOff";
  return {
    service: name, rootCause: root?.name ?? name, chain: chain.map((one) => ({ service: one.name, phase: one.phase, reason: one.reason, message: one.message })),
    evidence: falls ? [`rag-${root.name}-1 is exited (1), 28s ago`, "the next look or try is in 28s"] : root?.phase === "Starting" ? ["starting for 9s; it usually takes 6.2 s"] : [],
    exitCode: falls ? 1 : null, oomKilled: false,
    lastOutput: falls ? "2026-11-27T00:01:12Z  INFO qdrant: Version: 1.11.0, build: 63363956\n2026-11-27T00:01:12Z  INFO storage: Loading collection: documents\n2026-11-27T00:01:24Z ERROR storage: Panic: can't open segment /qdrant/storage/collections/documents/0/segments: No space left on device (os error 28)\n" : "",
    change: falls ? { revision: 4, at: ago(900), who: "anna", why: "manifests/rag.yaml" } : null,
    advice: falls ? ["exit code 1: an error of its own, which its last output tells", `controller logs ${root.name}`, `controller retry ${root.name}, once it is mended`, `controller rollout history ${root.name} --revision 4 --diff, for what was changed`] : root?.phase === "Starting" ? ["nothing: it starts as usual"] : [`controller logs ${root?.name ?? name}`, `controller retry ${root?.name ?? name}, to try the same again`],
  };
}

function logs(name: string, services: readonly Service[], response: ServerResponse): void {
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  const replicas = services.find((one) => one.name === name)?.replicas ?? [];
  let n = 0;
  const say = () => {
    const replica = replicas[n % Math.max(1, replicas.length)]?.name;
    if (replica) response.write(`event: line\ndata: ${JSON.stringify({ replica, line: `${new Date().toISOString()} ${n % 9 === 8 ? "WARN  slow request" : "INFO  request"} id=${1000 + n} GET /search?q=cache 200 ${(n * 7) % 40} ms` })}\n\n`);
    n += 1;
  };
  for (let index = 0; index < 120; index += 1) say();
  const timer = setInterval(say, 700);
  response.on("close", () => clearInterval(timer));
}

function graphOf(world: World, name: string, services: readonly Service[]): Graph {
  const needs = (one: string) => world.needs[one] ?? [];
  const depth = new Map<string, number>();
  const deep = (one: string): number => depth.get(one) ?? (depth.set(one, needs(one).length ? 1 + Math.max(...needs(one).map(([dep]) => deep(dep))) : 0), depth.get(one) ?? 0);
  services.forEach((one) => deep(one.name));
  const batches = Array.from({ length: 1 + Math.max(0, ...depth.values()) }, (_, level) => services.map((one) => one.name).filter((one) => depth.get(one) === level));
  const path: string[] = [];
  for (let at = batches.at(-1)?.[0]; at; at = [...needs(at)].sort((a, b) => deep(b[0]) - deep(a[0]))[0]?.[0]) path.unshift(at);
  return {
    name, services: services.map((one, index) => ({ name: one.name, usuallySeconds: 0.8 + (index % 5) })), batches, criticalPath: path, criticalSeconds: 8.4,
    edges: services.flatMap((one) => needs(one.name).map(([from, condition]) => ({ from, to: one.name, condition, required: from !== "grafana", restart: false }))),
  };
}

function planOf(stack: string, held: boolean): Plan {
  const step = (at: number | null, action: string, service: string, replica: string | null, because: string) => ({ stack, at, action, service, replica, because });
  return {
    changes: 6,
    steps: [
      step(0, "pull", "rag-server", null, "its image `local/rag-server:2.4` is not here"), step(3.1, "create", "rag-server", "rag-server-4", "another release: image local/rag-server:2.3 → 2.4"),
      step(3.4, "start", "rag-server", "rag-server-4", "not started yet"), step(9.8, "route", "rag-server", "rag-server-4", "watched for 5 s: takes requests"),
      step(9.9, "stop", "rag-server", "rag-server-1", "replaced by rag-server-4, drained"), step(10.6, "remove", "rag-server", "rag-server-1", "replaced"),
    ],
    held: held ? [{ stack, service: null, reason: "AdoptionHeld" }] : [{ stack, service: "redis", reason: "quarantined" }],
    updates: [{ stack, service: "rag-server", order: "start-first", because: "it is behind the ingress", parallelism: 1, drainSeconds: 30, handsOver: false, preStopSeconds: 0 }],
    waits: [{ at: 3.4, service: "rag-server", waitsFor: "qdrant", seconds: 2.8 }], settles: true, warnings: [],
    predictedSeconds: 10.8, predictedDowntime: { [stack]: { "rag-server": 0, redis: held ? 1.4 : 0 } },
  };
}

const MADE = [[4, "Failed", "manifests/rag.yaml", "qdrant-1 exited with 1"], [3, "Converged", "compose/rag.yaml: image of rag-server", ""], [2, "RolledBack", "manifests/rag.yaml", "rag-server-2 was not ready within 60 s"], [1, "Converged", "first seen", ""]] as const;

function revisions(stack: string, which: string, response: ServerResponse): void {
  const all = MADE.map(([revision, outcome, change, reason]) => ({
    stack, revision, time: ago(900 + (4 - revision) * 40_000), outcome, outcomeTime: ago(800), reason, who: "anna", change, source: "manifests/rag.yaml", services: [],
    ...(which ? { changes: [{ service: "qdrant", path: "image", old: "qdrant/qdrant:v1.10.1", new: "qdrant/qdrant:v1.11.0" }, { service: "qdrant", path: "environment.QDRANT__API_KEY", old: "***", new: "***" }, { service: "rag-server", path: "deploy.replicas", old: "2", new: "3" }] } : {}),
  }));
  const one = all.find((item) => String(item.revision) === which);
  send(response, 200, which ? one : { revisions: [...all].reverse() });
}

function history(world: World, services: readonly Service[], url: URL) {
  const since = Number(url.searchParams.get("since") ?? 3600);
  const only = url.searchParams.get("service");
  const step = Math.max(10, since / 240);
  return services.filter((one) => !only || one.name === only).map((one, index) => ({
    service: one.name, step, points: Array.from({ length: Math.min(240, Math.floor(since / step)) }, (_, at): UsagePoint => {
      const { cpu, memory } = used(index, at);
      return { at: ago(since - at * step), cpu, memory, memoryLimit: world.limits[one.name] ?? null, received: 4000 + 3000 * Math.sin(at / 7), sent: 9000 + 5000 * Math.cos(at / 9), read: at % 20 ? 0 : 200_000, written: 20_000 + 9000 * Math.sin(at), processes: 8, cpuMost: cpu * 1.6, memoryMost: memory * 1.05 };
    }),
  }));
}

function ofMachine(world: World, url: URL) {
  const since = Number(url.searchParams.get("since") ?? 3600);
  const step = Math.max(10, since / 240);
  const size = world.wanted.unknown ? 0 : Math.floor(since / step);
  return { service: null, step, points: Array.from({ length: size }, (_, at): UsagePoint => {
    const cpu = 1.7 + Math.sin(at / 11) + 0.3 * Math.sin(at * 1.3);
    return { at: ago(since - at * step), cpu, memory: 4.9 * 1024 ** 3 * (1 + 0.06 * Math.sin(at / 21)), memoryLimit: HOST.memoryTotal, received: null, sent: null, read: null, written: null, processes: null, cpuMost: cpu * 1.3, memoryMost: null };
  }) };
}

function used(index: number, at: number) {
  const cpu = Math.max(0.002, (0.05 + 0.03 * index) * (1 + 0.6 * Math.sin(at / (5 + index)) + 0.25 * Math.sin(at * 1.7)));
  return { cpu, memory: (60 + 40 * index) * 1_048_576 * (1 + 0.08 * Math.sin(at / 15)) };
}

function sample(world: World, turn: number) {
  const stacks = Object.fromEntries(world.stacks.map((stack) => [stack.name, Object.fromEntries(stack.services.map((one, index) => {
    const { cpu, memory } = used(index, 240 + turn);
    const total = { cpu, memory, memoryLimit: world.limits[one.name] ?? null, received: 4000, sent: 9000, read: 0, written: 20_000, processes: 8 };
    return [one.name, { total, replicas: Object.fromEntries(one.replicas.map((r) => [r.name, { ...total, cpu: cpu / one.replicas.length, memory: memory / one.replicas.length }])), custom: {} }];
  }))]));
  const host = world.wanted.unknown ? NOTHING_KNOWN : { ...HOST, cpu: 1.7 + Math.sin(turn / 3) };
  return { at: new Date().toISOString(), host, engine: world.wanted.unknown ? { cores: null, memoryTotal: null, sharesHost: true } : { cores: 8, memoryTotal: HOST.memoryTotal, sharesHost: true }, stacks: world.wanted.unknown ? {} : stacks };
}

function stream(world: World, scenario: string, response: ServerResponse): void {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  const follow = (kind: string, data: unknown) => {
    lastId += 1;
    response.write(`id: ${lastId}\nevent: ${kind}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  follow("snapshot", { stacks: world.stacks, events: world.events, alerts: world.alerts, silences: world.silences, usage: sample(world, 0) });
  const all = followers.get(world) ?? new Set();
  followers.set(world, all.add(follow));
  let turn = 0;
  const timers = [setInterval(() => follow("usage", sample(world, (turn += 1))), 2000)];
  const { live } = world;
  let step = 0;
  if (live) timers.push(setInterval(() => live.step(world, (step += 1), follow), live.every));
  if (scenario === "healthy" || scenario === "crashloop") timers.push(setInterval(() => follow("event", event("shop", "web", "Probed", "answered in 3 ms")), 5000));
  if (scenario === "lost") {
    refusedUntil = Date.now() + 30_000;
    setTimeout(() => response.end(), 1500);
  }
  response.on("close", () => {
    timers.forEach(clearInterval);
    all.delete(follow);
  });
}
