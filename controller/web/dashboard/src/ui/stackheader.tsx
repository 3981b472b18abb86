import { useComputed } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { countOf } from "../lib/derived.ts";
import { count } from "../lib/format.ts";
import { hrefOf } from "../lib/router.ts";
import type { StackEntry } from "../store/store.ts";
import { ActButton, MoreActs, type Act } from "./acts.tsx";
import { PhaseTag } from "./basics.tsx";
import { orphansOf } from "./troublecard.tsx";

const TABS = [["", "Now"], ["plan", "Plan"], ["revisions", "Revisions"], ["resources", "Resources"], ["security", "Security"]] as const;

export function StackHeader({ entry, tab }: { readonly entry: StackEntry; readonly tab: string }) {
  const head = entry.head.value;
  const tabs = useRef<HTMLElement>(null);
  useEffect(() => {
    const here = tabs.current?.querySelector<HTMLElement>("[aria-current]");
    if (tabs.current && here) tabs.current.scrollLeft += Math.max(0, here.getBoundingClientRect().right - tabs.current.getBoundingClientRect().right);
  }, [tab]);
  return (
    <header class="page-head">
      <nav class="crumbs" aria-label="Where you are"><a href="/">Overview</a> <span aria-hidden="true">/</span> <span>{entry.name}</span></nav>
      <div class="title-row">
        <h1>{entry.name}</h1>
        <PhaseTag phase={head.phase} />
        <span class="muted num"><Counts entry={entry} /> · generation {head.generation}</span>
        <div class="buttons push">
          <a class="button primary" href={hrefOf.stack(entry.name, "plan")}>Plan and apply</a>
          {firstActs(entry).map((act) => <ActButton key={act.verb} act={act} stack={entry.name} />)}
          <MoreActs acts={moreActs(entry)} stack={entry.name} />
        </div>
      </div>
      <nav class="tabs" ref={tabs} aria-label={`Views of ${entry.name}`}>
        {TABS.map(([name, label]) => <a key={name} href={name ? hrefOf.stack(entry.name, name) : hrefOf.stack(entry.name)} aria-current={name === tab ? "page" : undefined}>{label}</a>)}
      </nav>
    </header>
  );
}

function Counts({ entry }: { readonly entry: StackEntry }) {
  const words = useComputed(() => {
    const counts = countOf(entry);
    return `${counts.rest} of ${count(counts.wanted, "service")} ready`;
  });
  return <>{words}</>;
}

function holds(entry: StackEntry, type: string): boolean {
  return entry.head.value.conditions.some((one) => one.type === type && one.status === "True");
}

function firstActs(entry: StackEntry): readonly Act[] {
  const acts: Act[] = [];
  if (holds(entry, "AdoptionHeld") || holds(entry, "Released")) acts.push({ verb: "adopt" });
  if (holds(entry, "MassRemovalHeld")) acts.push({ verb: "confirm" });
  const phase = entry.head.value.phase;
  if (phase === "Paused") acts.push({ verb: "resume" });
  if (phase === "Stopped") acts.push({ verb: "start" });
  return acts;
}

function moreActs(entry: StackEntry): readonly Act[] {
  const rollout: Act = holds(entry, "Halted") || holds(entry, "Pinned") ? { verb: "rollout-resume" } : { verb: "rollout-pause" };
  return [
    { verb: "start" }, { verb: "stop", label: "Stop…" }, { verb: "retry" }, { verb: "pause", label: "Pause: touch nothing" }, { verb: "resume" },
    { verb: "rollout-restart", label: "Restart all…" }, rollout, { verb: "prune", label: "Prune…", names: () => orphansOf(entry.name) },
    { verb: "release", label: "Release…" },
  ];
}
