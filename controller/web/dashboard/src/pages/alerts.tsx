import { useSignal } from "@preact/signals";
import { useState } from "preact/hooks";

import { path, request } from "../api/client.ts";
import type { Alert, Silence } from "../api/types.ts";
import { may, store } from "../app.ts";
import { attempt } from "../lib/acting.ts";
import { placeOf, PLACE_LABELS } from "../lib/admission.ts";
import { alerts } from "../lib/derived.ts";
import { joined, some } from "../lib/format.ts";
import type { Role } from "../lib/phases.ts";
import { hrefOf } from "../lib/router.ts";
import { useTitle } from "../lib/use.ts";
import { Age, Empty, Prose, ROLE_ICONS, Section, Tag } from "../ui/basics.tsx";
import { Dialog } from "../ui/dialog.tsx";

const ROLES: Readonly<Record<string, Role>> = { critical: "bad", warning: "warn", info: "dim" };
const RANK: Readonly<Record<string, number>> = { critical: 0, warning: 1, info: 2 };

export function AlertsPage() {
  useTitle("Alerts");
  const silencing = useSignal<Subject | null>(null);
  const all = alerts.value;
  const open = all.filter((alert) => alert.resolvedAt === null).sort((a, b) => (RANK[a.severity] ?? 3) - (RANK[b.severity] ?? 3) || (a.since < b.since ? 1 : -1));
  const over = all.filter((alert) => alert.resolvedAt !== null).sort((a, b) => ((a.resolvedAt ?? "") < (b.resolvedAt ?? "") ? 1 : -1));
  const silences = store.stacks.value.flatMap((entry) => entry.silences.value);
  const first = store.stacks.value[0];
  return (
    <div class="page">
      <header class="page-head"><div class="title-row"><h1>Alerts</h1><span class="muted">{open.length ? `${open.length} open` : "none open"}</span>
        {first && may("silence", "alerts", first.name) && <div class="buttons push"><button type="button" class="button" onClick={() => (silencing.value = { stack: first.name, service: null, rule: null })}>Silence…</button></div>}</div></header>
      <Section title="Open" id="open" flush>
        {open.length ? <AlertTable label="Open alerts" alerts={open} silence={(subject) => (silencing.value = subject)} /> : <Empty title="Nothing is wrong that lasts."><p class="muted">An alert is one trouble and all that follows from it. It is raised once it has lasted a while.</p></Empty>}
      </Section>
      {silences.length > 0 && <Section title="Silences" id="silences" flush><Silences silences={silences} /></Section>}
      {over.length > 0 && <Section title="Over" id="over" flush><AlertTable label="Alerts that are over" alerts={over} /></Section>}
      {silencing.value && <SilenceDialog subject={silencing.value} close={() => (silencing.value = null)} />}
    </div>
  );
}

interface Subject {
  readonly stack: string;
  readonly service: string | null;
  readonly rule: string | null;
}

function AlertTable({ label, alerts: shown, silence }: { readonly label: string; readonly alerts: readonly Alert[]; readonly silence?: (subject: Subject) => void }) {
  return (
    <table class="table alerts">
      <caption class="visually-hidden">{label}</caption>
      <thead><tr><th scope="col">Severity</th><th scope="col">What</th><th scope="col">Message</th><th scope="col">State</th><th scope="col" class="right">Since</th><th scope="col"><span class="visually-hidden">Actions</span></th></tr></thead>
      <tbody>{shown.map((alert) => <AlertRow key={`${alert.stack}/${alert.id}`} alert={alert} {...(silence ? { silence } : {})} />)}</tbody>
    </table>
  );
}

function AlertRow({ alert, silence }: { readonly alert: Alert; readonly silence?: (subject: Subject) => void }) {
  const over = alert.resolvedAt !== null;
  const role = over ? "dim" : (ROLES[alert.severity] ?? "dim");
  const name = alert.service ? `${alert.stack}/${alert.service}` : alert.stack;
  const place = over ? null : placeOf(alert.rule);
  const ack = () => void attempt(`Acknowledge ${alert.rule} of ${name}`, alert.stack, () => request("POST", path("stacks", alert.stack, "alerts", alert.id, "ack")));
  return (
    <tr>
      <td data-label="Severity"><Tag role={role} icon={over ? "check" : ROLE_ICONS[role]}>{alert.severity}</Tag></td>
      <th scope="row"><a href={alert.service ? hrefOf.service(alert.stack, alert.service) : hrefOf.stack(alert.stack)}>{name}</a><span class="rule">{alert.rule}{alert.also.length > 0 && `, ${alert.also.join(", ")}`}</span></th>
      <td data-label="Message" class="wrap"><Prose text={alert.message} />{place && <> <a href={hrefOf.resources(alert.stack, place)}>{PLACE_LABELS[place]}</a></>}{alert.affects.length > 0 && <span class="affects">affects {some(alert.affects, 4)}</span>}</td>
      <td data-label="State"><span title={alert.hushed || undefined}>{alert.state}</span>{alert.hushed && <span class="muted hushed">{alert.hushed}</span>}</td>
      <td data-label="Since" class="right"><Age since={alert.since} />{over && alert.resolvedAt && <span class="muted"> over <Age since={alert.resolvedAt} /></span>}</td>
      <td class="right">{!over && <span class="buttons end">
        {alert.state !== "Acknowledged" && may("ack", "alerts", alert.stack) && <button type="button" class="button small" aria-label={`Acknowledge ${alert.rule} of ${name}`} onClick={ack}>Acknowledge</button>}
        {silence && may("silence", "alerts", alert.stack) && <button type="button" class="button small" aria-label={`Silence ${alert.rule} of ${name}`} onClick={() => silence({ stack: alert.stack, service: alert.service, rule: alert.rule })}>Silence…</button>}
      </span>}</td>
    </tr>
  );
}

function Silences({ silences }: { readonly silences: readonly Silence[] }) {
  return (
    <ul class="rows">
      {silences.map((one) => (
        <li key={`${one.stack}/${one.id}`}>
          <span><strong>{one.stack}</strong>: {joined(one.services) || "all services"}{one.rules.length > 0 && `, rule ${joined(one.rules, "or")}`}</span>
          <span class="muted">for <Age since={one.until} until /> more, by {one.by}{one.comment && `: ${one.comment}`}</span>
          {may("silence", "alerts", one.stack) && <button type="button" class="button small" onClick={() => void attempt(`End silence ${one.id}`, one.stack, () => request("DELETE", path("stacks", one.stack, "silences", one.id)))}>End it<span class="visually-hidden"> (silence {one.id} of {one.stack})</span></button>}
        </li>
      ))}
    </ul>
  );
}

const SPANS = [["15 minutes", 900], ["1 hour", 3600], ["2 hours", 7200], ["8 hours", 28_800], ["1 day", 86_400], ["1 week", 604_800]] as const;

function SilenceDialog({ subject, close }: { readonly subject: Subject; readonly close: () => void }) {
  const [stack, setStack] = useState(subject.stack);
  const [service, setService] = useState(subject.service ?? "");
  const [rule, setRule] = useState(subject.rule ?? "");
  const [seconds, setSeconds] = useState(7200);
  const [comment, setComment] = useState("");
  const services = store.stack(stack)?.services.value.map((one) => one.name) ?? [];
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    close();
    const body = { seconds, services: service ? [service] : [], rules: rule ? [rule] : [], comment };
    void attempt(`Silence ${service || stack}`, stack, () => request("POST", path("stacks", stack, "silences"), body));
  };
  return (
    <Dialog label="Silence alerts" close={close}>
      <form class="question" onSubmit={submit}>
        <h2>Silence alerts</h2>
        <p>Nothing is sent of what matches, for a while. It is listed here all the same.</p>
        <label class="field"><span>Stack</span><select value={stack} onChange={(event) => { setStack(event.currentTarget.value); setService(""); }}>{store.stacks.value.map((one) => <option key={one.name}>{one.name}</option>)}</select></label>
        <label class="field"><span>Service</span><select value={service} onChange={(event) => setService(event.currentTarget.value)}><option value="">all services</option>{services.map((name) => <option key={name} value={name}>{name}</option>)}</select></label>
        <label class="field"><span>Rule</span><input type="text" value={rule} placeholder="any rule" spellcheck={false} onInput={(event) => setRule(event.currentTarget.value)} /></label>
        <label class="field"><span>For</span><select value={seconds} onChange={(event) => setSeconds(Number(event.currentTarget.value))}>{SPANS.map(([name, value]) => <option key={value} value={value}>{name}</option>)}</select></label>
        <label class="field"><span>Comment</span><input type="text" value={comment} placeholder="why" onInput={(event) => setComment(event.currentTarget.value)} /></label>
        <div class="buttons end"><button type="button" class="button" onClick={close}>Cancel</button><button type="submit" class="button primary">Silence</button></div>
      </form>
    </Dialog>
  );
}
