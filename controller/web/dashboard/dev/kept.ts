// Certificates and secrets of an example stack.

import type { Certificate, Certificates, Secret, Secrets } from "../src/api/certificates.ts";
import { ago } from "./make.ts";

const DAY = 86_400;

function certificate(service: string, more: Partial<Certificate> = {}): Certificate {
  const names = [service, `rag-${service}-1`, `rag-${service}-2`, `rag-${service}-3`, "localhost", `${service}.rag.internal`, `spiffe://rag.internal/service/${service}`];
  const serial = [...`${service}-serial`].map((letter) => letter.charCodeAt(0).toString(16)).join("").padEnd(40, "7").slice(0, 40);
  return {
    service, serial, authority: "5b1c0a9e7f3d42c86d10aa55b7e94f02", names, startsAt: ago(2.2 * DAY), endsAt: ago(-4.8 * DAY), renewAt: ago(-1.9 * DAY), seen: "served", faults: [], message: null, ...more,
  };
}

const ISSUER = { id: "5b1c0a9e7f3d42c86d10aa55b7e94f02", role: "issuer", endsAt: ago(-341 * DAY) } as const;

export type Kept = "none" | "well" | "ill" | "changing" | "locked";

export function certificatesOf(stack: string, how: Kept): Certificates {
  const bare: Certificates = { stack, enabled: false, authorities: [], rotation: "none", message: null, certificates: [] };
  if (how === "none" || stack !== "rag") return bare;
  const all = [certificate("gateway", { seen: "taken up" }), certificate("postgresql"), certificate("qdrant", { seen: "taken up" }), certificate("rag-server", { seen: "taken up" }), certificate("redis")];
  const well: Certificates = { ...bare, enabled: true, authorities: [ISSUER], certificates: all };
  if (how === "locked") return { ...well, message: "the encryption key is missing: what is here was encrypted with the key 09a9c325" };
  if (how === "changing") {
    const coming = { id: "c91e44d07a2b8f6031dd9e5ab2f7c610", role: "issuer", endsAt: ago(-365 * DAY) } as const;
    const moved = all.map((one, at) => (at < 3 ? { ...one, authority: coming.id, startsAt: ago(3600), endsAt: ago(-6.9 * DAY), renewAt: ago(-4 * DAY), seen: at === 2 ? ("pending" as const) : one.seen } : one));
    return { ...well, rotation: "switch", authorities: [coming, { ...ISSUER, role: "going", endsAt: ago(-21 * DAY) }], certificates: moved };
  }
  if (how === "well") return well;
  return {
    ...well, certificates: [
      ...all.slice(0, 1),
      certificate("postgresql", { seen: "other", message: "rag-postgresql-1 at 5432 serves 6e0d…91, not the newest one; it was told to read it 4 min ago" }),
      certificate("qdrant", { endsAt: ago(-0.9 * DAY), startsAt: ago(6.1 * DAY), renewAt: ago(0.4 * DAY), message: "the folder cannot be written: No space left on device" }),
      certificate("rag-server", { endsAt: ago(3 * DAY), startsAt: ago(10 * DAY), renewAt: ago(6 * DAY), faults: ["it has ended"] }),
      { ...certificate("redis"), serial: null, authority: null, names: [], startsAt: null, endsAt: null, renewAt: null, seen: "pending" },
    ],
  };
}

function secret(name: string, version: number, days: number, users: readonly string[], more: Partial<Secret> = {}): Secret {
  return { name, version, setAt: ago(days * DAY), setBy: "anna", keyId: "09a9c325", users, managed: true, ...more };
}

export function secretsOf(stack: string, how: Kept): Secrets {
  const bare: Secrets = { name: stack, keyId: null, locked: null, secrets: [] };
  if (how === "none" || stack !== "rag") return bare;
  const secrets = [
    secret("api_key", 4, 0.02, ["rag-server", "gateway"]), secret("db_password", 2, 12, ["postgresql", "rag-server", "migrate"]), secret("grafana_password", 1, 203, ["grafana"], { setBy: "root" }),
    ...(how === "well" ? [] : [secret("hf_token", 0, 0, ["rag-server"], { setAt: null, setBy: null, keyId: null }), secret("old_key", 7, 400, [], { keyId: "77be01d4" }), secret("spare", 1, 30, [], { managed: false })]),
  ];
  return { name: stack, keyId: "09a9c325", locked: how === "locked" ? "the encryption key is missing: what is here was encrypted with the key 09a9c325" : null, secrets };
}
