// The stacks as they are known, brought up to date by the stream's messages. Pure: the same list comes back where a
// message changes nothing of it.

import type { Frame, Service, Stack, StackHead } from "../shared.ts";
import { readService, readStatus } from "./answers.ts";

/** An unreadable message throws: the stream is to begin anew, with a snapshot. */
export function fold(stacks: readonly Stack[], { kind, data }: Pick<Frame, "kind" | "data">): readonly Stack[] {
  switch (kind) {
    case "snapshot": return readStatus(JSON.parse(data));
    case "stack": return withHead(stacks, JSON.parse(data) as StackHead);
    case "service": {
      const { stack, service } = JSON.parse(data) as { stack: string; service: unknown };
      return withService(stacks, stack, readService(service));
    }
    case "removed": {
      const { stack, service } = JSON.parse(data) as { stack: string; service: string | null };
      return without(stacks, stack, service);
    }
    default: return stacks;
  }
}

function withHead(stacks: readonly Stack[], head: StackHead): readonly Stack[] {
  const before = stacks.find((stack) => stack.name === head.name);
  if (!before) return [...stacks, { ...head, services: [] }];
  return stacks.map((stack) => (stack === before ? { ...head, services: before.services } : stack));
}

function withService(stacks: readonly Stack[], name: string, service: Service): readonly Stack[] {
  return stacks.map((stack) => {
    if (stack.name !== name) return stack;
    const known = stack.services.some((one) => one.name === service.name);
    const services = known ? stack.services.map((one) => (one.name === service.name ? service : one)) : [...stack.services, service];
    return { ...stack, services };
  });
}

function without(stacks: readonly Stack[], name: string, service: string | null): readonly Stack[] {
  if (service === null) return stacks.filter((stack) => stack.name !== name);
  return stacks.map((stack) => (stack.name === name ? { ...stack, services: stack.services.filter((one) => one.name !== service) } : stack));
}
