// A service and a stack that are well; what differs is the test.

import type { Service, Stack } from "../src/api/types.ts";

export function service(name: string, more: Partial<Service> = {}): Service {
  return { name, phase: "Ready", reason: "Ready", message: "", desired: 1, ready: 1, updated: 1, restarts: 0, since: "2026-01-01T00:00:00Z", waitsFor: null, nextTry: null, conditions: [], replicas: [], ...more };
}

export function stack(name: string, services: readonly Service[], more: Partial<Stack> = {}): Stack {
  return { name, phase: "Converged", generation: 1, conditions: [], services, ...more };
}
