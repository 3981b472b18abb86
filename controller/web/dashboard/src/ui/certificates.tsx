import type { Certificate, Certificates } from "../api/certificates.ts";
import { askedBy, AUTHORITY, endingOf, headlineOf, INGRESS, leftOf, PHASES, seenOf, shortOf } from "../lib/certificates.ts";
import { hrefOf } from "../lib/router.ts";
import { Age, Command, Empty, Prose, ROLE_ICONS, Section, Tag } from "./basics.tsx";
import { Icon } from "./icons.tsx";

/** Who shows which certificate to the others, until when, and who signs it. */
export function CertificatesSection({ found }: { readonly found: Certificates }) {
  return (
    <Section title="Certificates" id="certificates" flush aside={found.enabled && <span class="muted small-text"><code>{askedBy(found)}</code></span>}>
      {found.enabled ? <Issued found={found} /> : (
        <Empty title="No service gets a certificate here.">
          <p>With these lines in its manifest each service has one of the stack's own authority, renewed in time:</p>
          <pre class="output teach-code">{"spec:\n  security:\n    tls: {mode: internal}"}</pre>
        </Empty>
      )}
    </Section>
  );
}

function Issued({ found }: { readonly found: Certificates }) {
  const now = Date.now();
  const [role, words] = headlineOf(found, now);
  return (
    <>
      <div class="verdict">
        <span class={`verdict-mark ${role}`}><Icon name={role === "good" ? "check" : role === "busy" ? "half" : "shield"} /></span>
        <div>
          <p class="verdict-words"><strong>{words}</strong></p>
          {found.message ? <p class="small-text word bad">{found.message}. What there is goes on until it ends.</p> : <p class="muted small-text">Renewed between half and two thirds of their life</p>}
        </div>
      </div>
      {found.rotation !== "none" && <Change found={found} />}
      {found.certificates.length > 0 && (
        <table class="table certificates">
          <caption class="visually-hidden">Certificates of the services of {found.stack}</caption>
          <thead><tr><th scope="col">Service</th><th scope="col">Seen</th><th scope="col">Ends in</th><th scope="col">Renewed in</th><th scope="col">Serial</th><th scope="col">Names</th></tr></thead>
          <tbody>{found.certificates.map((one) => <Row key={one.service} one={one} stack={found.stack} now={now} />)}</tbody>
        </table>
      )}
      <Authorities found={found} />
    </>
  );
}

function Row({ one, stack, now }: { readonly one: Certificate; readonly stack: string; readonly now: number }) {
  const [role, word, meaning] = seenOf(one);
  const near = endingOf(one, now);
  const wrong = [...one.faults, ...(one.message ? [one.message] : [])];
  return (
    <tr>
      <th scope="row">{one.service === INGRESS ? "the ingress" : <a href={hrefOf.service(stack, one.service)}>{one.service}</a>}</th>
      <td data-label="Seen" class={wrong.length ? "wrap" : ""}><Tag role={role} icon={ROLE_ICONS[role]} title={meaning}>{word}</Tag>{wrong.map((each) => <span key={each} class="sub word bad"><Prose text={each} /></span>)}</td>
      <td data-label="Ends in">{!one.endsAt ? <span class="muted">–</span> : <>{near ? <Tag role={near[0]} icon={near[0] === "bad" ? "cross" : "hourglass"}>{near[0] === "bad" ? near[1] : <><Age since={one.endsAt} until />, {near[1]}</>}</Tag> : <Age since={one.endsAt} until />}</>}</td>
      <td data-label="Renewed in" class={one.renewAt ? "" : "none"}>{one.renewAt && (Date.parse(one.renewAt) > now ? <Age since={one.renewAt} until /> : <span class="word warn">due</span>)}</td>
      <td data-label="Serial" class={one.serial ? "" : "none"}>{one.serial && <code title={one.serial}>{shortOf(one.serial)}</code>}</td>
      <td data-label="Names" class="wrap">{one.names.length > 0 ? <Names names={one.names} /> : <span class="muted">–</span>}</td>
    </tr>
  );
}

const MOST = 2;

function Names({ names }: { readonly names: readonly string[] }) {
  const more = names.slice(MOST);
  return (
    <div class="cert-names">
      <List names={names.slice(0, MOST)} />
      {more.length > 0 && <details><summary>and {more.length} more</summary><List names={more} /></details>}
    </div>
  );
}

/** A name is not broken where there is room for it. */
function List({ names }: { readonly names: readonly string[] }) {
  return <>{names.map((name, at) => <span key={name}><span class="cert-name">{name}{at < names.length - 1 && ","}</span> </span>)}</>;
}

/** How far the change of the authority is. */
function Change({ found: { rotation, stack } }: { readonly found: Certificates }) {
  const at = PHASES.findIndex(([phase]) => phase === rotation);
  return (
    <div class="ca-change">
      <p><strong>The authority is being changed</strong>: {PHASES[at]?.[1]}</p>
      <ol class="ca-phases" aria-label={`Phases of the change of ${stack}'s authority`}>
        {PHASES.map(([phase, meaning], index) => (
          <li key={phase} class={index < at ? "good" : index === at ? "busy" : "dim"} aria-current={index === at ? "step" : undefined} title={meaning}>
            <Icon name={index < at ? "check" : index === at ? "half" : "ring"} />{phase}<span class="visually-hidden">{index < at ? ", done" : index === at ? ", under way" : ", to come"}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

function Authorities({ found: { authorities, stack } }: { readonly found: Certificates }) {
  const now = Date.now();
  if (!authorities.length) return null;
  return (
    <ul class="section-note authorities" aria-label="Authorities">
      {authorities.map((one) => {
        const short = one.role !== "going" && Date.parse(one.endsAt) - now < 30 * 86_400_000;
        return (
          <li key={one.id}>
            <Icon name="shield" /> <span>Authority <code title={one.id}>{shortOf(one.id)}</code> {AUTHORITY[one.role] ?? one.role}, {Date.parse(one.endsAt) > now ? <>ends in <span class={short ? "word warn" : ""}>{leftOf(one.endsAt, now)}</span></> : <span class="word bad">has ended</span>}</span>
          </li>
        );
      })}
      <li class="muted">In a terminal: <Command text={`controller certs verify -s ${stack}`} /></li>
    </ul>
  );
}
