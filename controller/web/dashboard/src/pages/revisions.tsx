import { path } from "../api/client.ts";
import type { Change, Revision } from "../api/types.ts";
import { mayAsk } from "../app.ts";
import { ask } from "../lib/acting.ts";
import type { Role } from "../lib/phases.ts";
import { hrefOf } from "../lib/router.ts";
import { useFetch, useTitle } from "../lib/use.ts";
import type { StackEntry } from "../store/store.ts";
import { Age, Empty, ErrorNote, Loading, ROLE_ICONS, Section, Tag } from "../ui/basics.tsx";
import { StackHeader } from "../ui/stackheader.tsx";

const ROLES: Readonly<Record<string, Role>> = { Converged: "good", Progressing: "busy", RolledBack: "warn", Failed: "bad" };

function Outcome({ outcome }: { readonly outcome: string }) {
  const role = ROLES[outcome] ?? "dim";
  return <Tag role={role} icon={role === "dim" ? "ring" : outcome === "RolledBack" ? "undo" : ROLE_ICONS[role]}>{outcome}</Tag>;
}

export function RevisionsPage({ entry, number }: { readonly entry: StackEntry; readonly number: string }) {
  useTitle(`Revisions · ${entry.name}`);
  const { data, error, again } = useFetch<{ revisions: readonly Revision[] }>(path("stacks", entry.name, "revisions"), entry.head.value.generation);
  const newest = [...(data?.revisions ?? [])].sort((a, b) => b.revision - a.revision);
  return (
    <div class="page">
      <StackHeader entry={entry} tab="revisions" />
      {error && <ErrorNote error={error} again={again} />}
      {!data && !error && <Loading />}
      {data && number && <OneRevision entry={entry} number={number} latest={newest[0]?.revision ?? 0} />}
      {data && (
        <Section title="Revisions" id="revisions" flush>
          {newest.length ? <RevisionTable entry={entry} revisions={newest} /> : <Empty title="No revision is known yet."><p class="muted">Each change of the files that is applied is kept as a revision, to go back to.</p></Empty>}
        </Section>
      )}
    </div>
  );
}

function RevisionTable({ entry, revisions }: { readonly entry: StackEntry; readonly revisions: readonly Revision[] }) {
  return (
    <table class="table revisions">
      <caption class="visually-hidden">Revisions of {entry.name}, the newest first</caption>
      <thead><tr><th scope="col">Revision</th><th scope="col">Outcome</th><th scope="col">Change</th><th scope="col">Who</th><th scope="col" class="right">Age</th><th scope="col"><span class="visually-hidden">Actions</span></th></tr></thead>
      <tbody>{revisions.map((one, index) => <RevisionRow key={one.revision} entry={entry} revision={one} latest={index === 0} />)}</tbody>
    </table>
  );
}

function RevisionRow({ entry, revision, latest }: { readonly entry: StackEntry; readonly revision: Revision; readonly latest: boolean }) {
  return (
    <tr>
      <th scope="row"><a href={hrefOf.stack(entry.name, "revisions", String(revision.revision))}>Revision {revision.revision}</a></th>
      <td data-label="Outcome"><Outcome outcome={revision.outcome} /></td>
      <td data-label="Change" class="wrap">{revision.change || "–"}{revision.reason && revision.outcome !== "Converged" && <span class="muted"> ({revision.reason})</span>}</td>
      <td data-label="Who">{revision.who || "–"}</td>
      <td data-label="Age" class="right"><Age since={revision.time} /></td>
      <td class="right">{latest ? <span class="muted">newest</span> : <UndoTo entry={entry} revision={revision.revision} />}</td>
    </tr>
  );
}

function UndoTo({ entry, revision }: { readonly entry: StackEntry; readonly revision: number }) {
  if (!mayAsk("rollout-undo", entry.name)) return null;
  return (
    <button type="button" class="button small" onClick={() => ask({ verb: "rollout-undo", stack: entry.name, services: [], options: { to: revision } })}>Go back to it…<span class="visually-hidden"> (revision {revision})</span></button>
  );
}

function OneRevision({ entry, number, latest }: { readonly entry: StackEntry; readonly number: string; readonly latest: number }) {
  const { data, error } = useFetch<Revision | { readonly revisions: readonly Revision[] }>(path("stacks", entry.name, "revisions", number), latest);
  if (error) return <ErrorNote error={error} />;
  const revision = data && "revisions" in data ? data.revisions[0] : data;
  if (!revision) return <Loading />;
  return (
    <Section title={`Revision ${revision.revision}`} id="revision" aside={<a href={hrefOf.stack(entry.name, "revisions")}>Close</a>}>
      <dl class="facts">
        <div><dt>Outcome</dt><dd><Outcome outcome={revision.outcome} /></dd></div>
        <div><dt>Made</dt><dd><Age since={revision.time} /> ago{revision.who && ` by ${revision.who}`}</dd></div>
        <div><dt>Change</dt><dd>{revision.change || "–"}</dd></div>
        {revision.source && <div><dt>Source</dt><dd><code>{revision.source}</code></dd></div>}
        {revision.reason && <div><dt>Reason</dt><dd>{revision.reason}</dd></div>}
      </dl>
      <Differences changes={revision.changes ?? []} />
      {revision.revision !== latest && <div class="buttons"><UndoTo entry={entry} revision={revision.revision} /></div>}
    </Section>
  );
}

/** `- old`, `+ new` below each service: signs and words, not colours alone. */
function Differences({ changes }: { readonly changes: readonly Change[] }) {
  if (!changes.length) return <p class="muted">No definition differs from the revision before.</p>;
  const services = [...new Set(changes.map((change) => change.service))];
  return (
    <div class="diffs">
      {services.map((service) => (
        <div key={service} class="diff">
          <h3>{service}</h3>
          <div class="diff-lines" role="region" tabIndex={0} aria-label={`What changed in ${service}`}>
            {changes.filter((change) => change.service === service).map((change, index) => <Difference key={index} change={change} />)}
          </div>
        </div>
      ))}
    </div>
  );
}

function Difference({ change }: { readonly change: Change }) {
  const name = change.path ? `${change.path}: ` : "";
  const hidden = change.old === change.new && change.old === "***" ? " (changed)" : "";
  return (
    <>
      {change.old !== null && <div class="diff-line old"><span aria-hidden="true">−</span><span class="visually-hidden">was</span> {name}{change.old}</div>}
      {change.new !== null && <div class="diff-line new"><span aria-hidden="true">+</span><span class="visually-hidden">now</span> {name}{change.new}{hidden}</div>}
    </>
  );
}
