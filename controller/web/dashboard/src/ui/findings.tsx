import type { FindingSeverity, ScanFinding, Security } from "../api/security.ts";
import { capital, count } from "../lib/format.ts";
import { countBySeverity, groupSame, headlineOf, matchesFinding, roleOfSeverity, rootOf, SEVERITIES, spotOf, type Same } from "../lib/security.ts";
import { hrefOf, queryValue, setQuery } from "../lib/router.ts";
import { Age, Empty, Prose, Section, Tag } from "./basics.tsx";
import { Icon, type IconName } from "./icons.tsx";

const ICONS: Readonly<Record<FindingSeverity, IconName>> = { critical: "cross", high: "warn", medium: "warn", low: "ring", info: "info" };

export function SeverityTag({ severity }: { readonly severity: FindingSeverity }) {
  return <Tag role={roleOfSeverity(severity)} icon={ICONS[severity] ?? "ring"}>{severity}</Tag>;
}

/** What was found, the worst first; counts are filters, and what is accepted is folded away. */
export function FindingsSection({ found, at }: { readonly found: Security; readonly at: string }) {
  const counting = found.findings.filter((one) => !one.waived);
  const waived = found.findings.filter((one) => one.waived);
  const filter = { severity: queryValue("severity"), service: queryValue("service"), text: queryValue("q") };
  const shown = counting.filter((one) => matchesFinding(one, filter));
  const root = rootOf([...found.findings, ...found.waivers]);
  return (
    <Section title="Findings" id="findings" flush aside={<Gate found={found} />}>
      <Headline found={found} at={at} />
      {counting.length > 0 && <Filters findings={counting} shown={shown.length} />}
      {shown.length > 0 ? <FindingTable findings={shown} root={root} stack={found.name} label="What was found" />
        : counting.length > 0 ? <Empty title="No finding matches."><p><button type="button" class="button small" onClick={() => setQuery({ severity: "", service: "", q: "" })}>Show all {counting.length}</button></p></Empty> : null}
      {waived.length > 0 && (
        <details class="fold">
          <summary><Icon name="chevron" /> {count(waived.length, "finding")} accepted by waivers</summary>
          <FindingTable findings={waived} root={root} stack={found.name} label="What is accepted" />
        </details>
      )}
    </Section>
  );
}

function Gate({ found: { gate } }: { readonly found: Security }) {
  if (!gate.failOn) return <span class="muted small-text" title="security.scan.failOn bars services from being started">nothing is barred</span>;
  const bars = gate.barred.length > 0;
  return <Tag role={bars ? "bad" : "good"} icon="lock" title={`security.scan.failOn: ${gate.failOn}`}>{bars ? `${count(gate.barred.length, "service")} barred` : `gate: ${gate.failOn}`}</Tag>;
}

function Headline({ found, at }: { readonly found: Security; readonly at: string }) {
  const [role, words] = headlineOf(found);
  const running = found.findings.filter((one) => one.source === "running" && !one.waived).length;
  return (
    <div class="verdict">
      <span class={`verdict-mark ${role}`}><Icon name={role === "good" ? "check" : "shield"} /></span>
      <div>
        <p class="verdict-words"><strong>{words}</strong>{running > 0 && <span class="word bad"> · {running} only in what runs</span>}</p>
        <p class="muted small-text">Scanned <Age since={at} /> ago: the files{found.lookedAt ? ", and what runs of them" : " alone"}</p>
      </div>
    </div>
  );
}

function Filters({ findings, shown }: { readonly findings: readonly ScanFinding[]; readonly shown: number }) {
  const counts = countBySeverity(findings);
  const chosen = queryValue("severity");
  const services = [...new Set(findings.map((one) => one.service ?? "-"))].sort();
  return (
    <div class="tools finding-tools" role="search" aria-label="Filter findings">
      <div class="chips" role="group" aria-label="By severity">
        {SEVERITIES.filter((one) => counts[one]).map((one) => (
          <button key={one} type="button" class={`chip ${roleOfSeverity(one)}`} aria-pressed={chosen === one} onClick={() => setQuery({ severity: chosen === one ? "" : one })}><strong class="num">{counts[one]}</strong> {one}</button>
        ))}
      </div>
      <label class="tool grow"><span class="visually-hidden">Filter by text</span><input type="search" data-search placeholder="Filter  /" value={queryValue("q")} onInput={(event) => setQuery({ q: event.currentTarget.value })} /></label>
      <label class="tool"><span class="visually-hidden">Service</span><select value={queryValue("service")} onChange={(event) => setQuery({ service: event.currentTarget.value })}><option value="">all services</option>{services.map((name) => <option key={name} value={name}>{name === "-" ? "the project" : name}</option>)}</select></label>
      {shown < findings.length && <span class="muted num" role="status">{shown} of {findings.length}</span>}
    </div>
  );
}

function FindingTable({ findings, root, stack, label }: { readonly findings: readonly ScanFinding[]; readonly root: string; readonly stack: string; readonly label: string }) {
  return (
    <table class="table scan">
      <caption class="visually-hidden">{label}</caption>
      <thead><tr><th scope="col">Severity</th><th scope="col">What</th><th scope="col">Where</th><th scope="col">Mend</th></tr></thead>
      <tbody>{groupSame(findings).map((same) => <Row key={`${same[0].source} ${same[0].rule} ${same[0].service} ${same[0].path} ${same[0].message}`} same={same} root={root} stack={stack} />)}</tbody>
    </table>
  );
}

function Row({ same, root, stack }: { readonly same: Same; readonly root: string; readonly stack: string }) {
  const [one] = same;
  return (
    <tr>
      <td data-label="Severity"><SeverityTag severity={one.severity} /></td>
      <th scope="row" class="wrap">
        <span class="rule-id" title={one.references.join(", ")}>{one.rule}</span> {one.message}
        <span class="sub">{capital(one.title)}. {one.why}</span>
        {one.waived && <span class="sub accepted">accepted until {one.waived.expires}: {one.waived.reason}</span>}
      </th>
      <td data-label="Where" class="wrap">{same.map((each) => <Where key={`${each.service} ${each.path}`} one={each} root={root} stack={stack} />)}</td>
      <td data-label="Mend" class="wrap"><Prose text={one.fix} /></td>
    </tr>
  );
}

function Where({ one, root, stack }: { readonly one: ScanFinding; readonly root: string; readonly stack: string }) {
  const spot = spotOf(one, root);
  return (
    <div class="where">
      {one.service ? <a href={hrefOf.service(stack, one.service)}>{one.service}</a> : <span class="muted">{one.source === "running" && !spot ? "what runs" : "the project"}</span>}
      {one.source === "running" && one.service && <span class="ran">in what runs</span>}
      {spot && <code title={`${one.file}${one.path ? `, ${one.path}` : ""}`}>{spot}</code>}
    </div>
  );
}

/** What all stacks of this engine have in common. */
export function EngineSection({ found }: { readonly found: Security }) {
  const [worst] = found.engineFindings;
  return (
    <Section title="The engine itself" id="engine" flush aside={worst && <SeverityTag severity={worst.severity} />}>
      <details class="fold first">
        <summary><Icon name="chevron" /> {count(found.engineFindings.length, "finding")} on how it is set up, the same for every stack on it</summary>
        <FindingTable findings={found.engineFindings} root="" stack={found.name} label="How the engine is set up" />
      </details>
    </Section>
  );
}
