// All that is known of the stacks, each service a signal of its own: a message wakes only what shows that service.

import { batch, signal, type Signal } from "@preact/signals";

import type {
  Alert, EngineView, Event, HostUsage, Intent, Message, Phase, Service, ServiceUsage, Silence, Snapshot, Stack, StackHead, Usage,
} from "../api/types.ts";
import { EventLog } from "./events.ts";
import { Ring } from "./ring.ts";

export const SAMPLES = 60;
/** Milliseconds, after which two samples do not follow each other. */
const GAP = 60_000;

export interface ServiceEntry {
  readonly stack: string;
  readonly name: string;
  readonly status: Signal<Service>;
  readonly usage: Signal<ServiceUsage | null>;
  readonly cpu: Ring;
  readonly memory: Ring;
  /** Raised with each sample, for who draws the rings. */
  readonly samples: Signal<number>;
}

export interface StackEntry {
  readonly name: string;
  readonly head: Signal<StackHead>;
  readonly services: Signal<readonly ServiceEntry[]>;
  readonly byName: Map<string, ServiceEntry>;
  readonly alerts: Signal<readonly Alert[]>;
  readonly silences: Signal<readonly Silence[]>;
}

export interface PhaseChange {
  readonly stack: string;
  readonly service: string;
  readonly before: Phase;
  readonly after: Phase;
}

const STATES: ReadonlySet<string> = new Set(["snapshot", "stack", "service", "removed", "alerts"]);

export class Store {
  readonly stacks = signal<readonly StackEntry[]>([]);
  readonly events = new EventLog();
  readonly host = signal<HostUsage | null>(null);
  readonly engine = signal<EngineView | null>(null);
  readonly hostCpu = new Ring(SAMPLES);
  readonly intents = signal<ReadonlyMap<string, { stack: string; intent: Intent }>>(new Map());
  /** False before the first snapshot. */
  readonly known = signal(false);
  /** Raised with each batch that says something of a stack, a service or an alert. */
  readonly changes = signal(0);
  private sampledAt = 0;
  private step = 0;
  onPhaseChange: (change: PhaseChange) => void = () => undefined;

  stack(name: string): StackEntry | undefined {
    return this.stacks.value.find((entry) => entry.name === name);
  }

  service(stack: string, name: string): ServiceEntry | undefined {
    const entry = this.stack(stack);
    return entry?.services.value.find((item) => item.name === name);
  }

  /** All messages of one animation frame at once: whoever watches is told once. */
  apply(messages: readonly Message[]): void {
    batch(() => {
      for (const message of messages) this.applyOne(message);
      this.events.publish();
      if (messages.some((message) => STATES.has(message.kind))) this.changes.value += 1;
    });
  }

  private applyOne(message: Message): void {
    switch (message.kind) {
      case "snapshot": return this.reset(message.data);
      case "stack": return this.putHead(message.data);
      case "service": return this.putService(message.data.stack, message.data.service);
      case "removed": return this.remove(message.data.stack, message.data.service);
      case "event": return this.events.add(message.data);
      case "alerts": return this.putAlerts(message.data.stack, message.data.alerts, message.data.silences);
      case "intent": return this.putIntent(message.data.stack, message.data.intent);
      case "usage": return this.putUsage(message.data);
    }
  }

  private reset(data: Snapshot): void {
    const names = new Set(data.stacks.map((stack) => stack.name));
    this.stacks.value = this.stacks.peek().filter((entry) => names.has(entry.name));
    for (const stack of data.stacks) this.putStack(stack, data);
    this.addEvents(data.events);
    if (data.usage) this.putUsage(data.usage);
    this.known.value = true;
  }

  private putStack(stack: Stack, data: Snapshot): void {
    const { services, ...head } = stack;
    this.putHead(head);
    const entry = this.peekStack(stack.name);
    if (!entry) return;
    const names = new Set(services.map((service) => service.name));
    for (const name of [...entry.byName.keys()]) if (!names.has(name)) entry.byName.delete(name);
    for (const service of services) this.putService(stack.name, service);
    entry.services.value = services.flatMap((service) => entry.byName.get(service.name) ?? []);
    entry.alerts.value = data.alerts.filter((alert) => alert.stack === stack.name);
    entry.silences.value = data.silences.filter((silence) => silence.stack === stack.name);
  }

  private peekStack(name: string): StackEntry | undefined {
    return this.stacks.peek().find((entry) => entry.name === name);
  }

  private putHead(head: StackHead): void {
    const entry = this.peekStack(head.name);
    if (entry) {
      entry.head.value = head;
      return;
    }
    const added: StackEntry = {
      name: head.name, head: signal(head), services: signal([]), byName: new Map(), alerts: signal([]), silences: signal([]),
    };
    this.stacks.value = [...this.stacks.peek(), added].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  private putService(stack: string, service: Service): void {
    const entry = this.peekStack(stack);
    if (!entry) return; // its `stack` message has not come: the next one brings all
    const known = entry.byName.get(service.name);
    if (!known) {
      const added = newService(stack, service);
      entry.byName.set(service.name, added);
      entry.services.value = [...entry.services.peek(), added];
      return;
    }
    const before = known.status.peek();
    known.status.value = service;
    if (before.phase !== service.phase) {
      this.onPhaseChange({ stack, service: service.name, before: before.phase, after: service.phase });
    }
  }

  private remove(stack: string, service: string | null): void {
    if (service === null) {
      this.stacks.value = this.stacks.peek().filter((entry) => entry.name !== stack);
      return;
    }
    const entry = this.peekStack(stack);
    if (!entry?.byName.delete(service)) return;
    entry.services.value = entry.services.peek().filter((item) => item.name !== service);
  }

  private putAlerts(stack: string, alerts: readonly Alert[], silences: readonly Silence[]): void {
    const entry = this.peekStack(stack);
    if (!entry) return;
    entry.alerts.value = alerts;
    entry.silences.value = silences;
  }

  putIntent(stack: string, intent: Intent): void {
    const next = new Map(this.intents.peek());
    next.set(intentKey(stack, intent), { stack, intent });
    for (const key of [...next.keys()].slice(0, Math.max(0, next.size - 50))) next.delete(key);
    this.intents.value = next;
  }

  addEvents(events: readonly Event[]): void {
    for (const event of events) this.events.add(event);
  }

  private putUsage(usage: Usage): void {
    const at = Date.parse(usage.at);
    const step = this.sampledAt ? at - this.sampledAt : 0;
    if (step > Math.max(GAP, 3 * this.step)) this.takeSamples(null, {}); // nobody looked for a while: no line leads over it
    if (step > 0) this.step = step;
    this.sampledAt = at;
    this.host.value = usage.host;
    this.engine.value = usage.engine;
    this.takeSamples(usage.host.cpu, usage.stacks);
  }

  private takeSamples(cpu: number | null, stacks: Usage["stacks"]): void {
    this.hostCpu.push(cpu);
    for (const entry of this.stacks.peek()) {
      const services = stacks[entry.name] ?? {};
      for (const service of entry.byName.values()) takeSample(service, services[service.name] ?? null);
    }
  }
}

export function intentKey(stack: string, intent: Pick<Intent, "id">): string {
  return `${stack}/${intent.id}`;
}

function newService(stack: string, service: Service): ServiceEntry {
  return {
    stack, name: service.name, status: signal(service), usage: signal(null),
    cpu: new Ring(SAMPLES), memory: new Ring(SAMPLES), samples: signal(0),
  };
}

function takeSample(service: ServiceEntry, usage: ServiceUsage | null): void {
  service.usage.value = usage;
  service.cpu.push(usage?.total.cpu ?? null);
  service.memory.push(usage?.total.memory ?? null);
  service.samples.value += 1;
}
