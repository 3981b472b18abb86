import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { asking } from "../lib/acting.ts";
import type { Confirmation } from "../lib/actions.ts";

/** The browser's own: it holds the focus, Escape cancels, and the focus goes back to where it was. */
export function Dialog({ label, close, children, wide = false }: {
  readonly label: string; readonly close: () => void; readonly children: ComponentChildren; readonly wide?: boolean;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    ref.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog ref={ref} class={wide ? "dialog wide" : "dialog"} aria-label={label} onClose={close} onClick={(event) => event.target === ref.current && close()}>
      {children}
    </dialog>
  );
}

/** Says what will happen, and waits for a yes. */
export function Asking() {
  const open = asking.value;
  if (!open) return null;
  const close = () => (asking.value = null);
  const yes = () => {
    close();
    open.yes();
  };
  return (
    <Dialog label={open.confirmation.title} close={close}>
      <Question confirmation={open.confirmation} yes={yes} no={close} />
    </Dialog>
  );
}

function Question({ confirmation, yes, no }: { readonly confirmation: Confirmation; readonly yes: () => void; readonly no: () => void }) {
  const [typed, setTyped] = useState("");
  const may = confirmation.typed === undefined || typed === confirmation.typed;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (may) yes();
  };
  return (
    <form class="question" onSubmit={submit}>
      <h2>{confirmation.title}</h2>
      {confirmation.says.map((line) => <p key={line}>{line}</p>)}
      {confirmation.names && confirmation.names.length > 0 && (
        <ul class="names">{confirmation.names.map((name) => <li key={name}><code>{name}</code></li>)}</ul>
      )}
      {confirmation.typed !== undefined && (
        <label class="field">
          <span>Type <code>{confirmation.typed}</code> to go on</span>
          <input type="text" value={typed} autoComplete="off" spellcheck={false} onInput={(event) => setTyped(event.currentTarget.value)} />
        </label>
      )}
      <div class="buttons end">
        <button type="button" class="button" onClick={no} autoFocus={confirmation.typed === undefined}>Cancel</button>
        <button type="submit" class={`button ${confirmation.role === "bad" ? "danger" : "primary"}`} disabled={!may}>{confirmation.button}</button>
      </div>
    </form>
  );
}
