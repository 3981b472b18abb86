import { useEffect } from "preact/hooks";

import { store } from "../app.ts";
import { dropNote, endingOf, notes, type Note } from "../lib/acting.ts";
import { Prose } from "./basics.tsx";
import { Icon } from "./icons.tsx";

/** What was asked for: under way, done, or not. */
export function Notes() {
  return (
    <div class="notes" role="status" aria-label="What you asked for">
      {notes.value.map((note) => <NoteLine key={note.id} note={note} />)}
    </div>
  );
}

const STATES = { waiting: "waits for its turn…", claimed: "under way…", done: "done" } as const;

function NoteLine({ note }: { readonly note: Note }) {
  const intent = note.intent === null ? null : (store.intents.value.get(note.intent)?.intent ?? null);
  const ending = intent ? endingOf(intent) : null;
  const error = note.error ?? (ending && !ending.ok ? { message: ending.text, hint: ending.hint } : null);
  const ok = ending?.ok === true;
  useEffect(() => {
    if (!ok) return undefined;
    const timer = setTimeout(() => dropNote(note.id), 8000);
    return () => clearTimeout(timer);
  }, [ok]);
  const role = error ? "bad" : ok ? "good" : "busy";
  return (
    <div class={`toast ${role}`}>
      <span class={`glyph ${role}`}><Icon name={error ? "cross" : ok ? "check" : "half"} /></span>
      <div>
        <strong>{note.title}</strong>
        <p>{error ? error.message : ok ? ending.text : intent ? STATES[intent.state] : "asked…"}</p>
        {error?.hint && <p class="muted">hint: <Prose text={error.hint} /></p>}
      </div>
      <button type="button" class="icon-button small" aria-label={`Dismiss: ${note.title}`} onClick={() => dropNote(note.id)}><Icon name="cross" /></button>
    </div>
  );
}
