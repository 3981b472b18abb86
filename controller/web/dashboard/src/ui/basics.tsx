import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

import type { Complaint, Finding, Phase, StackPhase } from "../api/types.ts";
import { age, fullTime, secondsSince } from "../lib/format.ts";
import { meaningOf, roleOf, type Role } from "../lib/phases.ts";
import { everySecond } from "../lib/ticker.ts";
import type { Fetched } from "../lib/use.ts";
import { Icon, type IconName } from "./icons.tsx";

/** `5m30s`, ticking; the full time in its title. */
export function Age({ since, until = false }: { readonly since: string; readonly until?: boolean }) {
  const ref = useRef<HTMLTimeElement>(null);
  const text = () => {
    const seconds = secondsSince(since);
    if (!until) return age(seconds);
    return seconds < 0 ? age(-seconds) : "a moment";
  };
  useEffect(
    () =>
      everySecond(() => {
        const node = ref.current?.firstChild;
        const now = text();
        if (node && node.nodeValue !== now) node.nodeValue = now;
      }),
    [since, until],
  );
  return (
    <time ref={ref} dateTime={since} title={fullTime(since)} class="num">
      {text()}
    </time>
  );
}

export const GLYPHS: Readonly<Record<Phase | StackPhase, IconName>> = {
  Ready: "check", Converged: "check", Completed: "done", Waiting: "hourglass", Pending: "ring", Starting: "half",
  Updating: "cycle", Progressing: "half", RollingBack: "undo", Degraded: "warn", CrashLoopBackOff: "loop", Failed: "cross",
  Paused: "pause", Stopped: "stop",
};

export function PhaseGlyph({ phase }: { readonly phase: Phase | StackPhase }) {
  return (
    <span class={`glyph ${roleOf(phase)}`}>
      <Icon name={GLYPHS[phase] ?? "ring"} />
    </span>
  );
}

/** Glyph, word and colour: readable without the last. */
export function PhaseTag({ phase }: { readonly phase: Phase | StackPhase }) {
  return (
    <span class={`tag ${roleOf(phase)}`} title={meaningOf(phase)}>
      <Icon name={GLYPHS[phase] ?? "ring"} />
      <span>{phase}</span>
    </span>
  );
}

export function Tag({ role, icon, children, title }: { readonly role: Role; readonly icon: IconName; readonly children: ComponentChildren; readonly title?: string }) {
  return (
    <span class={`tag ${role}`} title={title}>
      <Icon name={icon} />
      <span>{children}</span>
    </span>
  );
}

export const ROLE_ICONS: Readonly<Record<Role, IconName>> = { good: "check", busy: "half", warn: "warn", bad: "cross", dim: "info" };

/** A command to be typed, with a button that copies it. */
export function Command({ text }: { readonly text: string }) {
  const ref = useRef<HTMLButtonElement>(null);
  const copy = () => {
    void navigator.clipboard?.writeText(text).then(() => {
      const button = ref.current;
      if (!button) return;
      button.dataset["copied"] = "yes";
      setTimeout(() => delete button.dataset["copied"], 1500);
    });
  };
  return (
    <span class="command">
      <code>{text}</code>
      <button ref={ref} type="button" class="icon-button small" aria-label={`Copy ${text}`} title="Copy" onClick={copy}>
        <Icon name="copy" />
      </button>
    </span>
  );
}

/** Prose in which `such parts` are code. */
export function Prose({ text }: { readonly text: string }) {
  const parts = text.split("`");
  return <>{parts.map((part, index) => (index % 2 ? <code key={index}>{part}</code> : part))}</>;
}

/** A line of advice: a command to be typed, with what it is for, or prose. */
export function Advice({ line }: { readonly line: string }) {
  const [command = "", ...rest] = line.split(", ");
  if (!/^(controller|docker) [a-z]/.test(command)) return <Prose text={line} />;
  return (
    <>
      <Command text={command} />
      {rest.length > 0 && <span class="muted"> {rest.join(", ")}</span>}
    </>
  );
}

export function Section({ title, id, aside, children, flush = false }: {
  readonly title: string; readonly id: string; readonly aside?: ComponentChildren; readonly children: ComponentChildren; readonly flush?: boolean;
}) {
  return (
    <section class={`card${flush ? " flush" : ""}`} aria-labelledby={id}>
      <header class="card-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

export function ErrorNote({ error, again }: { readonly error: Complaint; readonly again?: () => void }) {
  return (
    <div class="note bad" role="alert">
      <Icon name="warn" />
      <div>
        <p>{error.message}</p>
        {error.hint && <p class="muted">hint: <Prose text={error.hint} /></p>}
        {error.findings && error.findings.length > 0 && <Findings findings={error.findings} />}
      </div>
      {again && <button type="button" class="button" onClick={again}>Try again</button>}
    </div>
  );
}

/** Where in the files something is wrong. */
export function Findings({ findings }: { readonly findings: readonly Finding[] }) {
  return (
    <ul class="findings">
      {findings.map((one) => (
        <li key={`${one.file}:${one.line}:${one.column}:${one.message}`}>
          {one.file && <code>{[one.file, one.line, one.column].filter((part) => part !== null).join(":")}</code>} {one.path && <span class="muted">{one.path}: </span>}<Prose text={one.message} />
          {one.hint && <span class="muted"> (hint: <Prose text={one.hint} />)</span>}
        </li>
      ))}
    </ul>
  );
}

export function Loading() {
  return <p class="loading muted" role="status">Loading…</p>;
}

/** One section and its answer: on its way, refused, or there; what was there stays while a newer one cannot be had. */
export function Asked<T>({ title, id, fetched: { data, error, again }, children }: {
  readonly title: string; readonly id: string; readonly fetched: Fetched<T>; readonly children: (data: T) => ComponentChildren;
}) {
  if (data) return <>{error && <ErrorNote error={error} again={again} />}{children(data)}</>;
  return <Section title={title} id={id}>{error ? <ErrorNote error={error} again={again} /> : <Loading />}</Section>;
}
