// Requests to the API: to the address that was set and nowhere else. No redirect is followed, so a token never travels.

import * as http from "node:http";
import * as https from "node:https";

import type { Address } from "../core/address.ts";
import { Frames, type Finding, type Frame } from "../shared.ts";

/** `refused`: the key is not valid. `away`: nobody answers. `denied`: one may not. `failed`: the API says why. */
export type FailureKind = "refused" | "away" | "denied" | "failed";

export class ApiFailure extends Error {
  constructor(readonly kind: FailureKind, message: string, readonly hint = "", readonly findings: readonly Finding[] = [], readonly status = 0) {
    super(hint ? `${message} (${hint})` : message);
  }
}

export interface Door {
  readonly address: Address;
  readonly token: string;
  /** PEM of who signs the API's certificate; null: whom this machine trusts. */
  readonly ca: string | null;
}

const MOST = 32 * 1024 * 1024;
const MOST_COMPLAINT = 256 * 1024;
/** The server says something every 15 s. */
const SILENCE = 40_000;

export class Api {
  constructor(readonly door: Door) {}

  async get(path: string, signal?: AbortSignal, timeout = 15_000): Promise<unknown> {
    return this.request("GET", path, undefined, signal, timeout);
  }

  async post(path: string, body: unknown, signal?: AbortSignal): Promise<unknown> {
    return this.request("POST", path, body, signal, 15_000);
  }

  private async request(method: string, path: string, body: unknown, signal: AbortSignal | undefined, timeout: number): Promise<unknown> {
    const response = await this.open(method, path, { Accept: "application/json" }, body, signal, timeout);
    let text = "";
    try {
      for await (const piece of response) {
        text += piece as string;
        if (text.length > MOST) throw new Error("too much");
      }
    } catch (error) {
      throw away(this.door, error);
    }
    if ((response.statusCode ?? 0) >= 300 || (response.statusCode ?? 0) < 200) throw failureOf(response.statusCode ?? 0, text);
    return text ? valueOf(this.door, text) : undefined;
  }

  /** Server-sent events until the stream ends; fails as a request does. `onOpen`: it was taken. `broken`: the connection went in the midst. */
  async stream(path: string, frames: Frames, onOpen: () => void, onFrame: (frame: Frame) => void, signal: AbortSignal): Promise<"ended" | "broken"> {
    frames.reset();
    const headers = { Accept: "text/event-stream", ...(frames.lastId && { "Last-Event-ID": frames.lastId }) };
    const response = await this.open("GET", path, headers, undefined, signal, SILENCE);
    if (response.statusCode !== 200) {
      let text = "";
      for await (const piece of response) if ((text += piece as string).length > MOST_COMPLAINT) break;
      throw failureOf(response.statusCode ?? 0, text);
    }
    onOpen();
    let waiting = 0;
    try {
      for await (const piece of response) {
        waiting += (piece as string).length;
        for (const frame of frames.take(piece as string)) {
          waiting = 0;
          onFrame(frame);
        }
        if (waiting > MOST) throw new Error("a message of the stream has no end");
      }
      return "ended";
    } catch (error) {
      if (!signal.aborted && !isBroken(error)) throw error;
      return "broken";
    }
  }

  private open(method: string, path: string, headers: Record<string, string>, body: unknown, signal: AbortSignal | undefined, timeout: number): Promise<http.IncomingMessage> {
    const { address, token, ca } = this.door;
    const text = body === undefined ? "" : JSON.stringify(body);
    const options: https.RequestOptions = {
      method, agent: false, timeout, rejectUnauthorized: true,
      headers: { ...headers, Authorization: `Bearer ${token}`, ...(text && { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) }) },
      ...(signal && { signal }), ...(ca !== null && { ca }),
    };
    return new Promise((resolve, reject) => {
      const request = (address.secure ? https : http).request(new URL(path, address.origin), options, (response) => {
        response.setEncoding("utf8");
        resolve(response);
      });
      request.on("timeout", () => request.destroy(new Error(`it has said nothing for ${Math.round(timeout / 1000)} s`)));
      request.on("error", (error) => reject(away(this.door, error)));
      request.end(text);
    });
  }
}

/** `/v1/stacks/shop/services/web`, each part made safe. */
export function pathOf(...all: readonly (string | number)[]): string {
  return ["/v1", ...all.map((part) => encodeURIComponent(String(part)))].join("/");
}

function failureOf(status: number, text: string): ApiFailure {
  const error = errorIn(text);
  const message = error?.message ?? (status >= 300 && status < 400 ? "the API's address answers with a redirect, which is not followed: set the address where it leads" : `the API answered ${status}`);
  const kind: FailureKind = status === 401 ? "refused" : status === 403 ? "denied" : "failed";
  return new ApiFailure(kind, message, error?.hint ?? "", error?.findings ?? [], status);
}

/** Whoever answers there may be somebody else. */
function valueOf({ address }: Door, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new ApiFailure("failed", `what answers at ${address.origin} is not the API of controller: no JSON`);
  }
}

function errorIn(text: string): { readonly message: string; readonly hint?: string; readonly findings?: readonly Finding[] } | null {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown; hint?: unknown; findings?: unknown } };
    if (typeof error?.message !== "string") return null;
    return { message: error.message, ...(typeof error.hint === "string" && { hint: error.hint }), ...(Array.isArray(error.findings) && { findings: error.findings as Finding[] }) };
  } catch {
    return null;
  }
}

const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "is `controller run` running?",
  SELF_SIGNED_CERT_IN_CHAIN: 'set "controller.api.caFile" to the certificate of who signed it',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'set "controller.api.caFile" to its certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'set "controller.api.caFile" to the certificate of who signed it',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'set "controller.api.caFile" to the certificate of who signed it',
};

function away({ address }: Door, error: unknown): ApiFailure {
  const { code, message } = error as NodeJS.ErrnoException;
  return new ApiFailure("away", `the API at ${address.origin} does not answer: ${message || code || "the connection broke"}`, HINTS[code ?? ""] ?? "");
}

/** The connection went, as it does when the controller is started anew. */
function isBroken(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === "ECONNRESET" || code === "EPIPE" || message === "aborted" || /^it has said nothing/.test(message ?? "");
}
