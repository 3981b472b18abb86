import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { path, request } from "../api/client.ts";
import type { Held, Intent, Plan, PlannedUpdate, PlannedWait, PlanStep } from "../api/types.ts";
import { mayAsk, store } from "../app.ts";
import { asking, complaintOf, endingOf } from "../lib/acting.ts";
import { count, some, span } from "../lib/format.ts";
import { isTrouble } from "../lib/phases.ts";
import { atWords, HELD_WORDS, inOrder } from "../lib/planned.ts";
import { hrefOf } from "../lib/router.ts";
import { useFetch, useTitle } from "../lib/use.ts";
import { intentKey, type StackEntry } from "../store/store.ts";
import { Empty, ErrorNote, Findings, Loading, PhaseTag, Prose, Section } from "../ui/basics.tsx";
import { Icon, type IconName } from "../ui/icons.tsx";
import { StackHeader } from "../ui/stackheader.tsx";

/** What an apply would do, with reasons, before anybody presses it; then how it goes. */
export function PlanPage({ entry }: { readonly entry: StackEntry }) {
  useTitle(`Plan · ${entry.name}`);
  const { data, error, again } = useFetch<Plan>(path("stacks", entry.name, "plan"), entry.head.value.generation);
  const running = useSignal<string | null>(null);
  const intent = running.value === null ? null : (store.intents.value.get(running.value)?.intent ?? null);
  return (
    <div class="page">
      <StackHeader entry={entry} tab="plan" />
      {error && <ErrorNote error={error} again={again} />}
      {!data && !error && <Loading />}
      {data && <Planned plan={data} entry={entry} />}
      {data && <ApplyBar entry={entry} plan={data} running={running} again={again} intent={intent} />}
      {intent && <Progress entry={entry} intent={intent} plan={data} />}
    </div>
  );
}

function Planned({ plan, entry }: { readonly plan: Plan; readonly entry: StackEntry }) {
  if (!plan.steps.length && !plan.held.length) {
    return <Section title="Plan" id="plan"><Empty title="As desired: there is nothing to do."><p class="muted">What runs is what the files ask for. A change of a manifest or a Compose file shows here before it is applied.</p></Empty></Section>;
  }
  return (
    <>
      <Section title={count(plan.changes, "change")} id="plan" flush aside={<Estimates plan={plan} stack={entry.name} />}>
        {plan.steps.length > 0 ? <Steps plan={plan} stack={entry.name} /> : <Empty title="Nothing would be done." />}
      </Section>
      {plan.held.length > 0 && <HeldBack held={plan.held} />}
      {plan.settles === false && <div class="note warn"><Icon name="warn" /><div>It does not settle: something keeps failing or waiting. <a href={hrefOf.stack(entry.name)}>See why</a></div></div>}
      {plan.warnings && plan.warnings.length > 0 && <Section title="Warnings" id="warnings"><Findings findings={plan.warnings} /></Section>}
      {plan.updates.length > 0 && <Updates updates={plan.updates} />}
    </>
  );
}

function Estimates({ plan, stack }: { readonly plan: Plan; readonly stack: string }) {
  const down = Object.entries(plan.predictedDowntime[stack] ?? {}).filter(([, seconds]) => seconds === null || seconds > 0.05);
  return (
    <dl class="facts">
      <div><dt>Time</dt><dd class="num">{plan.predictedSeconds === null ? "unknown (first start)" : `about ${span(plan.predictedSeconds)}`}</dd></div>
      <div><dt>Downtime</dt><dd class="num">{down.length ? down.map(([service, seconds]) => `${service} ${span(seconds)}`).join(", ") : "none"}</dd></div>
    </dl>
  );
}

const ICONS: Readonly<Record<string, readonly [IconName, string]>> = {
  create: ["ring", "good"], start: ["half", "good"], stop: ["stop", "warn"], remove: ["cross", "bad"], restart: ["cycle", "warn"], disconnect: ["link", "warn"],
  connect: ["link", "busy"], route: ["link", "busy"], pull: ["stack", "busy"], build: ["stack", "busy"], update: ["cycle", "busy"], limit: ["half", "busy"],
};

function Steps({ plan, stack }: { readonly plan: Plan; readonly stack: string }) {
  return (
    <table class="table steps">
      <caption class="visually-hidden">Steps in their order</caption>
      <thead><tr><th scope="col" class="right">At</th><th scope="col">Action</th><th scope="col">Service</th><th scope="col">Because</th></tr></thead>
      <tbody>{inOrder(plan).map((row, index) => ("action" in row ? <StepRow key={index} step={row} stack={stack} /> : <WaitRow key={index} wait={row} stack={stack} />))}</tbody>
    </table>
  );
}

function WaitRow({ wait, stack }: { readonly wait: PlannedWait; readonly stack: string }) {
  return (
    <tr class="wait-row">
      <td data-label="At" class="right num muted">{atWords(wait.at)}</td>
      <td data-label="Action"><span class="tag dim"><Icon name="hourglass" /><span>wait</span></span></td>
      <th scope="row"><a href={hrefOf.service(stack, wait.service)}>{wait.service}</a></th>
      <td data-label="Because" class="wrap muted">for {wait.waitsFor}, {wait.seconds === null ? "time unknown (first start)" : `usually ${span(wait.seconds)}`}</td>
    </tr>
  );
}

function StepRow({ step, stack }: { readonly step: PlanStep; readonly stack: string }) {
  const [icon, role] = ICONS[step.action] ?? ["ring", "busy"];
  return (
    <tr>
      <td data-label="At" class="right num muted">{atWords(step.at)}</td>
      <td data-label="Action"><span class={`tag ${role}`}><Icon name={icon} /><span>{step.action}</span></span></td>
      <th scope="row"><a href={hrefOf.service(stack, step.service)}>{step.replica ?? step.service}</a></th>
      <td data-label="Because" class="wrap"><Prose text={step.because} /></td>
    </tr>
  );
}

function HeldBack({ held }: { readonly held: readonly Held[] }) {
  return (
    <Section title="Held back" id="held">
      <ul class="evidence">{held.map((one) => <li key={`${one.service} ${one.reason}`}><strong>{one.service ?? one.stack}</strong>: <Prose text={one.message || HELD_WORDS[one.reason] || one.reason} /> <code>{one.reason}</code></li>)}</ul>
    </Section>
  );
}

function Updates({ updates }: { readonly updates: readonly PlannedUpdate[] }) {
  return (
    <Section title="How replicas are replaced" id="updates">
      <ul class="evidence">
        {updates.map((one) => (
          <li key={one.service}>
            <strong>{one.service}</strong>: {one.order} ({one.because || "as asked for"}), {one.parallelism ? `${one.parallelism} at a time` : "all at once"}
            {one.drainSeconds !== null && `, drained by the ingress for at most ${one.drainSeconds} s`}
            {one.handsOver && "; the ingress takes its host ports over, with a gap of about 1.5 s, once"}
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** Whether somebody has to say more than "apply". */
function holdOf(entry: StackEntry, plan: Plan): "adopt" | "confirm" | null {
  const reasons = new Set([...plan.held.map((one) => one.reason), ...entry.head.value.conditions.filter(isTrouble).map((one) => one.type)]);
  if (reasons.has("AdoptionHeld") || reasons.has("adoption")) return "adopt";
  return reasons.has("MassRemovalHeld") || reasons.has("mass removal") ? "confirm" : null;
}

interface BarProps {
  readonly entry: StackEntry;
  readonly plan: Plan;
  readonly running: { value: string | null };
  readonly again: () => void;
  readonly intent: Intent | null;
}

function ApplyBar({ entry, plan, running, again, intent }: BarProps) {
  const failed = useSignal<{ readonly message: string; readonly hint?: string | null } | null>(null);
  const hold = holdOf(entry, plan);
  const busy = intent !== null && intent.state !== "done";
  const apply = async (options: Readonly<Record<string, boolean>>) => {
    failed.value = null;
    try {
      const asked = await request<Intent>("POST", path("stacks", entry.name, "intents"), { verb: "apply", services: [], ...options });
      const key = intentKey(entry.name, asked);
      if (!store.intents.peek().has(key)) store.putIntent(entry.name, asked);
      running.value = key;
    } catch (error) {
      failed.value = complaintOf(error);
    }
  };
  const press = () => {
    if (hold === null) void apply({});
    else asking.value = { confirmation: confirmationFor(entry, plan, hold), yes: () => void apply({ [hold]: true }) };
  };
  useEffect(() => {
    if (intent?.state === "done") again();
  }, [intent?.state]);
  return (
    <div class="apply-bar">
      {failed.value && <ErrorNote error={failed.value} />}
      <div class="buttons">
        {mayAsk("apply", entry.name) && (hold === null || mayAsk(hold, entry.name)) && <button type="button" class={plan.changes || hold ? "button primary" : "button"} disabled={busy} onClick={press}>{busy ? "Applying…" : hold === "adopt" ? "Adopt and apply…" : hold === "confirm" ? "Confirm and apply…" : plan.changes ? `Apply ${count(plan.changes, "change")}` : "Apply anyway"}</button>}
        <button type="button" class="button" onClick={again}>Plan anew</button>
      </div>
    </div>
  );
}

function confirmationFor(entry: StackEntry, plan: Plan, hold: "adopt" | "confirm") {
  const gone = [...new Set(plan.steps.filter((step) => step.action === "remove").map((step) => step.replica ?? step.service))];
  const message = entry.head.value.conditions.find((one) => one.type === (hold === "adopt" ? "AdoptionHeld" : "MassRemovalHeld"))?.message;
  return {
    title: hold === "adopt" ? `Take ${entry.name} over and apply?` : `Remove this and apply?`,
    says: [...(message ? [message] : []), gone.length ? "Containers that are removed or replaced:" : `${count(plan.changes, "change")} as planned.`, "Named volumes stay."],
    names: gone, button: hold === "adopt" ? "Adopt and apply" : "Remove and apply", role: hold === "adopt" ? "warn" as const : "bad" as const,
  };
}

function Progress({ entry, intent, plan }: { readonly entry: StackEntry; readonly intent: Intent; readonly plan: Plan | null }) {
  const ending = endingOf(intent);
  const names = new Set(plan?.steps.map((step) => step.service) ?? []);
  const shown = entry.services.value.filter((one) => names.has(one.name) || one.status.value.phase !== "Ready");
  return (
    <Section title={ending ? (ending.ok ? "Applied" : "Not applied") : "Applying"} id="progress">
      <p role="status" class={`result ${ending ? (ending.ok ? "good" : "bad") : "busy"}`}>
        <Icon name={ending ? (ending.ok ? "check" : "cross") : "half"} />
        <span>{ending ? `${ending.text}${ending.hint ? ` (hint: ${ending.hint})` : ""}` : intent.state === "waiting" ? "waits for the loop to take it" : `under way, asked by ${intent.who}`}</span>
      </p>
      {shown.length > 0 && <ul class="progress">{shown.map((one) => <li key={one.name}><a href={hrefOf.service(entry.name, one.name)}>{one.name}</a> <PhaseTag phase={one.status.value.phase} /> <span class="muted num">{one.status.value.ready}/{one.status.value.desired}</span> <span class="muted">{one.status.value.message}</span></li>)}</ul>}
      {ending && intent.result?.services && <p class="muted">{some(intent.result.services.filter((one) => one.outcome !== "unchanged").map((one) => `${one.name} ${one.outcome}${one.seconds === null ? "" : ` after ${span(one.seconds)}`}`), 6) || "No service had to be changed."}</p>}
    </Section>
  );
}
