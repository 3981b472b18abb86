import { mayAsk } from "../app.ts";
import { LABELS, type Verb } from "../lib/actions.ts";
import { ask } from "../lib/acting.ts";
import { Icon } from "./icons.tsx";

export interface Act {
  readonly verb: Verb;
  readonly label?: string;
  /** What it is about, looked up when it is asked for. */
  readonly names?: () => readonly string[];
}

export function ActButton({ act, stack, services = [], kind = "" }: {
  readonly act: Act; readonly stack: string; readonly services?: readonly string[]; readonly kind?: string;
}) {
  if (!mayAsk(act.verb, stack)) return null;
  return (
    <button type="button" class={`button ${kind}`} onClick={() => ask({ verb: act.verb, stack, services }, act.names?.())}>
      {act.label ?? LABELS[act.verb]}
    </button>
  );
}

/** The rest of what can be asked for, out of the way. */
export function MoreActs({ acts, stack, services = [] }: { readonly acts: readonly Act[]; readonly stack: string; readonly services?: readonly string[] }) {
  const offered = acts.filter((act) => mayAsk(act.verb, stack));
  const choose = (event: Event, act: Act) => {
    (event.currentTarget as HTMLElement).closest("details")?.removeAttribute("open");
    ask({ verb: act.verb, stack, services }, act.names?.());
  };
  const leave = (event: FocusEvent) => {
    const menu = event.currentTarget as HTMLElement;
    if (!(event.relatedTarget instanceof Node && menu.contains(event.relatedTarget))) menu.removeAttribute("open");
  };
  const escape = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    const menu = event.currentTarget as HTMLDetailsElement;
    menu.open = false;
    menu.querySelector("summary")?.focus();
  };
  if (!offered.length) return null;
  return (
    <details class="menu" onFocusOut={leave} onKeyDown={escape}>
      <summary class="button" aria-label="More actions"><Icon name="more" /></summary>
      <div class="menu-list">
        {offered.map((act) => (
          <button key={act.verb} type="button" onClick={(event) => choose(event, act)}>{act.label ?? LABELS[act.verb]}</button>
        ))}
      </div>
    </details>
  );
}
