import { store } from "../app.ts";
import { countOf, isBlind, troubles } from "../lib/derived.ts";
import { bytes, cores, count, percent } from "../lib/format.ts";
import { hrefOf } from "../lib/router.ts";
import { headlineOf } from "../lib/trouble.ts";
import { useTitle } from "../lib/use.ts";
import type { StackEntry } from "../store/store.ts";
import { Command, Empty, PhaseTag, Section } from "../ui/basics.tsx";
import { EventList } from "../ui/eventlist.tsx";
import { Icon } from "../ui/icons.tsx";
import { Spark } from "../ui/spark.tsx";
import { Troubles } from "../ui/troublecard.tsx";

export function Overview() {
  useTitle("");
  const stacks = store.stacks.value;
  if (!stacks.length) return <NoStack />;
  const found = troubles.value;
  const wrong = found.filter((one) => one.role === "bad" || one.role === "warn");
  const notes = found.filter((one) => one.role !== "bad" && one.role !== "warn");
  return (
    <div class="page">
      <Headline wrong={wrong.length} text={headlineOf(found)} />
      {wrong.length > 0 && <Troubles troubles={wrong} several={stacks.length > 1} />}
      <Stacks stacks={stacks} />
      {notes.length > 0 && (
        <section aria-labelledby="notes"><h2 id="notes" class="section-title">Worth knowing</h2><Troubles troubles={notes} several={stacks.length > 1} level="h3" /></section>
      )}
      <div class="columns">
        <Recent />
        <Host />
      </div>
    </div>
  );
}

function Headline({ wrong, text }: { readonly wrong: number; readonly text: string }) {
  const counts = store.stacks.value.map(countOf);
  const sum = (key: "wanted" | "rest" | "moving") => counts.reduce((total, one) => total + one[key], 0);
  const moving = sum("moving");
  return (
    <header class={`headline ${wrong ? "wrong" : "well"}`}>
      <span class="headline-mark"><Icon name={wrong ? "warn" : "check"} /></span>
      <div>
        <h1>{text}</h1>
        <p class="muted">
          {sum("rest")} of {count(sum("wanted"), "service")} ready in {count(counts.length, "stack")}
          {moving > 0 && `, ${moving} on ${moving === 1 ? "its" : "their"} way`}
          {store.stacks.value.some(isBlind) && ", as last seen"}
          {wrong === 0 && moving === 0 && ". There is nothing to do."}
        </p>
      </div>
    </header>
  );
}

function Stacks({ stacks }: { readonly stacks: readonly StackEntry[] }) {
  return (
    <section aria-labelledby="stacks">
      <h2 id="stacks" class="section-title">Stacks</h2>
      <ul class="stack-grid">{stacks.map((entry) => <li key={entry.name}><StackCard entry={entry} /></li>)}</ul>
    </section>
  );
}

function StackCard({ entry }: { readonly entry: StackEntry }) {
  const head = entry.head.value;
  const counts = countOf(entry);
  const open = entry.alerts.value.filter((alert) => alert.resolvedAt === null).length;
  return (
    <a class="stack-card" href={hrefOf.stack(entry.name)}>
      <span class="stack-card-head"><strong>{entry.name}</strong><PhaseTag phase={head.phase} /></span>
      <PhaseBar entry={entry} />
      <span class="muted num">
        {counts.rest} of {counts.wanted} ready{isBlind(entry) && " as last seen"}{counts.idle > 0 && `, ${counts.idle} left alone`}{open > 0 && `, ${count(open, "alert")}`} · generation {head.generation}
      </span>
    </a>
  );
}

/** The share of services that are well, on their way, wrong, at rest. The numbers are in words beside it. */
function PhaseBar({ entry }: { readonly entry: StackEntry }) {
  const { total, moving, sick, idle } = countOf(entry);
  const parts = [["good", total - moving - sick - idle], ["busy", moving], ["bad", sick], ["dim", idle]] as const;
  return <span class="bar" aria-hidden="true">{parts.map(([role, n]) => n > 0 && <span key={role} class={role} style={{ flexGrow: n }} />)}</span>;
}

function Recent() {
  return (
    <Section title="Lately" id="lately" aside={<a href="/events">All events</a>} flush>
      <EventList events={store.events.list.value.slice(0, 8)} object />
    </Section>
  );
}

function Host() {
  const host = store.host.value;
  if (!host) return null;
  const used = host.memoryTotal !== null && host.memoryAvailable !== null ? host.memoryTotal - host.memoryAvailable : null;
  const diskUsed = host.diskTotal !== null && host.diskFree !== null ? host.diskTotal - host.diskFree : null;
  return (
    <Section title="This machine" id="host">
      <dl class="meters">
        <Meter name="CPU" part={host.cpu} whole={host.cores} text={`${cores(host.cpu)} of ${count(host.cores, "core")}`}>{store.hostCpu.size > 1 && <Spark values={store.hostCpu.all} least={host.cores / 4} />}</Meter>
        <Meter name="Memory" part={used} whole={host.memoryTotal} text={`${bytes(used)} of ${bytes(host.memoryTotal)}`} />
        <Meter name="Disk" part={diskUsed} whole={host.diskTotal} text={`${bytes(host.diskFree)} free${host.diskPath ? ` at ${host.diskPath}` : ""}`} />
        {host.load && <div class="meter"><dt>Load</dt><dd class="num">{host.load.map((value) => value.toFixed(2)).join("  ")}</dd></div>}
      </dl>
    </Section>
  );
}

function Meter({ name, part, whole, text, children }: {
  readonly name: string; readonly part: number | null; readonly whole: number | null; readonly text: string; readonly children?: preact.ComponentChildren;
}) {
  const share = part !== null && whole ? Math.min(1, part / whole) : 0;
  return (
    <div class="meter">
      <dt>{name}</dt>
      <dd>
        <span class="meter-text num"><span>{text}</span><span>{part !== null && whole ? percent(part, whole) : "–"}</span></span>
        <span class={`track${share > 0.9 ? " warn" : ""}`} aria-hidden="true"><span style={{ width: `${share * 100}%` }} /></span>
        {children}
      </dd>
    </div>
  );
}

function NoStack() {
  return (
    <div class="page">
      <h1 class="visually-hidden">Overview</h1>
      <Empty title="No stack is kept yet">
        <p>A <em>stack</em> is a Compose project that the controller keeps in the state that its files describe.</p>
        <ol class="teach">
          <li>Go to a folder with a <code>compose.yaml</code>: <Command text="cd ~/my-project" /></li>
          <li>See what would be done, and why: <Command text="controller plan" /></li>
          <li>Keep it so from now on: <Command text="controller run --watch" /></li>
        </ol>
        <p class="muted">A project that already runs is taken over with no restart.</p>
      </Empty>
    </div>
  );
}
