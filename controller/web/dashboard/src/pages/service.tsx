import { useComputed } from "@preact/signals";

import { path } from "../api/client.ts";
import type { Cause, Replica, Service, ServiceUsage } from "../api/types.ts";
import { store } from "../app.ts";
import { placeOf, PLACE_LABELS } from "../lib/admission.ts";
import { bytes, cores, count, milliseconds, shortImage } from "../lib/format.ts";
import { AT_REST, remarkOn, type Role } from "../lib/phases.ts";
import { isRollingOut } from "../lib/derived.ts";
import { hrefOf } from "../lib/router.ts";
import { useEvery, useFetch, useSlow, useTitle } from "../lib/use.ts";
import { newestFirst } from "../store/events.ts";
import type { ServiceEntry } from "../store/store.ts";
import { ActButton, MoreActs, type Act } from "../ui/acts.tsx";
import { Advice, Age, Empty, PhaseGlyph, PhaseTag, Prose, Section, Tag } from "../ui/basics.tsx";
import { Conditions } from "../ui/conditions.tsx";
import { EventList } from "../ui/eventlist.tsx";
import type { IconName } from "../ui/icons.tsx";
import { Logs } from "../ui/logs.tsx";
import { RolloutLine } from "../ui/rollout.tsx";
import { causeOf, isCountdown } from "../ui/troublecard.tsx";
import { UsagePlots } from "../ui/usage.tsx";

export function ServicePage({ entry }: { readonly entry: ServiceEntry }) {
  useTitle(`${entry.name} · ${entry.stack}`);
  const service = entry.status.value;
  return (
    <div class="page">
      <ServiceHeader entry={entry} service={service} />
      {!(AT_REST.has(service.phase) && !service.waitsFor) && <Why stack={entry.stack} service={service} />}
      {isRollingOut(service.phase, service.reason) && <Section title="Rollout" id="rollout" flush><ul class="rollouts"><RolloutLine entry={entry} /></ul></Section>}
      <Section title="Replicas" id="replicas" flush aside={<span class="muted num">{service.ready} of {service.desired} ready</span>}>
        <Replicas service={service} usage={entry.usage.value} />
      </Section>
      <Logs key={`${entry.stack}/${entry.name}`} stack={entry.stack} service={entry.name} replicas={service.replicas.map((one) => one.name)} />
      <UsagePlots stack={entry.stack} service={entry.name} />
      <div class="columns">
        <ServiceEvents entry={entry} />
        <Section title="Conditions" id="conditions" flush><Conditions conditions={service.conditions} stack={entry.stack} /></Section>
      </div>
    </div>
  );
}

function ServiceHeader({ entry, service }: { readonly entry: ServiceEntry; readonly service: Service }) {
  const { first, more } = actsOf(service);
  const place = placeOf(service.reason);
  return (
    <header class="page-head">
      <nav class="crumbs" aria-label="Where you are">
        <a href="/">Overview</a> <span aria-hidden="true">/</span> <a href={hrefOf.stack(entry.stack)}>{entry.stack}</a> <span aria-hidden="true">/</span> <span>{entry.name}</span>
      </nav>
      <div class="title-row">
        <h1>{entry.name}</h1>
        <PhaseTag phase={service.phase} />
        <span class="muted">for <Age since={service.since} />{service.nextTry && <>, next try in <Age since={service.nextTry} until /></>}</span>
        <div class="buttons push">
          {first.map((act) => <ActButton key={act.verb} act={act} stack={entry.stack} services={[entry.name]} />)}
          <MoreActs acts={more} stack={entry.stack} services={[entry.name]} />
        </div>
      </div>
      {remarkOn(service) && <p class="remark"><Prose text={remarkOn(service)} />{place && <> <a href={hrefOf.resources(entry.stack, place)}>{PLACE_LABELS[place]}</a></>}</p>}
    </header>
  );
}

function actsOf(service: Service): { readonly first: readonly Act[]; readonly more: readonly Act[] } {
  const first: Act[] = [];
  if (service.phase === "Stopped") first.push({ verb: "start" });
  else if (service.reason === "Paused") first.push({ verb: "resume" });
  else if (service.reason === "UpdateHalted" || service.reason === "Pinned") first.push({ verb: "rollout-resume" });
  else if (!AT_REST.has(service.phase)) first.push({ verb: "retry" });
  const all: Act[] = [
    { verb: "apply", label: "Apply" }, { verb: "rollout-restart", label: "Restart…" }, { verb: "rollout-undo", label: "Undo…" },
    { verb: "rollout-pause" }, { verb: "pause", label: "Pause: touch nothing" }, { verb: "start" }, { verb: "stop", label: "Stop…" },
  ];
  return { first, more: all.filter((act) => !first.some((one) => one.verb === act.verb)) };
}

/** The chain from this service to the root, what shows it, and what to do. */
function Why({ stack, service }: { readonly stack: string; readonly service: Service }) {
  const key = `${useSlow(`${service.phase} ${service.reason} ${service.message}`, 1000)} ${useEvery(20_000)}`;
  const { data } = useFetch<Cause>(path("stacks", stack, "services", service.name, "why"), key);
  const cause = data ? causeOf(data) : null;
  if (!cause) return null;
  const evidence = cause.evidence.filter((line) => !isCountdown(line)); // told live, beside it
  return (
    <Section title={`Why is it ${service.phase}?`} id="why">
      <Chain stack={stack} cause={cause} />
      {evidence.length > 0 && <ul class="evidence">{evidence.map((line) => <li key={line}><Prose text={line} /></li>)}</ul>}
      {cause.lastOutput && (
        <figure class="figure"><figcaption>Last output of {cause.rootCause}</figcaption><pre class="output" tabIndex={0} role="region" aria-label={`Last output of ${cause.rootCause}`}>{cause.lastOutput.trimEnd()}</pre></figure>
      )}
      {cause.change && (
        <p class="change">Before this began, <a href={hrefOf.stack(stack, "revisions", String(cause.change.revision))}>revision {cause.change.revision}</a> changed {cause.rootCause}
          {cause.change.who && `, by ${cause.change.who}`}{cause.change.why && ` (${cause.change.why})`}, <Age since={cause.change.at} /> ago.</p>
      )}
      {cause.advice.length > 0 && <div class="advice"><span class="advice-word">What to do</span><ul>{cause.advice.map((line) => <li key={line}><Advice line={line} /></li>)}</ul></div>}
    </Section>
  );
}

function Chain({ stack, cause }: { readonly stack: string; readonly cause: Cause }) {
  return (
    <ol class="chain">
      {cause.chain.map((link, index) => (
        <li key={link.service} class={index === cause.chain.length - 1 ? "root" : ""}>
          <PhaseGlyph phase={link.phase} />
          <span>
            <a href={hrefOf.service(stack, link.service)}>{link.service}</a> is <strong>{link.phase}</strong>{link.message && <>: <Prose text={link.message} /></>}
            {index === cause.chain.length - 1 && cause.chain.length > 1 && <span class="root-word">root cause</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}

function Replicas({ service, usage }: { readonly service: Service; readonly usage: ServiceUsage | null }) {
  if (!service.replicas.length) return <Empty title={service.desired ? "No container is there yet." : "None is meant to run."} />;
  const routed = service.replicas.some((one) => one.route);
  return (
    <table class="table replicas">
      <caption class="visually-hidden">Replicas of {service.name}</caption>
      <thead>
        <tr>
          <th scope="col">Replica</th><th scope="col">State</th><th scope="col">Health</th><th scope="col" class="right" title="by Docker's own restart policy">Restarts</th>
          <th scope="col">Image</th>{routed && <th scope="col">Ingress</th>}<th scope="col" class="right">CPU</th><th scope="col" class="right">Memory</th><th scope="col">Drift</th>
        </tr>
      </thead>
      <tbody>{service.replicas.map((one) => <ReplicaRow key={one.id} replica={one} wanted={service.desired > 0} routed={routed} usage={usage} />)}</tbody>
    </table>
  );
}

const HEALTH = { healthy: ["good", "check"], unhealthy: ["bad", "cross"], starting: ["busy", "half"], none: ["dim", "ring"] } as const;

function ReplicaRow({ replica, wanted, routed, usage }: { readonly replica: Replica; readonly wanted: boolean; readonly routed: boolean; readonly usage: ServiceUsage | null }) {
  const figures = usage?.replicas[replica.name];
  const [role, icon] = HEALTH[replica.health];
  return (
    <tr>
      <th scope="row"><span title={replica.id}>{replica.name}</span></th>
      <td data-label="State"><Tag {...lookOf(replica, wanted)}>{stateOf(replica)}</Tag></td>
      <td data-label="Health"><Tag role={role} icon={icon}>{replica.health === "none" ? "no check" : replica.health}</Tag></td>
      <td data-label="Restarts" class={`right num${replica.restarts ? "" : " zero"}`}>{replica.restarts}</td>
      <td data-label="Image" class="wrap"><code class="image" title={replica.image}>{shortImage(replica.image)}</code></td>
      {routed && <td data-label="Ingress">{replica.route ? <RouteCell route={replica.route} /> : <span class="muted">–</span>}</td>}
      <td data-label="CPU" class="right num">{cores(figures?.cpu)}</td>
      <td data-label="Memory" class="right num">{bytes(figures?.memory)}</td>
      <td data-label="Drift" class="wrap">{replica.drift.length ? <DriftCell replica={replica} /> : <span class="muted">none</span>}</td>
    </tr>
  );
}

/** One that has ended is only bad where it was not to. */
function lookOf(replica: Replica, wanted: boolean): { readonly role: Role; readonly icon: IconName } {
  if (replica.phase === "running") return { role: "good", icon: "check" };
  if (replica.phase !== "exited" && replica.phase !== "dead") return { role: "busy", icon: "half" };
  return { role: !wanted || replica.exitCode === 0 ? "dim" : "bad", icon: "stop" };
}

function stateOf(replica: Replica): string {
  if (replica.phase === "running" || replica.exitCode === null) return replica.phase;
  return `${replica.phase} (${replica.exitCode}${replica.oomKilled ? ", out of memory" : ""})`;
}

function RouteCell({ route }: { readonly route: NonNullable<Replica["route"]> }) {
  return (
    <span class="route num" title={`${count(route.connections, "open connection")}, ${count(route.requests, "request")}, ${count(route.errors, "error")}`}>
      <strong>{route.state}</strong> {count(route.requests, "request")}, {route.errors ? <span class="warn-text">{count(route.errors, "error")}</span> : "no error"}, {milliseconds(route.latencySeconds)}
    </span>
  );
}

function DriftCell({ replica }: { readonly replica: Replica }) {
  return (
    <ul class="drift">
      {replica.drift.map((one) => <li key={one.path}><code>{one.path}</code>{one.seen !== null && <> is <code>{one.seen}</code>, wanted <code>{one.wanted ?? "–"}</code></>}</li>)}
    </ul>
  );
}

function ServiceEvents({ entry }: { readonly entry: ServiceEntry }) {
  const { data } = useFetch<{ events: readonly import("../api/types.ts").Event[] }>(`${path("stacks", entry.stack, "events")}?service=${encodeURIComponent(entry.name)}&limit=50`);
  const events = useComputed(() => store.events.list.value.filter((event) => event.stack === entry.stack && event.service === entry.name));
  const older = (data?.events ?? []).filter((event) => !events.value.some((one) => one.seq === event.seq || (one.reason === event.reason && one.message === event.message)));
  const all = [...events.value, ...[...older].reverse()].sort(newestFirst).slice(0, 20);
  return (
    <Section title="Events" id="events" flush aside={<a href={`/events?stack=${encodeURIComponent(entry.stack)}&service=${encodeURIComponent(entry.name)}`}>All events</a>}>
      <EventList events={all} />
    </Section>
  );
}
