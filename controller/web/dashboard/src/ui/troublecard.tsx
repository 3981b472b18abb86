import { useState } from "preact/hooks";

import { path } from "../api/client.ts";
import type { Cause } from "../api/types.ts";
import { mayAsk, store } from "../app.ts";
import { commandFor, helpFor, LABELS, type Help as Kind } from "../lib/actions.ts";
import { ask } from "../lib/acting.ts";
import { placeOf, PLACE_LABELS } from "../lib/admission.ts";
import { hrefOf } from "../lib/router.ts";
import { affectsWords, type Trouble } from "../lib/trouble.ts";
import { useEvery, useFetch, useSlow } from "../lib/use.ts";
import { Advice, Age, Command, Prose, ROLE_ICONS } from "./basics.tsx";
import { Icon } from "./icons.tsx";
import { Same } from "./same.tsx";

const WORDS = { bad: "Critical", warn: "Warning", dim: "Note", busy: "Under way", good: "Well" } as const;

/** One trouble: what is wrong, why, who suffers from it, and what helps. */
export function TroubleCard({ trouble, several, level = "h2", brief = false }: { readonly trouble: Trouble; readonly several: boolean; readonly level?: "h2" | "h3"; readonly brief?: boolean }) {
  const Heading = level;
  const affected = affectsWords(trouble);
  const [more, setMore] = useState(false);
  const full = !brief || more;
  return (
    <article class={`trouble ${trouble.role}`}>
      <div class="trouble-mark"><Icon name={ROLE_ICONS[trouble.role]} /></div>
      <div class="trouble-body">
        <header>
          <Heading><a href={trouble.service ? hrefOf.service(trouble.stack, trouble.service) : hrefOf.stack(trouble.stack)}>{trouble.title}</a></Heading>
          <p class="trouble-meta">
            <span class={`word ${trouble.role}`}>{WORDS[trouble.role]}</span>
            {several && <span>in <a href={hrefOf.stack(trouble.stack)}>{trouble.stack}</a></span>}
            <span>for <Age since={trouble.since} /></span>
            <NextTry trouble={trouble} />
            {trouble.alert?.hushed && <span title="nothing is sent of it">{trouble.alert.hushed}</span>}
          </p>
        </header>
        {trouble.message && <p class="trouble-why"><Prose text={trouble.message} /></p>}
        {affected && <p class="trouble-affects"><Icon name="hourglass" /> <span>Because of it {affected} {trouble.affects.length === 1 ? "suffers" : "suffer"}</span></p>}
        {full && trouble.service && <Evidence trouble={trouble} />}
        {full ? <Help trouble={trouble} /> : <div><button type="button" class="button small" onClick={() => setMore(true)}>What helps<span class="visually-hidden"> against: {trouble.title}</span></button></div>}
      </div>
    </article>
  );
}

function NextTry({ trouble }: { readonly trouble: Trouble }) {
  const next = trouble.service ? store.service(trouble.stack, trouble.service)?.status.value.nextTry : null;
  return next ? <span>next try in <Age since={next} until /></span> : null;
}

/** What shows the cause, fetched anew when the service says something else. */
function Evidence({ trouble }: { readonly trouble: Trouble }) {
  const key = `${useSlow(`${trouble.reason} ${trouble.message}`, 1500)} ${useEvery(20_000)}`;
  const { data } = useFetch<Cause>(path("stacks", trouble.stack, "services", trouble.service ?? "", "why"), key);
  if (!data) return null;
  const cause = causeOf(data);
  if (!cause) return null;
  const last = cause.lastOutput.trimEnd().split("\n").slice(-3).join("\n");
  const evidence = cause.evidence.filter((line) => !trouble.message.includes(line) && !isCountdown(line)).slice(0, 3);
  const advice = cause.advice.filter((line) => !hasButton(line)).slice(0, 3);
  return (
    <>
      {evidence.length > 0 && <ul class="evidence">{evidence.map((line) => <li key={line}><Prose text={line} /></li>)}</ul>}
      {last && <pre class="output" tabIndex={0} role="region" aria-label={`Last output of ${cause.rootCause}`}>{last}</pre>}
      {advice.length > 0 && (
        <div class="advice">
          <span class="advice-word">What to do</span>
          <ul>{advice.map((line) => <li key={line}><Advice line={line} /></li>)}</ul>
        </div>
      )}
    </>
  );
}

/** It is told anew each second elsewhere. */
export function isCountdown(line: string): boolean {
  return line.startsWith("the next look or try");
}

/** What a button below does. */
function hasButton(line: string): boolean {
  return /^controller (logs|retry|adopt|confirm|resume|start|prune|plan|rollout (restart|resume))\b/.test(line);
}

/** The answer, whether it comes alone or as the command line tells it. */
export function causeOf(data: Cause | { readonly causes: readonly Cause[] }): Cause | null {
  return "causes" in data ? (data.causes[0] ?? null) : data;
}

function Help({ trouble }: { readonly trouble: Trouble }) {
  const help = helpFor(trouble.reason);
  const command = commandFor(trouble.reason);
  if (!help.length && !command) return null;
  return (
    <div class="buttons">
      {help.map((kind, index) => <HelpButton key={kind} kind={kind} trouble={trouble} first={index === 0} />)}
      {command && <Command text={command} />}
    </div>
  );
}

function HelpButton({ kind, trouble, first }: { readonly kind: Kind; readonly trouble: Trouble; readonly first: boolean }) {
  const look = first ? "button primary" : "button";
  if (kind === "plan") return <a class={look} href={hrefOf.stack(trouble.stack, "plan")}>Show the plan</a>;
  if (kind === "security") return <a class={look} href={hrefOf.stack(trouble.stack, "security")}>Show what was found</a>;
  if (kind === "resources") {
    const place = placeOf(trouble.reason) ?? "machine";
    return <a class={look} href={hrefOf.resources(trouble.stack, place)}>{PLACE_LABELS[place]}</a>;
  }
  if (kind === "logs") return trouble.service ? <a class={look} href={`${hrefOf.service(trouble.stack, trouble.service)}#logs`}>Read its logs</a> : null;
  if (!mayAsk(kind, trouble.stack)) return null;
  const services = trouble.service ? [trouble.service] : [];
  const names = kind === "prune" ? orphansOf(trouble.stack) : [];
  return <button type="button" class={look} onClick={() => ask({ verb: kind, stack: trouble.stack, services }, names)}>{LABELS[kind]}</button>;
}

export function orphansOf(stack: string): readonly string[] {
  const services = store.stack(stack)?.services.value ?? [];
  return services.filter((entry) => entry.status.value.reason === "Orphaned").map((entry) => entry.name);
}

/** The worst few; the others one by one when asked for. */
export function Troubles({ troubles, several, level = "h2", open = 2 }: { readonly troubles: readonly Trouble[]; readonly several: boolean; readonly level?: "h2" | "h3"; readonly open?: number }) {
  const [all, setAll] = useState(false);
  const shown = all ? troubles : troubles.slice(0, open + 4);
  return (
    <div class="troubles">
      {shown.map((trouble, index) => <Same key={trouble.key} of={[trouble, several, level, index >= open]} draw={() => <TroubleCard trouble={trouble} several={several} level={level} brief={index >= open} />} />)}
      {troubles.length > shown.length && <button type="button" class="button" onClick={() => setAll(true)}>Show {troubles.length - shown.length} more</button>}
    </div>
  );
}
