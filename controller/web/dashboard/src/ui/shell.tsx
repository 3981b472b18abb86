import type { ComponentChildren } from "preact";
import { useComputed } from "@preact/signals";

import { info, logOut, lostSince, me, store } from "../app.ts";
import { openAlerts } from "../lib/derived.ts";
import { clock, count } from "../lib/format.ts";
import { describeRoles } from "../lib/rights.ts";
import { hrefOf, location } from "../lib/router.ts";
import { isDark, toggleTheme } from "../lib/theme.ts";
import type { StackEntry } from "../store/store.ts";
import { Age, PhaseGlyph } from "./basics.tsx";
import { Icon, type IconName } from "./icons.tsx";
import { overlay } from "./keys.tsx";

export function Mark() {
  return (
    <span class="mark">
      <svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" /><path d="M22.5 11.2a8 8 0 1 0 1.3 7.4M12.2 16.4l2.8 2.8 5-5.6" /></svg>
      <span>controller</span>
    </span>
  );
}

export function Shell({ children }: { readonly children: ComponentChildren }) {
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>Skip to content</a>
      <div class="shell">
        <Side />
        <div class="content">
          <Banner />
          <main id="main" tabIndex={-1}>{children}</main>
        </div>
      </div>
    </>
  );
}

function Side() {
  const firing = useComputed(() => openAlerts.value.filter((alert) => !alert.hushed).length);
  return (
    <header class="side">
      <a class="brand" href="/" aria-label="controller, overview"><Mark /></a>
      <button type="button" class="find" onClick={() => (overlay.value = "palette")} title="Find a service, a page or an action"><Icon name="search" /><span>Find…</span><kbd aria-hidden="true">Ctrl K</kbd></button>
      <nav aria-label="Pages" class="nav">
        <NavLink href="/" icon="home" label="Overview" />
        <NavLink href="/alerts" icon="bell" label="Alerts" badge={firing.value} />
        <NavLink href="/events" icon="list" label="Events" />
        <NavLink href="/audit" icon="book" label="Audit" />
        <NavLink href="/access" icon="key" label="Access" />
      </nav>
      <nav aria-label="Stacks" class="nav stacks">
        {store.stacks.value.length > 0 && <span class="nav-title" aria-hidden="true">Stacks</span>}
        {store.stacks.value.map((entry) => <StackLink key={entry.name} entry={entry} />)}
      </nav>
      <Foot />
    </header>
  );
}

function NavLink({ href, icon, label, badge = 0 }: { readonly href: string; readonly icon: IconName; readonly label: string; readonly badge?: number }) {
  const here = location.value.path === href;
  return (
    <a class="nav-link" href={href} aria-current={here ? "page" : undefined}>
      <Icon name={icon} /><span>{label}</span>{badge > 0 && <span class="badge" title={`${count(badge, "open alert")}`}>{badge}<span class="visually-hidden"> open</span></span>}
    </a>
  );
}

function StackLink({ entry }: { readonly entry: StackEntry }) {
  const here = location.value.parts[0] === "stacks" && location.value.parts[1] === entry.name;
  const phase = entry.head.value.phase;
  return (
    <a class="nav-link" href={hrefOf.stack(entry.name)} aria-current={here ? "page" : undefined} title={phase}>
      <PhaseGlyph phase={phase} /><span class="nav-name">{entry.name}</span><span class="visually-hidden">, {phase}</span>
    </a>
  );
}

function Foot() {
  const dark = isDark();
  return (
    <div class="foot">
      <div class="foot-buttons">
        <button type="button" class="icon-button" aria-label={dark ? "Use the light theme" : "Use the dark theme"} title={dark ? "Light theme" : "Dark theme"} onClick={toggleTheme}><Icon name={dark ? "sun" : "moon"} /></button>
        <button type="button" class="icon-button hide-narrow" aria-label="Keys" title="Keys (?)" onClick={() => (overlay.value = "keys")}><Icon name="keys" /></button>
        <button type="button" class="icon-button" aria-label="Sign out" title="Sign out" onClick={() => void logOut()}><Icon name="out" /></button>
      </div>
      {me.value && <p class="foot-text" title={`roles: ${describeRoles(me.value)}`}><span class="visually-hidden">Signed in as </span><strong>{me.value.user}</strong> · {describeRoles(me.value)}</p>}
      {info.value && <p class="foot-text">{info.value.version}{info.value.engine && ` · ${info.value.engine.name} ${info.value.engine.version}`}</p>}
    </div>
  );
}

/** While the stream is away: since when, and that what is shown is old. */
function Banner() {
  const since = lostSince.value;
  if (since === null) return null;
  const at = new Date(since).toISOString();
  return (
    <div class="banner" role="status">
      <Icon name="warn" />
      <span>Not connected since {clock(since)} (<Age since={at} />). {store.known.value ? "Showing the last state." : "Nothing is known yet."} Trying again.</span>
    </div>
  );
}
