import { useComputed } from "@preact/signals";
import { useMemo } from "preact/hooks";

import { path } from "../api/client.ts";
import type { Edge, Graph } from "../api/types.ts";
import { store } from "../app.ts";
import { span } from "../lib/format.ts";
import { edgeKey, layOut, NODE, type Layout } from "../lib/layout.ts";
import { roleOf } from "../lib/phases.ts";
import { hrefOf } from "../lib/router.ts";
import { useFetch } from "../lib/use.ts";
import type { StackEntry } from "../store/store.ts";
import { Empty, ErrorNote, GLYPHS, Loading } from "./basics.tsx";
import { PATHS } from "./icons.tsx";

const FEW = 40;
const WORDS: Readonly<Record<string, string>> = { service_started: "started", service_healthy: "healthy", service_completed_successfully: "completed" };

export function conditionWord(condition: string): string {
  return WORDS[condition] ?? condition;
}

export function DependencyGraph({ entry }: { readonly entry: StackEntry }) {
  const { data, error, again } = useFetch<Graph>(path("stacks", entry.name, "graph"), `${entry.head.value.generation} ${entry.services.value.length}`);
  if (error && !data) return <ErrorNote error={error} again={again} />;
  if (!data) return <Loading />;
  if (!data.services.length) return <Empty title="No service is in this stack." />;
  return <Drawn entry={entry} graph={data} />;
}

function Drawn({ entry, graph }: { readonly entry: StackEntry; readonly graph: Graph }) {
  const layout = useMemo(() => layOut(graph), [graph]);
  const critical = useMemo(() => new Set(graph.criticalPath.slice(1).map((name, index) => `${graph.criticalPath[index]}>${name}`)), [graph]);
  const usually = useMemo(() => new Map(graph.services.map((one) => [one.name, one.usuallySeconds])), [graph]);
  const labels = graph.edges.length <= FEW;
  return (
    <>
      <div class="graph" role="region" aria-label={`Dependencies of ${entry.name}, what is needed on the left`} tabIndex={0}>
        <svg width={layout.width} height={layout.height + 24} viewBox={`0 -24 ${layout.width} ${layout.height + 24}`} role="group" aria-label="Services and what they wait for">
          <Marks />
          {graph.batches.map((_, index) => <text key={index} class="batch" x={NODE.margin + index * (NODE.width + NODE.gapX)} y={-9}>{index === 0 ? "starts first" : `batch ${index + 1}`}</text>)}
          {graph.edges.map((edge) => <EdgeLine key={edgeKey(edge)} edge={edge} stack={entry.name} layout={layout} critical={critical.has(edgeKey(edge))} label={labels} />)}
          {graph.services.map((one) => <Node key={one.name} name={one.name} entry={entry} layout={layout} critical={graph.criticalPath.includes(one.name)} usually={usually.get(one.name) ?? null} />)}
        </svg>
      </div>
      <Told entry={entry} graph={graph} />
    </>
  );
}

function Marks() {
  return (
    <defs>
      {["edge", "wait", "critical"].map((kind) => (
        <marker key={kind} id={`arrow-${kind}`} viewBox="0 0 8 8" refX="5" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class={`arrow ${kind}`} d="M0 0.8 7 4 0 7.2z" /></marker>
      ))}
    </defs>
  );
}

function EdgeLine({ edge, stack, layout, critical, label }: { readonly edge: Edge; readonly stack: string; readonly layout: Layout; readonly critical: boolean; readonly label: boolean }) {
  const waits = useComputed(() => store.service(stack, edge.to)?.status.value.waitsFor === edge.from);
  const route = layout.routes.get(edgeKey(edge));
  if (!route) return null;
  const kind = waits.value ? "wait" : critical ? "critical" : "edge";
  const words = `${edge.to} needs ${edge.from} ${conditionWord(edge.condition)}${edge.required ? "" : ", if it is there"}`;
  return (
    <g class={`link ${kind}${edge.required ? "" : " optional"}`}>
      <path d={route.path} marker-end={`url(#arrow-${kind})`}><title>{words}</title></path>
      {(label || waits.value) && <text x={route.end.x - 9} y={route.end.y + 3.5} text-anchor="end">{conditionWord(edge.condition)}{waits.value ? "?" : ""}</text>}
    </g>
  );
}

function Node({ name, entry, layout, critical, usually }: { readonly name: string; readonly entry: StackEntry; readonly layout: Layout; readonly critical: boolean; readonly usually: number | null }) {
  const service = entry.services.value.find((one) => one.name === name);
  const place = layout.places.get(name);
  if (!place) return null;
  const status = service?.status.value;
  const role = status ? roleOf(status.phase) : "dim";
  const said = status ? `${status.phase}, ${status.ready}/${status.desired}` : "not there";
  return (
    <a href={hrefOf.service(entry.name, name)}>
      <g class={`node ${role}${critical ? " critical" : ""}`} transform={`translate(${place.x} ${place.y})`}>
        <title>{`${name}${usually === null ? "" : `, usually ready after ${span(usually)}`}${critical ? ", on the critical path" : ""}`}</title>
        <rect class="box" width={NODE.width} height={NODE.height} rx="8" />
        <rect class="edge-mark" width="3.5" height={NODE.height - 14} y="7" x="-1" rx="1.5" />
        {status && <path class="sign" transform="translate(12 14)" d={PATHS[GLYPHS[status.phase]]} />}
        <text class="name" x="36" y="19">{shortened(name)}</text>
        <text class="said" x="36" y="34">{said}</text>
      </g>
    </a>
  );
}

const FITS = 19;

function shortened(name: string): string {
  return name.length > FITS ? `${name.slice(0, FITS - 1)}…` : name;
}

/** The same in words: who waits now, and the way that takes longest. */
function Told({ entry, graph }: { readonly entry: StackEntry; readonly graph: Graph }) {
  const waiting = useComputed(() => waitsIn(entry));
  const time = graph.criticalSeconds === null ? "time unknown until measured" : `usually ${span(graph.criticalSeconds)}`;
  return (
    <div class="graph-words">
      {graph.criticalPath.length > 1 && <p><span class="key critical" aria-hidden="true" /> Critical path: {graph.criticalPath.join(" → ")} ({time})</p>}
      {waiting.value && <p><span class="key wait" aria-hidden="true" /> {waiting.value}</p>}
      <details>
        <summary>As a list</summary>
        <ul>{graph.services.map(({ name }) => <li key={name}><strong>{name}</strong> {needsOf(graph, name)}</li>)}</ul>
      </details>
    </div>
  );
}

/** Who waits for whom now, the first few. */
function waitsIn(entry: StackEntry): string {
  const all = entry.services.value.map((one) => one.status.value).filter((one) => one.waitsFor);
  const told = all.slice(0, 6).map((one) => `${one.name} waits for ${one.waitsFor}`).join("; ");
  return told + (all.length > 6 ? ` and ${all.length - 6} more` : "");
}

function needsOf(graph: Graph, name: string): string {
  const needs = graph.edges.filter((edge) => edge.to === name).map((edge) => `${edge.from} (${conditionWord(edge.condition)}${edge.required ? "" : ", optional"})`);
  return needs.length ? `needs ${needs.join(", ")}` : "needs nothing";
}
