import type { ServiceLimits, StackLimits } from "../api/resources.ts";
import { mayAsk } from "../app.ts";
import { ask, isUnderWay } from "../lib/acting.ts";
import { age } from "../lib/format.ts";
import { ableTo, adviceWords, askedFor, directionOf, modeWords, nameOf, obstacleTo, rowsOf, spanOf, tell, useWords, type LimitRow } from "../lib/limits.ts";
import { hrefOf } from "../lib/router.ts";
import { Age, Empty, Prose, Section, Tag } from "./basics.tsx";
import { LimitBar } from "./gauge.tsx";

/** Each limit, what is used under it, and what it should be. */
export function LimitsSection({ limits }: { readonly limits: StackLimits }) {
  const rows = rowsOf(limits);
  const measured = rows.some((row) => row.status.used !== null);
  return (
    <Section title="Limits" id="limits" flush aside={<span class="muted small-text"><code>autoAdjust.mode: {limits.mode}</code></span>}>
      <p class="section-word"><Prose text={modeWords(limits)} />{measured && limits.mode !== "off" && ` ${adviceWords(limits)}`}</p>
      {rows.length === 0 ? <Empty title="This stack has no service." />
        : <>{!measured && <p class="section-word muted">Nothing has been measured lately: what limits should be is not known yet.</p>}<LimitTable limits={limits} rows={rows} /></>}
    </Section>
  );
}

function LimitTable({ limits, rows }: { readonly limits: StackLimits; readonly rows: readonly LimitRow[] }) {
  const span = spanOf(limits);
  return (
    <table class="table limits">
      <caption class="visually-hidden">Limits of one replica of each service of {limits.name}</caption>
      <thead><tr><th scope="col">Service</th><th scope="col">Limit</th><th scope="col" title="by the replica that uses most: now, 95 % of the time at most, and at most">Used{span && ` now, and in ${span}`}</th><th scope="col">Recommended</th><th scope="col"><span class="visually-hidden">Actions</span></th></tr></thead>
      <tbody>{rows.map((row) => <Row key={`${row.service.name} ${row.resource}`} limits={limits} row={row} />)}</tbody>
    </table>
  );
}

function Row({ limits, row }: { readonly limits: StackLimits; readonly row: LimitRow }) {
  const { service, resource, status } = row;
  return (
    <tr class={row.first ? "" : "more"}>
      <th scope="row">{row.first ? <a href={hrefOf.service(limits.name, service.name)}>{service.name}</a> : <span class="again">{service.name}</span>} <span class="resource">{nameOf(resource)}</span></th>
      <td data-label="Limit" class="num wrap">
        {status.limit === null ? <span class="muted">none</span> : tell(resource, status.limit)}
        {status.adjusted && <span class="sub">{tell(resource, status.original)} in the Compose file</span>}
        {bounds(row) && <span class="sub" title="bounds that the manifest gives">{bounds(row)}</span>}
      </td>
      <td data-label="Used" class="num wrap">
        {status.used === null ? <span class="muted">not known</span> : <>
          <span class="used" title={status.seconds === null ? undefined : `in ${age(status.seconds)}`}><span class="used-now">{tell(resource, status.used)}</span> <span class="muted small-text">{useWords(resource, status)}</span></span>
          <LimitBar used={status.used} peak={status.peak} limit={status.limit} target={status.recommended?.limit ?? null} />
        </>}
      </td>
      <td data-label="Recommended" class="wrap"><Recommended row={row} /></td>
      <td class="right">{row.first && <Acts limits={limits} service={service} />}</td>
    </tr>
  );
}

function bounds({ resource, status }: LimitRow): string {
  if (status.min === null && status.max === null) return "";
  if (status.max === null) return `at least ${tell(resource, status.min)}`;
  return status.min === null ? `at most ${tell(resource, status.max)}` : `${tell(resource, status.min)} to ${tell(resource, status.max)}`;
}

const ICONS = { raise: "up", lower: "down", set: "ring" } as const;

function Recommended({ row: { service, resource, status } }: { readonly row: LimitRow }) {
  const found = status.recommended;
  const first = resource === "memory";
  return (
    <>
      {found && <><Tag role={found.possible ? "warn" : "dim"} icon={ICONS[directionOf(status)]}>{directionOf(status)} to {tell(resource, found.limit)}</Tag><span class="sub"><Prose text={found.why} /></span>{obstacleTo(found) && <span class="sub"><Prose text={obstacleTo(found)} /></span>}</>}
      {!found && <span class="muted">{status.used === null ? "–" : "as it is"}</span>}
      {first && service.why && <span class="sub">set <Changed service={service} />: <Prose text={service.why} /></span>}
      {first && service.held && !found?.waits?.includes("undone") && <span class="sub">undone by a person: it stays so until it is resumed</span>}
    </>
  );
}

function Changed({ service }: { readonly service: ServiceLimits }) {
  return service.changedAt ? <><Age since={service.changedAt} /> ago</> : <>earlier</>;
}

const ACTS = [["apply", "resources-apply", "Apply…", "the recommended limits of"], ["undo", "resources-undo", "Undo…", "the changed limits of"], ["resume", "resources-resume", "Resume", "following the use of"]] as const;

function Acts({ limits, service }: { readonly limits: StackLimits; readonly service: ServiceLimits }) {
  const able = ableTo(service, limits.mode);
  const busy = ACTS.some(([, verb]) => isUnderWay(limits.name, verb, service.name));
  return (
    <span class="buttons end">
      {ACTS.filter(([key, verb]) => able[key] && mayAsk(verb, limits.name)).map(([, verb, label, about]) => (
        <button key={verb} type="button" class="button small" disabled={busy} aria-label={`${label.replace("…", "")} ${about} ${service.name}`} onClick={() => ask(askedFor(limits.name, service, verb))}>{label}</button>
      ))}
    </span>
  );
}
