// The API as a backend. What is asked is an intent, which the controller carries out also when nobody follows it.

import { readDescribed, readPlan, readStack, readWhy, type Described, type Why } from "../core/answers.ts";
import type { Target } from "../core/argv.ts";
import { endingOfIntent, type Ending } from "../core/outcome.ts";
import { ApiFailure, pathOf, type Api } from "../edge/api.ts";
import { Frames, isTrouble, roleOf, type Cause, type Intent, type LogLine, type Plan, type Service, type Stack, type Verb } from "../shared.ts";
import { TAIL, type Acting, type Backend, type Replica } from "./backend.ts";

/** Milliseconds. */
const LOOK = 500;
const PATIENCE = 30_000;
/** Services whose causes are asked for, of a whole stack. */
const MOST_CAUSES = 20;

export class RemoteBackend implements Backend {
  readonly from: string;

  constructor(private readonly api: Api, private readonly patience = PATIENCE) {
    this.from = api.door.address.origin;
  }

  async plan(target: Target | null, signal: AbortSignal): Promise<Plan> {
    if (target === null) throw new Error("the API plans one stack at a time: choose one in the tree");
    const services = target.service === undefined ? "" : `?services=${encodeURIComponent(target.service)}`;
    return readPlan(await this.api.get(`${pathOf("stacks", target.stack, "plan")}${services}`, signal, 120_000));
  }

  async why(target: Target, signal: AbortSignal): Promise<Why> {
    // The API answers one cause, which is one of those that the command lists.
    if (target.service !== undefined) return readWhy({ causes: [await this.api.get(pathOf("stacks", target.stack, "services", target.service, "why"), signal)], stacks: [] });
    const stack = readStack(await this.api.get(pathOf("stacks", target.stack), signal));
    const troubled = stack.services.filter((service) => !["good", "dim"].includes(roleOf(service.phase))).slice(0, MOST_CAUSES);
    const causes: Cause[] = [];
    for (const { name } of troubled) causes.push(...(await this.why({ stack: target.stack, service: name }, signal)).causes);
    const troubles = stack.conditions.filter(isTrouble);
    return { causes, stacks: troubles.map(({ type, reason, message }) => ({ stack: stack.name, reason: reason || type, message: message || type })) };
  }

  async describe({ stack, service }: Target, signal: AbortSignal): Promise<Described> {
    const own = service === undefined ? pathOf("stacks", stack) : pathOf("stacks", stack, "services", service);
    const one = (await this.api.get(own, signal)) as Stack | Service;
    const asked = service === undefined ? "?limit=50" : `?limit=50&service=${encodeURIComponent(service)}`;
    const { events } = (await this.api.get(`${pathOf("stacks", stack, "events")}${asked}`, signal)) as { events: unknown };
    return readDescribed({ ...one, events });
  }

  async logs({ stack, service }: Target, replica: Replica, onText: (text: string) => void, signal: AbortSignal): Promise<void> {
    if (service === undefined) throw new Error("the API has the output of one service at a time");
    const one = replica === null ? "" : `&replica=${encodeURIComponent(replica.name)}`;
    const path = `${pathOf("stacks", stack, "services", service, "logs")}?follow=true&tail=${TAIL}${one}`;
    const ended = await this.api.stream(path, new Frames(), () => undefined, ({ kind, data }) => {
      if (kind === "line") onText(lineOf(JSON.parse(data) as LogLine));
      if (kind === "dropped") onText(`(${(JSON.parse(data) as { lines: number }).lines} lines came too fast)\n`);
    }, signal);
    if (ended === "broken" && !signal.aborted) throw new Error("the connection to the API broke: ask again for what comes");
  }

  /** Whoever stops following it does not stop it. What is asked for stands in the controller's own store. */
  async act(verb: Verb, target: Target | null, what: string, { signal, onProgress, flags }: Acting): Promise<Ending> {
    if (target === null) throw new Error("the API acts on one stack at a time: choose one in the tree");
    const body = { verb, services: target.service === undefined ? [] : [target.service], ...Object.fromEntries(flags.map((flag) => [flag, true])) };
    let asked = false;
    try {
      let intent = (await this.api.post(pathOf("stacks", target.stack, "intents"), body, signal)) as Intent;
      asked = true;
      while (intent.state !== "done") {
        onProgress(intent.state === "waiting" ? "waits for the controller" : await this.patiently(() => this.progress(target, signal), onProgress, signal));
        await pause(LOOK, signal);
        signal.throwIfAborted();
        const { id } = intent;
        intent = (await this.patiently(() => this.api.get(pathOf("stacks", target.stack, "intents", id), signal), onProgress, signal)) as Intent;
      }
      return endingOfIntent(intent, what);
    } catch (error) {
      if (signal.aborted) return { ok: true, text: `${what}: no longer followed; the controller ${asked ? "carries it on" : "carries it out if it was asked in time"}.` };
      if (asked && isAway(error)) throw new Error(`${(error as Error).message}: no longer followed; the controller carries it on`);
      throw error;
    }
  }

  /** Tries again for a while where nobody answers: the controller may be starting anew. */
  private async patiently<T>(question: () => Promise<T>, onProgress: (line: string) => void, signal: AbortSignal): Promise<T> {
    const end = Date.now() + this.patience;
    for (;;) {
      try {
        return await question();
      } catch (error) {
        if (signal.aborted || !isAway(error) || Date.now() > end) throw error;
        onProgress("the API does not answer; trying again");
        await pause(2 * LOOK, signal);
      }
    }
  }

  private async progress(target: Target, signal: AbortSignal): Promise<string> {
    const stack = readStack(await this.api.get(pathOf("stacks", target.stack), signal));
    const moving = stack.services.filter((service) => roleOf(service.phase) !== "good" && service.phase !== "Stopped");
    return moving.length ? moving.slice(0, 3).map((service) => `${service.name} ${service.phase}`).join(", ") : stack.phase;
  }
}

function isAway(error: unknown): boolean {
  return error instanceof ApiFailure && (error.kind === "away" || error.status === 503 || error.status === 429);
}

/** As the command prints it. */
function lineOf({ replica, line }: LogLine): string {
  return `${replica} | ${line}\n`;
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
