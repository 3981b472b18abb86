// What the whole page shares: the store, the session, the stream that feeds it.

import { signal } from "@preact/signals";

import { ApiError, get, path, request, whenUnauthorized } from "./api/client.ts";
import { dropSession, keepSession, sessionKey, takeNewer, whenElsewhere } from "./api/session.ts";
import { Stream } from "./api/stream.ts";
import type { Verb } from "./lib/actions.ts";
import { allows, rightFor, type Me } from "./lib/rights.ts";
import type { Info, Intent, Message } from "./api/types.ts";
import { MessageQueue } from "./store/queue.ts";
import { Store, intentKey } from "./store/store.ts";

export const store = new Store();
export const session = signal<"unknown" | "in" | "out">("unknown");
/** Since when the stream is away; null: it is there. */
export const lostSince = signal<number | null>(null);
export const info = signal<Info | null>(null);
/** Who has signed in; null: not known yet. */
export const me = signal<Me | null>(null);
/** Why the link that was opened did not let anybody in. */
export const refusal = signal("");

const queue = new MessageQueue(
  (messages) => store.apply(messages),
  (id) => (document.documentElement.dataset["seq"] = id),
);

const stream = new Stream(() => "/v1/stream", {
  frame: ({ kind, data, id }) => queue.push({ id, message: { kind, data: JSON.parse(data) } as Message }),
  open: () => {
    void refreshIntents();
    void get<Me>("/v1/session").then((told) => (me.value = told)).catch(() => undefined); // roles may have changed
    lostSince.value = null;
  },
  lost: (refused) => {
    lostSince.value ??= Date.now();
    if (refused) void checkSession();
  },
});

whenUnauthorized((shown) => {
  if (shown !== sessionKey()) return;
  if (takeNewer()) void checkSession();
  else leave();
});
whenElsewhere(() => void checkSession());

function leave(): void {
  stream.stop();
  dropSession();
  me.value = null;
  session.value = "out";
}

/** The code of the link that was opened, if there is one, for a session. It leaves the address at once. */
export async function enter(): Promise<void> {
  const code = new URLSearchParams(window.location.hash.slice(1)).get("code");
  if (code !== null) {
    window.history.replaceState(null, "", window.location.pathname + window.location.search);
    refusal.value = "";
    await logIn({ code }).catch((failure: unknown) => (refusal.value = failure instanceof ApiError ? failure.message : ""));
  }
  await checkSession();
}

export async function logIn(proof: { readonly code: string } | { readonly token: string }): Promise<void> {
  const made = await request<{ readonly session: string }>("POST", "/v1/session", proof);
  keepSession(made.session);
}

export async function logOut(): Promise<void> {
  await request("DELETE", "/v1/session").catch(() => undefined);
  leave();
}

export async function checkSession(): Promise<void> {
  try {
    [info.value, me.value] = await Promise.all([get<Info>("/v1/info"), get<Me>("/v1/session")]);
    if (session.peek() === "in") return;
    session.value = "in";
    stream.start();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return;
    if (session.peek() !== "unknown") return; // whether the stream lives is told by itself
    lostSince.value ??= Date.now();
    session.value = "in"; // who is not refused is let in: the stream goes on trying
    stream.start();
  }
}

/** Whether to offer it; where it is not known who asks, the API says so. */
export function may(verb: string, resource: string, stack: string): boolean {
  return me.value === null || allows(me.value.may, verb, resource, stack);
}

export function mayAsk(verb: Verb, stack: string): boolean {
  return may(...rightFor(verb), stack);
}

/** What ended while the stream was away. */
async function refreshIntents(): Promise<void> {
  for (const { stack, intent } of store.intents.peek().values()) {
    if (isDone(stack, intent)) continue;
    const now = await get<Intent>(path("stacks", stack, "intents", intent.id)).catch(() => null);
    if (now && !isDone(stack, intent)) store.putIntent(stack, now);
  }
}

/** What is asked for may be answered late: the stream has said so already. */
function isDone(stack: string, intent: Intent): boolean {
  return store.intents.peek().get(intentKey(stack, intent))?.intent.state === "done";
}
