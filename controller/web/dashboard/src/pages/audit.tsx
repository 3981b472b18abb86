import { useComputed } from "@preact/signals";
import { useRef } from "preact/hooks";

import { may, store } from "../app.ts";
import { actsOf, queryOf, type Act } from "../lib/audit.ts";
import { count } from "../lib/format.ts";
import { queryValue, setQuery } from "../lib/router.ts";
import { useAudit } from "../lib/useaudit.ts";
import { useEvery, useSlow, useTitle } from "../lib/use.ts";
import { AuditList } from "../ui/auditlist.tsx";
import { Command, Empty, ErrorNote, Loading } from "../ui/basics.tsx";
import { NotAllowed } from "../ui/notallowed.tsx";

/** Who did what, and what came of it. */
export function AuditPage() {
  useTitle("Audit");
  const allowed = may("get", "audit", "*");
  const filter = { who: queryValue("who"), verb: queryValue("verb"), stack: queryValue("stack"), outcome: queryValue("outcome") };
  const audit = useAudit(queryOf(filter), useNews(), allowed);
  const acts = actsOf(audit.records ?? []);
  const filtered = Object.values(filter).some(Boolean);
  return (
    <div class="page">
      <header class="page-head">
        <div class="title-row"><h1>Audit</h1>{audit.records && <span class="muted num">{count(acts.length, "act")}{audit.next !== null && ", and older ones"}</span>}</div>
        {allowed && <p class="remark">Each act is written down before it is done, and what came of it after. <Command text="controller audit verify" /> proves that no line was changed or taken out since.</p>}
        {allowed && <Filters filter={filter} acts={acts} />}
      </header>
      {!allowed ? <section class="card flush" aria-label="Audit log"><NotAllowed what="Who did what" resource="audit" /></section> : (
        <section class="card flush" aria-label="Audit log" aria-busy={audit.busy}>
          {audit.error && <div class="section-note"><ErrorNote error={audit.error} again={audit.again} /></div>}
          {audit.records === null ? !audit.error && <Loading /> : acts.length ? <AuditList acts={acts} /> : <Nothing filtered={filtered} />}
          {audit.next !== null && <div class="audit-older"><button type="button" class="button" disabled={audit.busy} onClick={audit.older}>{audit.busy ? "Loading…" : "Older"}</button></div>}
        </section>
      )}
    </div>
  );
}

/** Another value when something happens, and now and then: who is turned away makes no event. */
function useNews(): string {
  const told = useComputed(() => {
    const ended = [...store.intents.value.values()].filter((one) => one.intent.state === "done").length;
    const [last] = store.events.list.value;
    return `${last?.time ?? ""} ${last?.seq ?? 0} ${store.intents.value.size} ${ended}`;
  });
  return `${useSlow(told.value, 500)} ${useEvery(10_000)}`;
}

function Nothing({ filtered }: { readonly filtered: boolean }) {
  if (filtered) return <Empty title="No act matches."><p><button type="button" class="button small" onClick={() => setQuery({ who: "", verb: "", stack: "", outcome: "" })}>Show all</button></p></Empty>;
  return (
    <Empty title="Nothing is written down yet.">
      <p>Whatever changes something is, and who is turned away; who only looks is not.</p>
      <p>Where a <code>Controller</code> manifest says <code>audit: {"{enabled: false}"}</code>, nothing is.</p>
    </Empty>
  );
}

type Filter = Readonly<Record<"who" | "verb" | "stack" | "outcome", string>>;

function Filters({ filter, acts }: { readonly filter: Filter; readonly acts: readonly Act[] }) {
  const who = useSeen(acts.map((act) => act.last.actor), filter.who);
  const verbs = useSeen(acts.map((act) => act.last.verb), filter.verb);
  const stacks = [...new Set([...store.stacks.value.map((one) => one.name), ...(filter.stack ? [filter.stack] : [])])].sort();
  return (
    <div class="tools" role="search" aria-label="Filter acts">
      <div class="chips" role="group" aria-label="By outcome">
        {([["", "all", "dim"], ["denied", "denied", "bad"], ["failed", "failed", "warn"]] as const).map(([value, word, role]) => (
          <button key={word} type="button" class={`chip ${role}`} aria-pressed={filter.outcome === value} onClick={() => setQuery({ outcome: value })}>{word}</button>
        ))}
      </div>
      <Choice label="Who" all="everybody" name="who" value={filter.who} choices={who} />
      <Choice label="Verb" all="all verbs" name="verb" value={filter.verb} choices={verbs} />
      <Choice label="Stack" all="all stacks" name="stack" value={filter.stack} choices={stacks} />
    </div>
  );
}

function Choice({ label, all, name, value, choices }: { readonly label: string; readonly all: string; readonly name: string; readonly value: string; readonly choices: readonly string[] }) {
  return <label class="tool"><span class="visually-hidden">{label}</span><select value={value} onChange={(event) => setQuery({ [name]: event.currentTarget.value })}><option value="">{all}</option>{choices.map((one) => <option key={one} value={one}>{one}</option>)}</select></label>;
}

/** All that was seen since the page is open: what is filtered away can be chosen all the same. */
function useSeen(now: readonly string[], chosen: string): readonly string[] {
  const seen = useRef(new Set<string>());
  for (const one of [...now, chosen]) if (one) seen.current.add(one);
  return [...seen.current].sort();
}
