import { me } from "../app.ts";
import { describeRoles } from "../lib/rights.ts";
import { Icon } from "./icons.tsx";

/** What one may not see is said in one line, and not asked for: the API would write it down as refused. */
export function NotAllowed({ what, verb = "get", resource }: { readonly what: string; readonly verb?: string; readonly resource: string }) {
  return (
    <p class="section-word not-allowed"><span class="glyph dim"><Icon name="lock" /></span>
      <span>{what} is shown to who may <code>{verb} {resource}</code>; {me.value ? <><strong>{me.value.user}</strong> ({describeRoles(me.value)}) may not.</> : "you may not."}</span>
    </p>
  );
}
