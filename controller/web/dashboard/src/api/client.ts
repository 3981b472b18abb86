// Requests to the API. Every failure is an ApiError with the API's own message and hint.

import { headers, sessionKey } from "./session.ts";
import type { Complaint, Finding } from "./types.ts";

export class ApiError extends Error {
  readonly status: number;
  readonly hint: string;
  readonly findings: readonly Finding[];

  constructor(status: number, complaint: Complaint) {
    super(complaint.message);
    this.status = status;
    this.hint = complaint.hint ?? "";
    this.findings = complaint.findings ?? [];
  }
}

let onUnauthorized: (shown: string) => void = () => undefined;

/** `act` is told the key that was shown: there may be another one by then. */
export function whenUnauthorized(act: (shown: string) => void): void {
  onUnauthorized = act;
}

export async function request<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const shown = sessionKey();
  const init: RequestInit = { method, headers: headers({ Accept: "application/json" }) };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...init.headers, "Content-Type": "application/json" };
  }
  if (signal) init.signal = signal;
  const response = await fetch(path, init).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new ApiError(0, { message: "the controller does not answer", hint: "is `controller run` still running?" });
  });
  if (!response.ok) throw await complain(response, shown);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

async function complain(response: Response, shown: string): Promise<ApiError> {
  if (response.status === 401) onUnauthorized(shown);
  const body: unknown = await response.json().catch(() => null);
  return new ApiError(response.status, complaintIn(body) ?? { message: `the controller answered ${response.status}` });
}

function complaintIn(body: unknown): Complaint | null {
  if (typeof body !== "object" || body === null || !("error" in body)) return null;
  const { error } = body;
  if (typeof error !== "object" || error === null || !("message" in error)) return null;
  const findings = "findings" in error && Array.isArray(error.findings) ? (error.findings as readonly Finding[]) : [];
  return { message: String(error.message), hint: "hint" in error && error.hint ? String(error.hint) : null, findings };
}

export function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return request<T>("GET", path, undefined, signal);
}

/** `/v1/stacks/shop/services/web`, each part made safe. */
export function path(...parts: readonly (string | number)[]): string {
  return ["/v1", ...parts.map((part) => encodeURIComponent(String(part)))].join("/");
}
