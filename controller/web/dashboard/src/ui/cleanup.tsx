import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { path } from "../api/client.ts";
import type { Cleanup, RubbishItem, Schedule } from "../api/resources.ts";
import type { IntentResult } from "../api/types.ts";
import { mayAsk } from "../app.ts";
import { ask, isUnderWay, lastOf } from "../lib/acting.ts";
import { endWords, goes, lineOf, onlyTold, sizeWords, spanWords, sumWords, youngerWords } from "../lib/rubbish.ts";
import { useAsked } from "../lib/use.ts";
import type { StackEntry } from "../store/store.ts";
import { Age, Command, Empty, ErrorNote, Prose, Section, Tag } from "./basics.tsx";
import { Icon } from "./icons.tsx";

/** What is of no use any more. The engine may take seconds to say so: it is asked only when somebody wants to know. */
export function CleanupSection({ entry }: { readonly entry: StackEntry }) {
  const found = useAsked<Cleanup>(path("stacks", entry.name, "cleanup"));
  const busy = isUnderWay(entry.name, "cleanup");
  const ended = lastOf(entry.name, "cleanup");
  const shown = useSignal<number | string | null>(ended?.id ?? null);
  useEffect(() => {
    if (!ended || ended.id === shown.peek()) return;
    shown.value = ended.id;
    found.forget(); // what was listed is not there any more
  }, [ended?.id]);
  const report = found.data;
  return (
    <Section title="Clean-up" id="cleanup" flush aside={
      <span class="buttons">
        <button type="button" class="button small" disabled={found.since !== null || busy} onClick={found.start}>{report || found.error ? "Look again" : "Look for what is unused"}</button>
        {report && report.items.some(goes) && mayAsk("cleanup", entry.name) && <button type="button" class="button small danger" disabled={busy} onClick={() => askFor(entry.name, report)}>Clean up…</button>}
      </span>
    }>
      {busy && <Working words="Cleaning up: one thing after another goes…" />}
      {!busy && ended && !report && found.since === null && <Ended result={ended.result} ok={ended.exitCode === 0} who={ended.who} />}
      {found.since !== null && <Working words="The engine is asked what is unused…" since={found.since} />}
      {found.error && found.since === null && <div class="section-note"><ErrorNote error={found.error} again={found.start} /></div>}
      {!report && found.since === null && !found.error && !busy && !ended && <Invitation />}
      {report && <Found report={report} />}
    </Section>
  );
}

function askFor(stack: string, report: Cleanup): void {
  const items = report.items.filter(goes);
  ask({ verb: "cleanup", stack, services: [], about: [`${sumWords(report)}.`] }, items.map(lineOf));
}

function Invitation() {
  return (
    <Empty title="Not looked for yet.">
      <p>Leftovers of <code>docker compose run</code>, images that nothing needs any more and networks without containers can go. Never a volume, never what a revision needs that can be gone back to.</p>
      <p class="muted">In a terminal: <Command text="controller cleanup --dry-run" /></p>
    </Empty>
  );
}

function Working({ words, since }: { readonly words: string; readonly since?: number }) {
  return (
    <div class="section-word working" role="status">
      <span class="progress-bar" aria-hidden="true" />
      <span>{words} {since !== undefined && <span class="muted" aria-hidden="true"><Age since={new Date(since).toISOString()} /></span>}</span>
    </div>
  );
}

/** How the last one went that was asked for while this page is open. */
function Ended({ result, ok, who }: { readonly result: IntentResult | null; readonly ok: boolean; readonly who: string }) {
  const whole = result?.items ? (result as Cleanup) : null;
  return (
    <>
      <p class={`section-word result ${ok ? "good" : "bad"}`} role="status">
        <Icon name={ok ? "check" : "cross"} />
        <span>{whole ? endWords(whole) : ok ? "Done" : "It was not done"}{result?.message && `: ${result.message}`} <span class="muted">(asked by {who})</span></span>
      </p>
      {whole && whole.items.length > 0 && <RubbishTable items={whole.items} label="What became of each" />}
    </>
  );
}

function Found({ report }: { readonly report: Cleanup }) {
  const items = report.items.filter((one) => !onlyTold(one));
  const told = report.items.filter(onlyTold);
  const younger = youngerWords(report);
  return (
    <>
      {items.length === 0 ? <Empty title="Nothing is unused.">{younger && <p class="muted">{younger}</p>}</Empty>
        : <><p class="section-word sum"><strong>{sumWords(report)}.</strong>{younger && <span class="muted"> {younger}</span>}</p><RubbishTable items={items} label="What could go" /></>}
      {report.schedule && <Times schedule={report.schedule} />}
      {report.notes.length > 0 && <ul class="section-note evidence">{report.notes.map((one) => <li key={one}><Prose text={one} /></li>)}</ul>}
      {told.length > 0 && <><p class="section-word told-word">Worth knowing: logs that grow without bound. None is cut off; <code>logging.options.max-size</code> in the Compose file bounds them.</p><RubbishTable items={told} label="Only told" /></>}
    </>
  );
}

/** When it was done last, and when it is done by itself. */
function Times({ schedule: { everySeconds, lastAt, nextAt } }: { readonly schedule: Schedule }) {
  const due = nextAt !== null && Date.parse(nextAt) <= Date.now();
  return (
    <p class="section-word muted times">
      {lastAt ? <>Last cleaned up <Age since={lastAt} /> ago. </> : "Not cleaned up yet. "}
      {everySeconds === null ? <>It is not done by itself: <code>resources.cleanup.enabled</code> is off.</>
        : <>By itself every {spanWords(everySeconds)}, {nextAt === null || due ? "next once nothing of the stack is on its way" : <>next in <Age since={nextAt} until /></>}.</>}
    </p>
  );
}

const OUTCOMES = { removed: ["good", "check"], left: ["warn", "warn"], failed: ["bad", "cross"], told: ["dim", "info"], unused: ["dim", "ring"] } as const;

function RubbishTable({ items, label }: { readonly items: readonly RubbishItem[]; readonly label: string }) {
  const over = items.some((one) => one.outcome !== "unused" && one.outcome !== "told");
  return (
    <table class="table rubbish">
      <caption class="visually-hidden">{label}</caption>
      <thead><tr><th scope="col">Kind</th><th scope="col">Name</th><th scope="col" class="right">Size</th><th scope="col" class="right">Unused for</th>{over && <th scope="col">Outcome</th>}<th scope="col">Why</th></tr></thead>
      <tbody>{items.map((one) => <RubbishRow key={`${one.kind} ${one.id}`} item={one} over={over} />)}</tbody>
    </table>
  );
}

function RubbishRow({ item, over }: { readonly item: RubbishItem; readonly over: boolean }) {
  const [role, icon] = OUTCOMES[item.outcome];
  return (
    <tr>
      <td class="kind" data-label="Kind">{item.kind}</td>
      <th scope="row" class="wrap"><span title={item.id}>{item.name}</span></th>
      <td data-label="Size" class="right num" title={item.atMost ? "others share some of it" : undefined}>{sizeWords(item)}</td>
      <td data-label="Unused for" class="right num">{item.unusedSince ? <Age since={item.unusedSince} /> : <span class="muted">–</span>}</td>
      {over && <td data-label="Outcome"><Tag role={role} icon={icon}>{item.outcome}</Tag></td>}
      <td data-label="Why" class="wrap"><Prose text={item.message ?? item.why} />{item.message && item.hint && <span class="muted"> (hint: <Prose text={item.hint} />)</span>}</td>
    </tr>
  );
}
