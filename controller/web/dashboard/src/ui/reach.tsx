import type { Check, Published, Security } from "../api/security.ts";
import { checkWords, FROM, matrixOf, SIGNS, signOf, wrongWays, type Matrix } from "../lib/security.ts";
import { hrefOf } from "../lib/router.ts";
import { Age, Command, Empty, Prose, Section, Tag } from "./basics.tsx";
import { Icon } from "./icons.tsx";

/** Who reaches whom, by the last netcheck of the whole stack. */
export function ReachSection({ found }: { readonly found: Security }) {
  const { check, policy } = found.network;
  return (
    <Section title="Who reaches whom" id="reach" flush aside={<span class="muted small-text"><code>networkPolicy: {policy}</code></span>}>
      {check ? <Checked check={check} stack={found.name} /> : (
        <Empty title="Not checked yet.">
          <p>A check connects from each running service to every port of each other, and compares with the declared edges.</p>
          <p class="muted">In a terminal: <Command text={`controller netcheck -s ${found.name}`} /></p>
        </Empty>
      )}
    </Section>
  );
}

function Checked({ check, stack }: { readonly check: Check; readonly stack: string }) {
  const wrong = wrongWays(check);
  const matrix = matrixOf(check);
  return (
    <>
      <p class="section-word"><span class={`glyph ${wrong.length ? "bad" : "good"}`}><Icon name={wrong.length ? "cross" : "check"} /></span> <strong>{checkWords(check)}</strong>, <Age since={check.at} /> ago <span class="muted">(<code>controller netcheck</code> checks anew)</span></p>
      {wrong.length > 0 && (
        <ul class="ways" aria-label="What is not as declared">
          {wrong.map(({ pair, ports }) => {
            const sign = signOf(pair);
            return (
              <li key={`${pair.from} ${pair.to} ${pair.verdict}`}>
                <span class={`way-sign ${sign.role}`} aria-hidden="true">{sign.sign}</span>
                <div>
                  <p><a href={hrefOf.service(stack, pair.from)}>{pair.from}</a> <span aria-label="to">→</span> <a href={hrefOf.service(stack, pair.to)}>{pair.to}</a>{ports.length > 0 && <span class="num">:{ports.join(", ")}</span>} <span class={`word ${sign.role}`}>{sign.meaning}</span></p>
                  {pair.cause && <p class="muted"><Prose text={pair.cause} /></p>}
                  {pair.mend && <p><span class="muted">Mend:</span> <Prose text={pair.mend} /></p>}
                </div>
              </li>
            );
          })}
        </ul>
      )}
      {matrix.sources.length > 0 && <Table matrix={matrix} />}
      {(check.notes.length > 0 || check.notRunning.length > 0) && (
        <ul class="section-note evidence">
          {check.notRunning.length > 0 && <li>not running, so not checked: {check.notRunning.join(", ")}</li>}
          {check.notes.map((one) => <li key={one}><Prose text={one} /></li>)}
        </ul>
      )}
    </>
  );
}

function Table({ matrix: { sources, targets, at } }: { readonly matrix: Matrix }) {
  const used = SIGNS.filter((sign) => sources.some((source) => targets.some((target) => { const pair = at(source, target); return pair && signOf(pair) === sign; })));
  return (
    <>
      <div class="matrix-scroll" tabIndex={0} role="region" aria-label="Who reaches whom, as a table">
        <table class="matrix">
          <caption class="visually-hidden">Rows reach columns</caption>
          <thead><tr><th scope="col" class="corner"><span class="muted">from ↓ to →</span></th>{targets.map((target) => <th key={target} scope="col" class="turned"><span title={target}>{target}</span></th>)}</tr></thead>
          <tbody>{sources.map((source) => (
            <tr key={source}>
              <th scope="row" title={source}>{source}</th>
              {targets.map((target) => <Cell key={target} source={source} target={target} at={at} />)}
            </tr>
          ))}</tbody>
        </table>
      </div>
      <ul class="legend" aria-label="What the signs mean">{used.map((sign) => <li key={sign.meaning}><span class={`cell-sign ${sign.role}`} aria-hidden="true">{sign.sign}</span> {sign.meaning}</li>)}</ul>
    </>
  );
}

function Cell({ source, target, at }: { readonly source: string; readonly target: string; readonly at: Matrix["at"] }) {
  const pair = at(source, target);
  if (!pair) return <td class="self"><span class="visually-hidden">not tried</span></td>;
  const { sign, role, meaning } = signOf(pair);
  return <td title={`${source} → ${target}: ${meaning}${pair.cause ? `: ${pair.cause}` : ""}`}><span class={`cell-sign ${role}`} aria-hidden="true">{sign}</span><span class="visually-hidden">{meaning}</span></td>;
}

/** What the machine publishes, and who gets there. */
export function PublishedSection({ found }: { readonly found: Security }) {
  const open = [...new Set(found.network.published.filter((one) => one.reachableFrom === "everyone").map((one) => one.service))];
  return (
    <Section title="Published addresses" id="published" flush>
      {open.length > 0 && (
        <div class="section-note"><div class="note warn"><Icon name="warn" />
          <div>
            <p><strong>{open.join(", ")}</strong> {open.length === 1 ? "is" : "are"} published at every address of the machine. Docker's rules for published ports come before those of host firewalls such as ufw and firewalld.</p>
            <p class="muted">Publish at 127.0.0.1 (<code>127.0.0.1:PORT:PORT</code>), or drop what is not wanted in the <code>DOCKER-USER</code> chain.</p>
          </div>
        </div></div>
      )}
      {found.network.published.length === 0 ? <Empty title="Nothing is published." /> : (
        <table class="table published">
          <caption class="visually-hidden">Published addresses of {found.name}</caption>
          <thead><tr><th scope="col">Service</th><th scope="col">Address</th><th scope="col">Reachable from</th></tr></thead>
          <tbody>{found.network.published.map((one) => <Row key={one.address} one={one} stack={found.name} />)}</tbody>
        </table>
      )}
    </Section>
  );
}

function Row({ one, stack }: { readonly one: Published; readonly stack: string }) {
  const [role, words, more] = FROM[one.reachableFrom];
  return (
    <tr>
      <th scope="row"><a href={hrefOf.service(stack, one.service)}>{one.service}</a></th>
      <td data-label="Address"><code>{one.address}</code></td>
      <td data-label="From" class="wrap"><Tag role={role} icon={role === "warn" ? "warn" : role === "good" ? "lock" : "link"}>{words}</Tag> <span class="muted from-more">{more}</span></td>
    </tr>
  );
}
