// The example worlds, each one state that the dashboard has to tell well.

import type { Event, Phase, Service } from "../src/api/types.ts";
import { ago, alert, condition, event, replica, service, world, type World } from "./make.ts";
import { tokens } from "./access.ts";
import { overdo, recommend, RUBBISH, shorten } from "./resources.ts";

const MIB = 1024 * 1024;
const NEEDS: World["needs"] = {
  redis: [], postgresql: [], qdrant: [], prometheus: [], migrate: [["postgresql", "service_healthy"]],
  "rag-server": [["qdrant", "service_healthy"], ["redis", "service_healthy"], ["migrate", "service_completed_successfully"]],
  grafana: [["prometheus", "service_started"]], gateway: [["rag-server", "service_healthy"], ["grafana", "service_started"]],
};
const LIMITS = { redis: 256 * MIB, postgresql: 1024 * MIB, qdrant: 2048 * MIB, "rag-server": 1024 * MIB };
const ROUTE = { state: "in", connections: 3, requests: 48_211, errors: 2, latencySeconds: 0.0083 } as const;

function rag(changed: readonly Service[] = []): Service[] {
  const all = [
    service("redis", "Ready", { image: "local/redis:7.0" }), service("postgresql", "Ready", { image: "postgres:16.4" }),
    service("qdrant", "Ready", { image: "qdrant/qdrant:v1.11.0" }), service("prometheus", "Ready", { image: "prom/prometheus:v2.54.1" }),
    service("migrate", "Completed", { image: "shop/migrate:41", replicas: [replica("rag-migrate-1", { phase: "exited", health: "none", exitCode: 0, image: "shop/migrate:41" })] }),
    service("rag-server", "Ready", { desired: 3, ready: 3, updated: 3, replicas: [1, 2, 3].map((n) => replica(`rag-rag-server-${n}`, { image: "local/rag-server:2.3", route: ROUTE })) }),
    service("grafana", "Ready", { image: "grafana/grafana:11.2.0" }), service("gateway", "Ready", { image: "haproxy:3.0" }),
  ];
  return all.map((one) => changed.find((other) => other.name === one.name) ?? one);
}

const CONVERGED = condition("Converged", "True", "Converged", "", 7200);
const shop = { name: "shop", phase: "Converged" as const, generation: 12, conditions: [CONVERGED], services: [service("db", "Ready", { stack: "shop" }), service("web", "Ready", { stack: "shop", desired: 2, ready: 2, updated: 2 })] };

function quiet(): Event[] {
  return [
    event("rag", null, "Apply", "asked for: apply the stack", { time: ago(5500) }), event("rag", "redis", "Ready", "after 1.2 s", { time: ago(5400) }),
    event("rag", "qdrant", "Ready", "after 2.8 s", { time: ago(5390) }), event("rag", "rag-server", "Ready", "after 4.1 s", { time: ago(5380) }),
    event("shop", "web", "Ready", "after 0.9 s", { time: ago(3000) }), event("rag", "grafana", "Pulled", "grafana/grafana:11.2.0", { time: ago(1200) }),
  ];
}

function healthy(): World {
  return world({ stacks: [{ name: "rag", phase: "Converged", generation: 3, conditions: [CONVERGED], services: rag() }, shop], events: quiet(), needs: NEEDS, limits: LIMITS });
}

function crashloop(): World {
  const said = "exited with 1, 12 s after its start; 6 tries so far";
  const qdrant = service("qdrant", "CrashLoopBackOff", {
    image: "qdrant/qdrant:v1.11.0", message: said, since: ago(437), restarts: 6, nextTry: ago(-28),
    replicas: [replica("rag-qdrant-1", { phase: "exited", health: "none", exitCode: 1, restarts: 6, image: "qdrant/qdrant:v1.11.0", lastOutput: "Error" })],
  });
  const server = service("rag-server", "Waiting", { desired: 3, updated: 0, message: "waits for qdrant to be healthy", reason: "DependencyNotReady", waitsFor: "qdrant", since: ago(430), replicas: [] });
  const gateway = service("gateway", "Waiting", { message: "waits for rag-server to be healthy", reason: "DependencyNotReady", waitsFor: "rag-server", since: ago(430), updated: 0, replicas: [] });
  const grafana = service("grafana", "Ready", { image: "grafana/grafana:11.2.0", replicas: [replica("rag-grafana-1", { image: "grafana/grafana:11.2.0", drift: [{ path: "HostConfig.Memory", wanted: "268435456", seen: "536870912" }] })] });
  return world({
    stacks: [
      { name: "rag", phase: "Degraded", generation: 4, conditions: [condition("Converged", "False", "Degraded", `qdrant: ${said}`, 437)], services: rag([qdrant, server, gateway, grafana]) },
      shop,
    ],
    alerts: [
      alert("rag", "qdrant", "ServiceDown", "critical", `no replica is ready: ${said}`, { affects: ["rag-server", "gateway"], also: ["CrashLoop"] }),
      alert("shop", "web", "ReplicasMissing", "warning", "1 of 2 replicas ready", { state: "Resolved", since: ago(9000), resolvedAt: ago(8200) }),
      alert("rag", "grafana", "OutOfMemory", "warning", "the kernel killed rag-grafana-1 for want of memory", { state: "Acknowledged", hushed: "acknowledged by anna", since: ago(3900) }),
    ],
    silences: [{ id: 3, stack: "shop", services: ["web"], rules: ["ReplicasMissing"], until: ago(-5000), by: "anna", comment: "load test until noon" }],
    events: [...quiet(), event("rag", "qdrant", "Started", "qdrant-1: started again, it had exited with 1", { type: "Warning", time: ago(40), count: 6, firstTime: ago(430) }), event("rag", "qdrant", "CrashLoopBackOff", `CrashLoopBackOff: ${said}`, { type: "Warning", time: ago(28) }), event("rag", "rag-server", "Waiting", "waits for qdrant to be healthy", { time: ago(430) })],
    needs: NEEDS, limits: LIMITS,
  });
}

function waiting(): World {
  const start = (name: string, on: string) => service(name, "Waiting", { message: `waits for ${on} to be healthy`, reason: "DependencyNotReady", waitsFor: on, since: ago(9), updated: 0, replicas: [] });
  const db = service("postgresql", "Starting", { message: "rag-postgresql-1: not ready yet, started 9 s ago", since: ago(9), image: "postgres:16.4", replicas: [replica("rag-postgresql-1", { health: "starting", image: "postgres:16.4" })] });
  const services = rag([db, start("migrate", "postgresql"), start("rag-server", "migrate"), start("gateway", "rag-server")]);
  return world({ stacks: [{ name: "rag", phase: "Progressing", generation: 1, conditions: [condition("Converged", "False", "Progressing", "postgresql: not ready yet", 9)], services }], events: quiet(), needs: NEEDS, limits: LIMITS });
}

function rollout(): World {
  const server = (updated: number) => service("rag-server", "Updating", {
    desired: 5, ready: 5, updated, since: ago(41), reason: updated === 5 ? "Watching" : "Updating", message: updated === 5 ? "all replaced, being watched" : `replaces rag-server-${updated + 1} of 5, watched for 5 s each`,
    replicas: [1, 2, 3, 4, 5].map((n) => replica(`rag-rag-server-${n}`, { image: n <= updated ? "local/rag-server:2.4" : "local/rag-server:2.3", configHash: n <= updated ? "ffee" : "aabb", route: ROUTE })),
  });
  return world({
    stacks: [{ name: "rag", phase: "Progressing", generation: 5, conditions: [condition("Converged", "False", "Progressing", "rag-server: being replaced", 41), condition("Baking", "True", "Baking", "updated, and watched a while longer: redis", 100)], services: rag([server(2), service("redis", "Ready", { reason: "Baking", message: "watched for 120 s more before the release before is forgotten" })]) }],
    events: [...quiet(), event("rag", "rag-server", "Created", "rag-server-3: another release", { time: ago(8) })], needs: NEEDS, limits: LIMITS,
    live: { every: 4000, step: (all, turn, send) => {
      const next = server(1 + (turn % 5));
      replaceService(all, "rag", next);
      send("service", { stack: "rag", service: next });
      send("event", event("rag", "rag-server", "Created", `rag-server-${next.updated}: another release`));
    } },
  });
}

function rollback(): World {
  const why = "rag-server-2 exited with 3 within its monitor of 5 s";
  const server = service("rag-server", "RollingBack", {
    desired: 3, ready: 2, updated: 2, since: ago(14), reason: "RollingBack", message: `${why}; goes back to the last good release`,
    replicas: [1, 2, 3].map((n) => replica(`rag-rag-server-${n}`, { image: n === 2 ? "local/rag-server:2.5" : "local/rag-server:2.4", health: n === 2 ? "unhealthy" : "healthy", route: ROUTE })),
  });
  const web = service("redis", "Degraded", { image: "local/redis:7.0", reason: "RolledBack", ready: 1, message: "revision 5 failed: redis-1 was not ready within 60 s; the last good release runs", since: ago(600) });
  return world({
    stacks: [{ name: "rag", phase: "Degraded", generation: 6, conditions: [condition("Converged", "False", "Degraded", why, 14), condition("RolledBack", "True", "UpdateFailed", `redis: revision 5 failed; not tried again until something changes, or \`retry\``, 600)], services: rag([server, web]) }],
    alerts: [alert("rag", null, "RolledBack", "warning", "redis: revision 5 failed", { since: ago(600) })], events: [...quiet(), event("rag", "rag-server", "UpdateFailed", why, { type: "Warning", time: ago(14) })], needs: NEEDS, limits: LIMITS,
  });
}

function held(): World {
  const services = rag().map((one) => ({ ...one, phase: "Pending" as Phase, reason: "Held", message: "the stack is held" }));
  const message = "taking it over would replace redis and rag-server. It was brought up from other files: /srv/rag/compose.yaml, /srv/rag/compose.prod.yaml.";
  return world({ stacks: [{ name: "rag", phase: "Progressing", generation: 1, conditions: [condition("Converged", "False", "Progressing", "", 240), condition("AdoptionHeld", "True", "AdoptionHeld", message, 240)], services }, shop], alerts: [alert("rag", null, "AdoptionHeld", "warning", message)], events: quiet(), needs: NEEDS, limits: LIMITS });
}

function away(): World {
  const blind = condition("EngineUnavailable", "True", "EngineUnavailable", "the engine at unix:///var/run/docker.sock does not answer: connection refused", 95);
  const unknown = (one: Service) => ({ ...one, conditions: [condition("Ready", "Unknown", "EngineUnavailable", "nobody knows while the engine does not answer", 95), ...one.conditions.slice(1)] });
  return world({ stacks: [{ name: "rag", phase: "Degraded", generation: 3, conditions: [condition("Converged", "False", "Degraded", "", 95), blind], services: rag().map(unknown) }, { ...shop, phase: "Degraded", conditions: [blind] }], alerts: [alert("rag", null, "EngineUnavailable", "critical", blind.message)], events: quiet(), needs: NEEDS, limits: LIMITS, refused: { cleanup: [503, blind.message, "controller doctor"] } });
}

/** Two services have no room left on the machine. */
function short(): World {
  const lacks = "needs 512Mi of memory, 86Mi is free beside the 512Mi kept for the host: short 426Mi; stopping prometheus (priority 0) would make room";
  const behind = "what is free is left to rag-server, which has a higher priority and is to have it first";
  const waits = (name: string, message: string, desired = 1) => service(name, "Waiting", { desired, updated: 0, message, reason: "InsufficientMemory", since: ago(84), replicas: [] });
  const server = waits("rag-server", lacks, 3);
  const gateway = service("gateway", "Waiting", { message: "waits for rag-server to be healthy", reason: "DependencyNotReady", waitsFor: "rag-server", since: ago(84), updated: 0, replicas: [] });
  const said = `rag-server ${lacks}; grafana ${behind}`;
  return world({
    stacks: [{ name: "rag", phase: "Progressing", generation: 7, conditions: [condition("Converged", "False", "Progressing", `rag-server: ${lacks}`, 84), condition("InsufficientRoom", "True", "InsufficientMemory", said, 84)], services: rag([server, gateway, waits("grafana", behind)]) }, shop],
    alerts: [alert("rag", null, "InsufficientRoom", "warning", said, { since: ago(84), firedAt: ago(24) }), alert("rag", null, "HostMemoryHigh", "warning", "91% of the machine's memory is in use (7.31Gi of 8Gi); most by qdrant 812Mi, postgresql 402Mi; stop what is not needed, limit it, or add memory", { since: ago(500) })],
    events: [...quiet(), event("rag", "rag-server", "InsufficientMemory", lacks, { type: "Warning", time: ago(84) })], needs: NEEDS, limits: LIMITS, wanted: { room: shorten, limits: recommend },
  });
}

/** More runs than there is memory for, and that is only told. */
function over(): World {
  const said = "what runs may use 3.64Gi of memory, 3.23Gi is there beside the 512Mi kept for the host: short 420Mi";
  return { ...healthy(), wanted: { room: overdo }, stacks: healthy().stacks.map((one) => (one.name === "rag" ? { ...one, conditions: [CONVERGED, condition("Overcommitted", "True", "InsufficientMemory", said, 900)] } : one)) };
}

const FORBIDDEN = [403, "this token may not read that", "ask for a token of the role operator"] as const;

function refused(): World {
  return { ...healthy(), refused: { room: FORBIDDEN, resources: FORBIDDEN, cleanup: FORBIDDEN, security: FORBIDDEN } };
}

/** Findings in files and in what runs, ways that are not as declared, waivers that end. */
function insecure(): World {
  const why = "W02 PostgreSQL is open at 0.0.0.0:5432 (/srv/rag/compose/rag.yaml:41)";
  const said = "what runs: H03 it runs privileged; mend: remove privileged; name the capabilities and devices that it needs";
  const all = healthy();
  return {
    ...all, guarded: "found", kept: "ill", tokens: tokens(), stacks: all.stacks.map((one) => (one.name === "rag" ? { ...one, conditions: [CONVERGED, condition("Insecure", "True", "FindingsGated", `postgresql not started, since security.scan.failOn is high: ${why}; see controller scan`, 900)] } : one)),
    alerts: [alert("rag", "gateway", "Findings", "critical", said, { since: ago(140) }), alert("rag", null, "WaiverExpired", "info", "project: the waiver of I01 ended on 2026-11-20; mend: mend the finding, or decide anew and give it another day")],
    events: [...all.events, event("rag", "gateway", "FindingAppeared", "critical: gateway (running): H03 it runs privileged", { type: "Warning", time: ago(140) })],
  };
}

const BUSY: readonly Phase[] = ["Ready", "Ready", "Ready", "Starting", "Updating", "Waiting", "Degraded", "Ready"];

/** 200 services, 50 events a second. */
function many(): World {
  const names = Array.from({ length: 200 }, (_, index) => `svc-${String(index + 1).padStart(3, "0")}`);
  const needs = Object.fromEntries(names.map((name, index) => [name, index < 25 ? [] : [[names[index - 25] ?? "", "service_healthy"], ...(index % 7 ? [] : [[names[(index * 13) % 25] ?? "", "service_started"]])] as [string, string][]]));
  return world({
    stacks: [{ name: "many", phase: "Progressing", generation: 9, conditions: [condition("Converged", "False", "Progressing", "", 40)], services: names.map((name) => service(name, "Ready", { stack: "many" })) }],
    events: [], needs,
    live: { every: 20, step: (all, turn, send) => {
      const name = names[(turn * 37) % 200] ?? "";
      const phase = BUSY[(turn * 31) % BUSY.length] ?? "Ready";
      const next = service(name, phase, { stack: "many", since: new Date().toISOString(), message: phase === "Ready" ? "" : `turn ${turn}` });
      replaceService(all, "many", next);
      send("service", { stack: "many", service: next });
      send("event", event("many", name, phase, phase === "Ready" ? "after 1.2 s" : `turn ${turn}`, { type: phase === "Degraded" ? "Warning" : "Normal" }));
    } },
  });
}

function replaceService(all: World, stack: string, next: Service): void {
  const found = all.stacks.find((one) => one.name === stack);
  if (found) found.services = found.services.map((one) => (one.name === next.name ? next : one));
}

const MAKE: Readonly<Record<string, () => World>> = { healthy, crashloop, waiting, rollout, rollback, held, away, many, short, over, refused,
  security: insecure, secure: () => ({ ...healthy(), guarded: "clean", kept: "well", tokens: tokens() }), locked: () => ({ ...healthy(), guarded: "clean", kept: "locked" }), changing: () => ({ ...healthy(), guarded: "clean", kept: "changing" }), unseen: () => ({ ...insecure(), guarded: "blind" }),
  limits: () => ({ ...healthy(), wanted: { limits: recommend } }), rubbish: () => ({ ...healthy(), wanted: { items: RUBBISH, slow: 3000 } }), unknown: () => ({ ...healthy(), wanted: { unknown: true } }),
  empty: () => world({}), login: healthy, viewer: crashloop, lost: crashloop };
const made = new Map<string, World>();

export function worldOf(name: string): World {
  const known = made.get(name) ?? (MAKE[name] ?? healthy)();
  made.set(name, known);
  return known;
}
