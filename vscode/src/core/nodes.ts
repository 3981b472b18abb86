// The tree of stacks, services and replicas, as values: the same nodes for the same state, with ids that stay.

import { isTrouble, meaningOf, rankOf, remarkOn, SICK, type Condition, type Replica, type Service, type Stack } from "../shared.ts";
import { figuresOf } from "./bar.ts";
import { lookOf, lookOfReplica, meant, replicaWords, type Look } from "./look.ts";
import { parts, plain } from "./markdown.ts";

export interface TreeNode {
  readonly id: string;
  /** What menus ask for. */
  readonly kind: "stack" | "trouble" | "service" | "replica";
  readonly label: string;
  readonly description: string;
  readonly look: Look;
  /** Markdown. */
  readonly tooltip: string;
  /** For a screen reader. */
  readonly spoken: string;
  /** Where it is known from: a source's key. */
  readonly source: string;
  readonly stack: string;
  readonly service?: string;
  readonly replica?: string;
  /** Shown with its children at first. */
  readonly open: boolean;
  readonly children: readonly TreeNode[];
}

export interface Sourced {
  readonly key: string;
  /** Said beside the stack where there are several sources; "" where not. */
  readonly label: string;
  /** `as it was at 12:00:00`, where nothing is known since then; "": it holds now. */
  readonly old: string;
  readonly stacks: readonly Stack[];
}

export function nodesOf(sources: readonly Sourced[]): readonly TreeNode[] {
  return sources.flatMap((source) => [...source.stacks].sort((a, b) => a.name.localeCompare(b.name)).map((stack) => stackNode(stack, source)).map((node) => (source.old ? faded(node, source.old) : node)));
}

/** What is old must not look alive: without its colour, and said to who hears it. */
function faded(node: TreeNode, old: string): TreeNode {
  const description = node.kind === "stack" ? `${node.description} · ${old}` : node.description;
  return { ...node, description, look: { ...node.look, colour: "disabledForeground" }, spoken: `${node.spoken}, ${old}`, children: node.children.map((child) => faded(child, old)) };
}

function stackNode(stack: Stack, source: Sourced): TreeNode {
  const id = `${source.key}/${stack.name}`;
  const figures = figuresOf(stack.services);
  const description = [stack.phase, figures, source.label].filter(Boolean).join(" · ");
  const services = [...stack.services].sort((a, b) => rankOf(a.phase) - rankOf(b.phase) || a.name.localeCompare(b.name));
  const troubles = stack.conditions.filter(isTrouble);
  return {
    id, kind: "stack", label: stack.name, description, look: lookOf(stack.phase), source: source.key, stack: stack.name,
    tooltip: parts(`**${plain(stack.name)}**`, plain(meant(stack.phase)), ...troubles.map((one) => `**${plain(one.type)}** ${plain(one.message)}`)),
    spoken: `Stack ${stack.name}, ${stack.phase}${figures && `, ${figures.replace("/", " of ")} services ready`}`,
    open: true,
    children: [...troubles.map((one) => troubleNode(one, stack, id, source)), ...services.map((service) => serviceNode(service, stack, id, source))],
  };
}

function troubleNode(condition: Condition, stack: Stack, parent: string, source: Sourced): TreeNode {
  return {
    id: `${parent}#${condition.type}`, kind: "trouble", label: condition.type, description: condition.message || condition.reason, source: source.key, stack: stack.name,
    look: { icon: "info", colour: "list.warningForeground" }, tooltip: parts(`**${plain(condition.type)}** ${plain(condition.reason)}`, plain(condition.message)),
    spoken: `${condition.type}: ${condition.message || condition.reason}`, open: false, children: [],
  };
}

function serviceNode(service: Service, stack: Stack, parent: string, source: Sourced): TreeNode {
  const id = `${parent}/${service.name}`;
  const remark = remarkOn(service);
  const ready = `${service.ready}/${service.desired}`;
  return {
    id, kind: "service", label: service.name, description: [service.phase, ready, remark].filter(Boolean).join(" · "),
    look: lookOf(service.phase), source: source.key, stack: stack.name, service: service.name,
    tooltip: parts(`**${plain(service.name)}** ${plain(service.phase)}`, plain(meaningOf(service.phase)), plain(remark), `${ready} ready, ${service.updated ?? 0} up to date, ${service.restarts ?? 0} restarts`),
    spoken: `Service ${service.name}, ${service.phase}, ${service.ready} of ${service.desired} ready${remark && `, ${remark}`}`,
    open: SICK.has(service.phase),
    children: service.replicas.map((replica) => replicaNode(replica, service, stack, id, source)),
  };
}

function replicaNode(replica: Replica, service: Service, stack: Stack, parent: string, source: Sourced): TreeNode {
  const words = replicaWords(replica);
  return {
    id: `${parent}/${replica.name}`, kind: "replica", label: replica.name, description: words, look: lookOfReplica(replica, service.desired > 0),
    source: source.key, stack: stack.name, service: service.name, replica: replica.name,
    tooltip: parts(`**${plain(replica.name)}** ${plain(words)}`, plain(replica.image ?? "")), spoken: `Replica ${replica.name}, ${words}`, open: false, children: [],
  };
}
