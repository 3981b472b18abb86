// What the example worlds have of findings, waivers and ways.

import type { Check, Pair, Published, ScanFinding, Security } from "../src/api/security.ts";
import type { Service } from "../src/api/types.ts";
import { ago, type World } from "./make.ts";

const FILE = "/srv/rag/compose/rag.yaml";
const MANIFEST = "/srv/rag/manifests/rag.yaml";

function finding(rule: string, severity: ScanFinding["severity"], service: string | null, message: string, more: Partial<ScanFinding> = {}): ScanFinding {
  return { rule, severity, service, path: service && `services.${service}`, file: FILE, line: 12, title: "", message, why: "", fix: "", references: [], source: "compose", waived: null, ...more };
}

const FINDINGS: readonly ScanFinding[] = [
  finding("H03", "critical", "gateway", "it runs privileged", { title: "privileged container", why: "It has every capability and every device: nothing stands between it and the host.", fix: "remove privileged; name the capabilities and devices that it needs", source: "running", file: null, line: null, references: ["CIS 5.5", "PSS baseline"] }),
  finding("W02", "high", "postgresql", "PostgreSQL is open at 0.0.0.0:5432", { line: 41, title: "data or administration open to the network", why: "Such a service mostly trusts whoever gets there, and what it holds is what is wanted.", fix: "do not publish it: other services reach it without; else publish it as 127.0.0.1:…" }),
  finding("X03", "high", null, "container debug-shell is on network rag_back", { title: "stranger on its network or volume", why: "It reaches what only the stack's own services should.", fix: "find out whose it is; docker network disconnect rag_back debug-shell", source: "running", file: null, line: null, path: null }),
  finding("F01", "medium", "redis", "it runs as root", { line: 22, title: "runs as root", why: "Whoever breaks in is root inside, and whatever else is open counts for more.", fix: "user: with a number above 0, such as \"10001:10001\"" }),
  finding("F01", "medium", "qdrant", "it runs as root", { line: 58, title: "runs as root", why: "Whoever breaks in is root inside, and whatever else is open counts for more.", fix: "user: with a number above 0, such as \"10001:10001\"" }),
  finding("R01", "medium", "rag-server", "it may use all memory", { line: 77, title: "no memory limit", why: "One leak takes the memory of all, and the kernel ends whom it likes.", fix: "mem_limit, or deploy.resources.limits.memory" }),
  finding("F03", "low", "grafana", "it can write all of its own files", { line: 90, title: "writable root file system", why: "Whoever breaks in can change its programs and leave others.", fix: "read_only: true, and tmpfs for what it writes" }),
  finding("R04", "info", "prometheus", "nofile is 1048576", { line: 84, title: "raised limits of a process", why: "More than the engine's default is rarely needed, and each is a limit less.", fix: "leave ulimits out" }),
  finding("N01", "high", "gateway", "it is on the host's network", { line: 101, title: "the host's network", why: "It reaches what listens on the host's loopback, and can take any of its ports.", fix: "leave network_mode out and publish the ports that are needed", waived: { reason: "has to see client addresses until the new proxy is in", expires: "2027-01-31" } }),
];

const ENGINE: readonly ScanFinding[] = [
  finding("D06", "low", null, "it runs as root and maps no users", { title: "root in a container is root of the host", why: "One way out of a container is all that is needed.", fix: "run the engine rootless, or daemon.json: {\"userns-remap\": \"default\"}", source: "running", file: null, line: null, path: null }),
  finding("D09", "low", null, "live-restore is off", { title: "containers stop with the engine", why: "An upgrade of the engine is an outage of all.", fix: "daemon.json: {\"live-restore\": true}", source: "running", file: null, line: null, path: null }),
];

const PUBLISHED: readonly Published[] = [
  { service: "gateway", address: "0.0.0.0:443->8443/tcp", target: 8443, protocol: "tcp", reachableFrom: "everyone" },
  { service: "grafana", address: "192.168.7.5:3000->3000/tcp", target: 3000, protocol: "tcp", reachableFrom: "interface" },
  { service: "postgresql", address: "0.0.0.0:5432->5432/tcp", target: 5432, protocol: "tcp", reachableFrom: "everyone" },
  { service: "rag-server", address: "127.0.0.1:8000->8000/tcp", target: 8000, protocol: "tcp", reachableFrom: "machine" },
];

const PORTS: Readonly<Record<string, number>> = { redis: 6379, postgresql: 5432, qdrant: 6333, "rag-server": 8000, gateway: 8443, prometheus: 9090, grafana: 3000 };

function checkOf(world: World, services: readonly Service[], wrong: boolean): Check {
  const names = services.map((one) => one.name).filter((name) => name in PORTS || !(name === "migrate")).sort();
  const needs = (from: string, to: string) => (world.needs[from] ?? []).some(([name]) => name === to);
  const pairs = names.flatMap((from) => names.filter((to) => to !== from).map((to): Pair => {
    const declared = needs(from, to) || needs(to, from);
    return { from, to, port: PORTS[to] ?? 80, declared, needed: needs(from, to), reachable: declared, verdict: "ok", counts: false, cause: null, mend: null };
  }));
  const change = (from: string, to: string, more: Partial<Pair>) => pairs.splice(pairs.findIndex((one) => one.from === from && one.to === to), 1, { ...pairs.find((one) => one.from === from && one.to === to)!, counts: true, ...more });
  if (wrong) {
    change("grafana", "postgresql", { reachable: true, verdict: "undeclared", cause: "around the networks, through the machine, which publishes it at 172.20.0.1:5432", mend: "publish it at 127.0.0.1, or declare it (`connectsTo: [postgresql]` of grafana)" });
    change("rag-server", "qdrant", { reachable: false, verdict: "blocked", cause: "they share no network", mend: "put both on one network in the Compose file" });
    change("gateway", "redis", { reachable: null, verdict: "unknown", cause: "it is on the host's network, from where it was not tried" });
  }
  return { policy: "dependencies", at: ago(1290), pairs, differences: wrong ? 2 : 0, unchecked: wrong ? 1 : 0, notRunning: ["migrate"], notes: wrong ? ["UDP is not checked: silence means nothing there"] : [] };
}

export type Guarded = "found" | "clean" | "unscanned" | "blind";

export function securityOf(world: World, stack: string, services: readonly Service[], how: Guarded = "unscanned"): Security {
  const bare: Security = {
    name: stack, asked: false, scannedAt: null, lookedAt: null, trouble: null, findings: [], engineFindings: [], gate: { failOn: null, barred: [] }, waivers: [],
    network: { policy: "off", published: stack === "rag" ? PUBLISHED.slice(3) : [], check: null },
  };
  if (how === "unscanned" || stack !== "rag") return bare;
  const scanned: Security = { ...bare, asked: true, scannedAt: ago(140), lookedAt: ago(140), gate: { failOn: "high", barred: [] }, network: { policy: "dependencies", published: PUBLISHED.slice(3), check: checkOf(world, services, false) } };
  if (how === "clean") return scanned;
  return {
    ...scanned, findings: FINDINGS, engineFindings: ENGINE, ...(how === "blind" ? { lookedAt: ago(4100), trouble: "GET /containers/json: no answer within 10 s" } : {}),
    gate: { failOn: "high", barred: [{ service: "postgresql", why: `not started, since security.scan.failOn is high: W02 PostgreSQL is open at 0.0.0.0:5432 (${FILE}:41); see controller scan` }] },
    waivers: [
      { rule: "I01", service: "*", reason: "images come from the office's registry", expires: "2026-11-20", daysLeft: -7, findings: 0, file: MANIFEST, line: 31 },
      { rule: "R05", service: "qdrant", reason: "measured first", expires: "2026-12-05", daysLeft: 8, findings: 1, file: MANIFEST, line: 33 },
      { rule: "N01", service: "gateway", reason: "has to see client addresses until the new proxy is in", expires: "2027-01-31", daysLeft: 65, findings: 1, file: MANIFEST, line: 32 },
    ],
    network: { policy: "dependencies", published: PUBLISHED, check: checkOf(world, services, true) },
  };
}
