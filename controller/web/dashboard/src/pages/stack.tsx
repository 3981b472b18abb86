import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import { get, path } from "../api/client.ts";
import type { UsageSeries } from "../api/types.ts";
import { store } from "../app.ts";
import { isRollingOut, troubles } from "../lib/derived.ts";
import { rankOf, remarkOn } from "../lib/phases.ts";
import { hrefOf } from "../lib/router.ts";
import { useTitle } from "../lib/use.ts";
import type { ServiceEntry, StackEntry } from "../store/store.ts";
import { Age, Empty, PhaseTag, Prose, Section } from "../ui/basics.tsx";
import { Conditions } from "../ui/conditions.tsx";
import { EventList } from "../ui/eventlist.tsx";
import { DependencyGraph } from "../ui/graph.tsx";
import { RolloutLine } from "../ui/rollout.tsx";
import { CpuSpark, MemorySpark } from "../ui/spark.tsx";
import { StackHeader } from "../ui/stackheader.tsx";
import { Troubles } from "../ui/troublecard.tsx";

const MANY = 60;

export function StackPage({ entry }: { readonly entry: StackEntry }) {
  useTitle(entry.name);
  usePrefill(entry);
  return (
    <div class={entry.services.value.length > MANY ? "page many" : "page"}>
      <StackHeader entry={entry} tab="" />
      <OwnTroubles entry={entry} />
      <Rollouts entry={entry} />
      <Section title="Dependencies" id="graph" flush><DependencyGraph entry={entry} /></Section>
      <Services entry={entry} />
      <div class="columns">
        <RecentEvents stack={entry.name} />
        <StackConditions entry={entry} />
      </div>
    </div>
  );
}

function OwnTroubles({ entry }: { readonly entry: StackEntry }) {
  const own = troubles.value.filter((one) => one.stack === entry.name || one.key === "engine");
  return own.length > 0 ? <Troubles troubles={own} several={false} open={1} /> : null;
}

/** The lines of usage begin with what is remembered. */
function usePrefill(entry: StackEntry): void {
  useEffect(() => {
    void get<{ series: readonly UsageSeries[] }>(`${path("stacks", entry.name, "usage")}?since=600`).then(({ series }) => {
      for (const one of series) prefill(entry.byName.get(one.service ?? ""), one);
    }).catch(() => undefined);
  }, [entry]);
}

function prefill(service: ServiceEntry | undefined, series: UsageSeries): void {
  if (!service || service.cpu.size > 5) return;
  service.cpu.prefill(series.points.map((point) => point.cpu));
  service.memory.prefill(series.points.map((point) => point.memory));
  service.samples.value += 1;
}

function Rollouts({ entry }: { readonly entry: StackEntry }) {
  // Names, not objects: only who joins or leaves draws the list anew.
  const names = useComputed(() => entry.services.value.filter(({ status }) => isRollingOut(status.value.phase, status.value.reason)).map((one) => one.name).join("\n"));
  if (!names.value) return null;
  const rolling = names.value.split("\n").flatMap((name) => entry.byName.get(name) ?? []);
  return (
    <Section title="Rollouts" id="rollouts" flush>
      <ul class="rollouts">{rolling.map((one) => <RolloutLine key={one.name} entry={one} />)}</ul>
    </Section>
  );
}

type Order = "trouble" | "name";

function Services({ entry }: { readonly entry: StackEntry }) {
  const order = useSignal<Order>("name");
  const text = useSignal("");
  const shown = useComputed(() => {
    const wanted = text.value.toLowerCase();
    const found = entry.services.value.filter((one) => !wanted || one.name.toLowerCase().includes(wanted) || one.status.value.phase.toLowerCase().includes(wanted));
    return sorted(found, order.value);
  });
  return (
    <Section title="Services" id="services" flush aside={
      <div class="tools">
        <label class="tool"><span class="visually-hidden">Filter services by name or phase</span><input type="search" data-search placeholder="Filter  /" value={text.value} onInput={(event) => (text.value = event.currentTarget.value)} /></label>
        <label class="tool"><span>Order</span>
          <select value={order.value} onChange={(event) => (order.value = event.currentTarget.value as Order)}>
            <option value="name">by name</option><option value="trouble">worst first</option>
          </select>
        </label>
      </div>
    }>
      <ServiceTable entry={entry} services={shown.value} />
    </Section>
  );
}

function sorted(services: readonly ServiceEntry[], order: Order): readonly ServiceEntry[] {
  const byName = (a: ServiceEntry, b: ServiceEntry) => (a.name < b.name ? -1 : 1);
  if (order === "name") return [...services].sort(byName);
  return [...services].sort((a, b) => rankOf(a.status.value.phase) - rankOf(b.status.value.phase) || byName(a, b));
}

function ServiceTable({ entry, services }: { readonly entry: StackEntry; readonly services: readonly ServiceEntry[] }) {
  if (!services.length) return <Empty title={entry.services.value.length ? "No service matches." : "This stack has no service."} />;
  return (
    <table class={`table services${services.length > 2 * CHUNK ? " long" : ""}`} role="table">
      <caption class="visually-hidden">Services of {entry.name}</caption>
      <thead role="rowgroup">
        <tr role="row">{COLUMNS.map(([name, side]) => <th key={name} scope="col" role="columnheader" class={side}>{name}</th>)}</tr>
      </thead>
      {chunked(services).map((some, index) => <tbody key={index} role="rowgroup">{some.map((one) => <ServiceRow key={one.name} entry={one} />)}</tbody>)}
    </table>
  );
}

const COLUMNS = [["Service", ""], ["Phase", ""], ["Ready", "right"], ["Reason", ""], ["Restarts", "right"], ["CPU", "right"], ["Memory", "right"], ["Since", "right"]] as const;
const CHUNK = 20;

/** Groups of rows: of those that are not in sight nothing is laid out or painted. */
function chunked<T>(all: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / CHUNK) }, (_, index) => all.slice(index * CHUNK, (index + 1) * CHUNK));
}

function ServiceRow({ entry }: { readonly entry: ServiceEntry }) {
  const service = entry.status.value;
  const remark = remarkOn(service);
  // Samples come often and change two cells only: those draw themselves.
  const usage = useMemo(() => [<CpuSpark key="cpu" entry={entry} />, <MemorySpark key="memory" entry={entry} />], [entry]);
  return (
    <tr role="row">
      <th scope="row" role="rowheader"><a href={hrefOf.service(entry.stack, entry.name)}>{entry.name}</a></th>
      <td role="cell" data-label="Phase"><PhaseTag phase={service.phase} /></td>
      <td role="cell" data-label="Ready" class="right num">{service.ready}/{service.desired}</td>
      <td role="cell" data-label="Reason" class={`reason wrap${remark ? "" : " none"}`}>{remark ? <Prose text={remark} /> : <span class="muted">{service.reason === service.phase ? "" : service.reason}</span>}{service.nextTry && <span class="muted"> · next try <NextTry at={service.nextTry} /></span>}</td>
      <td role="cell" data-label="Restarts" class={`right num${service.restarts ? "" : " zero"}`}>{service.restarts}</td>
      <td role="cell" data-label="CPU" class="right">{usage[0]}</td>
      <td role="cell" data-label="Memory" class="right">{usage[1]}</td>
      <td role="cell" data-label="Since" class="right"><Age since={service.since} /></td>
    </tr>
  );
}

function NextTry({ at }: { readonly at: string }) {
  return <>in <Age since={at} until /></>;
}

function StackConditions({ entry }: { readonly entry: StackEntry }) {
  return <Section title="Conditions" id="conditions" flush><Conditions conditions={entry.head.value.conditions} stack={entry.name} /></Section>;
}

function RecentEvents({ stack }: { readonly stack: string }) {
  const events = useComputed(() => store.events.list.value.filter((event) => event.stack === stack).slice(0, 12));
  return (
    <Section title="Events" id="events" flush aside={<a href={`/events?stack=${encodeURIComponent(stack)}`}>All events</a>}>
      <EventList events={events.value} object />
    </Section>
  );
}
