import type { Condition } from "../api/types.ts";
import { placeOf, PLACE_LABELS } from "../lib/admission.ts";
import { roleOfCondition } from "../lib/phases.ts";
import { hrefOf } from "../lib/router.ts";
import { Age, Prose, ROLE_ICONS } from "./basics.tsx";
import { Icon } from "./icons.tsx";

/** Each answers one question: its answer, the reason, the sentence, and since when. */
export function Conditions({ conditions, stack }: { readonly conditions: readonly Condition[]; readonly stack: string }) {
  return <ul class="rows conditions">{conditions.map((condition) => <Row key={condition.type} condition={condition} stack={stack} />)}</ul>;
}

function Row({ condition, stack }: { readonly condition: Condition; readonly stack: string }) {
  const role = roleOfCondition(condition);
  const place = placeOf(condition.type);
  return (
    <li>
      <span class={`glyph ${role}`}><Icon name={ROLE_ICONS[role]} /></span>
      <span><strong>{condition.type}</strong> is {condition.status}</span>
      {condition.reason !== condition.type && <code>{condition.reason}</code>}
      <span class="muted push">for <Age since={condition.lastTransitionTime} /></span>
      {condition.message && <p class="muted"><Prose text={condition.message} />{place && <> <a href={hrefOf.resources(stack, place)}>{PLACE_LABELS[place]}</a></>}</p>}
    </li>
  );
}
