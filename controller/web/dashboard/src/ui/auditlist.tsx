import { endOf, moreOf, objectOf, reasonOf, stackOf, VIA, type Act } from "../lib/audit.ts";
import { fullTime, milliseconds } from "../lib/format.ts";
import { hrefOf } from "../lib/router.ts";
import { store } from "../app.ts";
import { Age, Prose, ROLE_ICONS, Tag } from "./basics.tsx";
import { Icon } from "./icons.tsx";

/** One act a row, which opens to all that is written down of it. */
export function AuditList({ acts }: { readonly acts: readonly Act[] }) {
  return <ol class="audit-list" aria-label="What was done, the newest first">{acts.map((act) => <li key={act.key}><Row act={act} /></li>)}</ol>;
}

function Row({ act }: { readonly act: Act }) {
  const { last } = act;
  const [role, word] = endOf(act);
  const why = reasonOf(last);
  return (
    <details class="audit">
      <summary>
        <span class="audit-age"><Age since={last.ts} /></span>
        <span class="audit-who"><strong>{last.actor || "–"}</strong> <span class="muted">{last.via}</span></span>
        <span class="audit-what"><strong>{last.verb}</strong> {objectOf(last)}</span>
        <span class="audit-end"><Tag role={role} icon={ROLE_ICONS[role]}>{word}</Tag></span>
        <span class="audit-why" title={why}>{why}</span>
        <Icon name="chevron" />
      </summary>
      <Detail act={act} />
    </details>
  );
}

function Detail({ act }: { readonly act: Act }) {
  const { last, intent, outcome, door } = act;
  const [role, word] = endOf(act);
  const why = reasonOf(last);
  return (
    <dl class="audit-detail">
      <Fact name="Who">{last.actor || "nobody"}, through {VIA[last.via] ?? last.via}{last.from && <>, from <code>{last.from}</code></>}</Fact>
      <Fact name="What"><strong>{last.verb}</strong> <Linked act={act} /></Fact>
      <Fact name="Decision">{last.decision.allowed ? "allowed" : <span class="word bad">denied</span>}{last.decision.why && <>: <Prose text={last.decision.why} /></>}</Fact>
      <Fact name="Outcome"><span class={`word ${role}`}>{word}</span>{why && why !== last.decision.why && <>: <Prose text={why} /></>}</Fact>
      {intent && <Fact name="Asked">{fullTime(intent.ts)}</Fact>}
      {outcome && <Fact name={intent ? "Ended" : "When"}>{fullTime(outcome.ts)}{intent && `, after ${milliseconds((Date.parse(outcome.ts) - Date.parse(intent.ts)) / 1000)}`}</Fact>}
      {moreOf(last).map(([name, value]) => <Fact key={name} name={name} given><code>{value}</code></Fact>)}
      <Fact name="Records">{[intent, outcome].map((one) => one?.seq).filter(Boolean).join(" and ")} of the log of {last.log}{last.id && <>, id <code>{last.id}</code></>}</Fact>
      {door.length > 0 && <Fact name="At the door">{door.map((one) => one.seq).reverse().join(" and ")} of the log of {door[0]!.log}, id <code>{door[0]!.id}</code></Fact>}
    </dl>
  );
}

function Fact({ name, given = false, children }: { readonly name: string; readonly given?: boolean; readonly children: preact.ComponentChildren }) {
  return <div><dt>{given ? <code>{name}</code> : name}</dt><dd>{children}</dd></div>;
}

/** A way to what it was about, where that is still there. */
function Linked({ act: { last } }: { readonly act: Act }) {
  const stack = stackOf(last);
  const text = objectOf(last);
  if (!stack || !store.stack(stack)) return <>{text}</>;
  const isService = last.object.kind === "service" && store.service(stack, last.object.name);
  return <a href={isService ? hrefOf.service(stack, last.object.name) : hrefOf.stack(stack)}>{text}</a>;
}
