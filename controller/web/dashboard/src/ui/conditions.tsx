import type { Condition } from "../api/types.ts";
import { roleOfCondition } from "../lib/phases.ts";
import { Age, Prose, ROLE_ICONS } from "./basics.tsx";
import { Icon } from "./icons.tsx";

export function Conditions({ conditions, of }: { readonly conditions: readonly Condition[]; readonly of: string }) {
  return (
    <div class="table-scroll" role="region" aria-label={`Conditions of ${of}`} tabIndex={0}>
      <table class="table conditions">
        <caption class="visually-hidden">Conditions of {of}</caption>
        <thead><tr><th scope="col">Condition</th><th scope="col">Status</th><th scope="col">Reason</th><th scope="col">Message</th><th scope="col" class="right">Since</th></tr></thead>
        <tbody>{conditions.map((condition) => <Row key={condition.type} condition={condition} />)}</tbody>
      </table>
    </div>
  );
}

function Row({ condition }: { readonly condition: Condition }) {
  const role = roleOfCondition(condition);
  return (
    <tr>
      <th scope="row"><span class={`glyph ${role}`}><Icon name={ROLE_ICONS[role]} /></span> {condition.type}</th>
      <td data-label="Status">{condition.status}</td>
      <td data-label="Reason"><code>{condition.reason}</code></td>
      <td data-label="Message" class="wrap"><Prose text={condition.message || "–"} /></td>
      <td data-label="Since" class="right"><Age since={condition.lastTransitionTime} /></td>
    </tr>
  );
}
