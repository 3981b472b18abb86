import { useEffect, useMemo, useState } from "preact/hooks";

import type { Phase, StackPhase } from "../api/types.ts";
import { mayAsk, store } from "../app.ts";
import { LABELS, type Verb } from "../lib/actions.ts";
import { ask } from "../lib/acting.ts";
import { go, hrefOf } from "../lib/router.ts";
import { toggleTheme } from "../lib/theme.ts";
import { PhaseGlyph } from "./basics.tsx";
import { Dialog } from "./dialog.tsx";
import { Icon } from "./icons.tsx";
import { overlay } from "./keys.tsx";

interface Choice {
  readonly key: string;
  readonly text: string;
  readonly aside: string;
  readonly phase: Phase | StackPhase | null;
  readonly act: () => void;
}

const MOST = 12;

export function Palette() {
  const close = () => (overlay.value = null);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const all = useMemo(choices, []);
  const found = useMemo(() => search(all, text), [text]);
  useEffect(() => document.getElementById(`choice-${at}`)?.scrollIntoView({ block: "nearest" }), [at]);
  const choose = (choice: Choice | undefined) => {
    if (!choice) return;
    close();
    setTimeout(choice.act, 0); // after the focus went back
  };
  const key = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step) setAt((at + step + found.length) % Math.max(1, found.length));
    else if (event.key === "Enter") choose(found[at]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog label="Find" close={close} wide>
      <div class="palette">
        <input type="text" role="combobox" aria-label="Find a service, a page or an action" aria-expanded="true" aria-controls="choices" aria-autocomplete="list" aria-activedescendant={found.length ? `choice-${at}` : undefined}
          placeholder="Service, page or action" autoComplete="off" spellcheck={false} autoFocus value={text} onKeyDown={key} onInput={(event) => { setText(event.currentTarget.value); setAt(0); }} />
        <ul id="choices" role="listbox" aria-label="Found">
          {found.map((choice, index) => (
            <li key={choice.key} id={`choice-${index}`} role="option" aria-selected={index === at} onClick={() => choose(choice)} onMouseMove={() => setAt(index)}>
              {choice.phase ? <PhaseGlyph phase={choice.phase} /> : <span class="glyph dim"><Icon name="chevron" /></span>}
              <span>{choice.text}</span><span class="muted">{choice.aside}</span>
            </li>
          ))}
        </ul>
        {!found.length && <p class="muted palette-none" role="status">Nothing is called so.</p>}
      </div>
    </Dialog>
  );
}

/** All words have to be there; names that begin so come first. */
function search(all: readonly Choice[], text: string): readonly Choice[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all.filter((choice) => words.every((word) => `${choice.text} ${choice.aside}`.toLowerCase().includes(word)));
  const first = words[0] ?? "";
  return [...found].sort((a, b) => Number(b.text.toLowerCase().startsWith(first)) - Number(a.text.toLowerCase().startsWith(first))).slice(0, MOST);
}

function choices(): readonly Choice[] {
  const stacks = store.stacks.peek();
  const services = stacks.flatMap((entry) => entry.services.peek());
  return [
    page("Overview", "/"), page("Alerts", "/alerts"), page("Events", "/events"), page("Audit", "/audit"), page("Access", "/access"),
    ...stacks.map((entry): Choice => ({ key: `stack ${entry.name}`, text: entry.name, aside: "stack", phase: entry.head.peek().phase, act: () => go(hrefOf.stack(entry.name)) })),
    ...services.map((one): Choice => ({ key: `service ${one.stack}/${one.name}`, text: one.name, aside: `service of ${one.stack}`, phase: one.status.peek().phase, act: () => go(hrefOf.service(one.stack, one.name)) })),
    ...stacks.flatMap((entry) => [
      page(`Plan of ${entry.name}`, hrefOf.stack(entry.name, "plan")), page(`Revisions of ${entry.name}`, hrefOf.stack(entry.name, "revisions")),
      page(`Resources of ${entry.name}`, hrefOf.resources(entry.name)), page(`Security of ${entry.name}`, hrefOf.stack(entry.name, "security")),
      ...(["start", "stop", "retry", "pause", "resume", "rollout-restart", "prune", "release"] as const).filter((verb) => mayAsk(verb, entry.name)).map((verb) => action(verb, entry.name, [])),
    ]),
    ...services.flatMap((one) => (["retry", "rollout-restart", "rollout-undo", "start", "stop", "pause", "resume"] as const).filter((verb) => mayAsk(verb, one.stack)).map((verb) => action(verb, one.stack, [one.name]))),
    { key: "theme", text: "Change the theme", aside: "dark or light", phase: null, act: toggleTheme },
  ];
}

function page(text: string, to: string): Choice {
  return { key: `page ${to}`, text, aside: "page", phase: null, act: () => go(to) };
}

function action(verb: Verb, stack: string, services: readonly string[]): Choice {
  const what = services[0] ?? stack;
  return { key: `${verb} ${stack}/${what}${services.length}`, text: `${LABELS[verb]} ${what}`, aside: services.length ? `action in ${stack}` : "action, whole stack", phase: null, act: () => ask({ verb, stack, services }) };
}
