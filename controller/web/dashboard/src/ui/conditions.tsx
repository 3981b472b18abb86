import type { Condition } from "../api/types.ts";
import { roleOfCondition } from "../lib/phases.ts";
import { Age, Prose, ROLE_ICONS } from "./basics.tsx";
import { Icon } from "./icons.tsx";

/** Each answers one question: its answer, the reason, the sentence, and since when. */
export function Conditions({ conditions }: { readonly conditions: readonly Condition[] }) {
  return <ul class="rows conditions">{conditions.map((condition) => <Row key={condition.type} condition={condition} />)}</ul>;
}

function Row({ condition }: { readonly condition: Condition }) {
  const role = roleOfCondition(condition);
  return (
    <li>
      <span class={`glyph ${role}`}><Icon name={ROLE_ICONS[role]} /></span>
      <span><strong>{condition.type}</strong> is {condition.status}</span>
      {condition.reason !== condition.type && <code>{condition.reason}</code>}
      <span class="muted push">for <Age since={condition.lastTransitionTime} /></span>
      {condition.message && <p class="muted"><Prose text={condition.message} /></p>}
    </li>
  );
}
