// The API as a backend. What is asked is an intent, which the controller carries out also when nobody follows it.

import { readDescribed, readPlan, readWhy, type Described, type Why } from "../core/answers.ts";
import type { Target } from "../core/argv.ts";
import { endingOfIntent, type Ending } from "../core/outcome.ts";
import { pathOf, type Api } from "../edge/api.ts";
import { Frames, roleOf, type Intent, type LogLine, type Plan, type Service, type Stack, type Verb } from "../shared.ts";
import { TAIL, type Acting, type Backend } from "./backend.ts";

const LOOK = 500;
/** Services whose causes are asked for, of a whole stack. */
const MOST_CAUSES = 20;

export class RemoteBackend implements Backend {
  readonly from: string;

  constructor(private readonly api: Api) {
    this.from = api.door.address.origin;
  }

  async plan(target: Target | null, signal: AbortSignal): Promise<Plan> {
    if (target === null) throw new Error("the API plans one stack at a time: choose one in the tree");
    const services = target.service === undefined ? "" : `?services=${encodeURIComponent(target.service)}`;
    return readPlan(await this.api.get(`${pathOf("stacks", target.stack, "plan")}${services}`, signal, 120_000));
  }

  async why(target: Target, signal: AbortSignal): Promise<Why> {
    if (target.service !== undefined) return readWhy(await this.api.get(pathOf("stacks", target.stack, "services", target.service, "why"), signal));
    const stack = (await this.api.get(pathOf("stacks", target.stack), signal)) as Stack;
    const troubled = stack.services.filter((service) => !["good", "dim"].includes(roleOf(service.phase))).slice(0, MOST_CAUSES);
    const all: Why[] = [];
    for (const { name } of troubled) all.push(await this.why({ stack: target.stack, service: name }, signal));
    const roots = new Map(all.flatMap((one) => one.causes).map((cause) => [cause.service, cause]));
    const stacks = new Map(all.flatMap((one) => one.stacks).map((one) => [one.reason, one]));
    return { causes: [...roots.values()], stacks: [...stacks.values()] };
  }

  async describe({ stack, service }: Target, signal: AbortSignal): Promise<Described> {
    const own = service === undefined ? pathOf("stacks", stack) : pathOf("stacks", stack, "services", service);
    const one = (await this.api.get(own, signal)) as Stack | Service;
    const asked = service === undefined ? "?limit=50" : `?limit=50&service=${encodeURIComponent(service)}`;
    const { events } = (await this.api.get(`${pathOf("stacks", stack, "events")}${asked}`, signal)) as { events: unknown };
    return readDescribed({ ...one, events });
  }

  async logs({ stack, service }: Target, replica: string | null, onText: (text: string) => void, signal: AbortSignal): Promise<void> {
    if (service === undefined) throw new Error("the API has the output of one service at a time");
    const one = replica === null ? "" : `&replica=${encodeURIComponent(replica)}`;
    const path = `${pathOf("stacks", stack, "services", service, "logs")}?follow=true&tail=${TAIL}${one}`;
    await this.api.stream(path, new Frames(), () => undefined, ({ kind, data }) => {
      if (kind === "line") onText(lineOf(JSON.parse(data) as LogLine));
      if (kind === "dropped") onText(`(${(JSON.parse(data) as { lines: number }).lines} lines came too fast)\n`);
    }, signal);
  }

  async act(verb: Verb, target: Target | null, what: string, { signal, onProgress, flags }: Acting): Promise<Ending> {
    if (target === null) throw new Error("the API acts on one stack at a time: choose one in the tree");
    const body = { verb, services: target.service === undefined ? [] : [target.service], ...Object.fromEntries(flags.map((flag) => [flag, true])) };
    let intent = (await this.api.post(pathOf("stacks", target.stack, "intents"), body, signal)) as Intent;
    while (intent.state !== "done") {
      onProgress(intent.state === "waiting" ? "waits for the controller" : await this.progress(target, signal));
      await pause(LOOK, signal);
      if (signal.aborted) return { ok: true, text: `${what}: no longer followed; the controller carries it on.` };
      intent = (await this.api.get(pathOf("stacks", target.stack, "intents", intent.id), signal)) as Intent;
    }
    return endingOfIntent(intent, what);
  }

  private async progress(target: Target, signal: AbortSignal): Promise<string> {
    const stack = (await this.api.get(pathOf("stacks", target.stack), signal)) as Stack;
    const moving = stack.services.filter((service) => roleOf(service.phase) !== "good" && service.phase !== "Stopped");
    return moving.length ? moving.slice(0, 3).map((service) => `${service.name} ${service.phase}`).join(", ") : stack.phase;
  }
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
