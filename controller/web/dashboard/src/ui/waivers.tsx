import type { Security, Waiver } from "../api/security.ts";
import { daysWords, roleOfDays, rootOf, spotOf } from "../lib/security.ts";
import { Section, Tag } from "./basics.tsx";

/** What is accepted, by whom it was reasoned, and for how long still. */
export function WaiversSection({ found }: { readonly found: Security }) {
  const root = rootOf([...found.findings, ...found.waivers]);
  return (
    <Section title="Waivers" id="waivers" flush>
      <table class="table waivers">
        <caption class="visually-hidden">Findings of {found.name} that are accepted for a while</caption>
        <thead><tr><th scope="col">Rule</th><th scope="col">Service</th><th scope="col">Until</th><th scope="col">Reason</th><th scope="col">Written in</th></tr></thead>
        <tbody>{found.waivers.map((one) => <Row key={`${one.rule} ${one.service} ${one.line}`} one={one} root={root} />)}</tbody>
      </table>
    </Section>
  );
}

function Row({ one, root }: { readonly one: Waiver; readonly root: string }) {
  const role = roleOfDays(one);
  return (
    <tr>
      <th scope="row"><span class="rule-id">{one.rule}</span></th>
      <td data-label="Service">{one.service === "*" ? <span class="muted">all</span> : one.service}</td>
      <td data-label="Until"><Tag role={role} icon={role === "bad" ? "cross" : "hourglass"} title={one.expires}>{daysWords(one)}</Tag></td>
      <td data-label="Reason" class="wrap">{one.reason}{one.findings === 0 && <span class="sub">there is no such finding: it can go</span>}</td>
      <td data-label="Written in" class={one.file ? "" : "none"}>{one.file && <code title={one.file}>{spotOf(one, root)}</code>}</td>
    </tr>
  );
}
