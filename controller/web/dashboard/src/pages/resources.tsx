import { useComputed } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { path } from "../api/client.ts";
import type { Room, StackLimits } from "../api/resources.ts";
import { store } from "../app.ts";
import { whoWaits } from "../lib/admission.ts";
import { isBlind } from "../lib/derived.ts";
import { some } from "../lib/format.ts";
import { hrefOf, showPlace } from "../lib/router.ts";
import { useEvery, useFetch, useSlow, useTitle } from "../lib/use.ts";
import type { StackEntry } from "../store/store.ts";
import { AdmissionSection } from "../ui/admission.tsx";
import { Asked } from "../ui/basics.tsx";
import { CleanupSection } from "../ui/cleanup.tsx";
import { Icon } from "../ui/icons.tsx";
import { LimitsSection } from "../ui/limits.tsx";
import { MachineSection } from "../ui/machine.tsx";
import { StackHeader } from "../ui/stackheader.tsx";

/** What the machine has, who may start on it, what limits should be, and what is of no use any more. */
export function ResourcesPage({ entry }: { readonly entry: StackEntry }) {
  useTitle(`Resources · ${entry.name}`);
  const key = useNews(entry);
  const room = useFetch<Room>(path("stacks", entry.name, "room"), key);
  const limits = useFetch<StackLimits>(path("stacks", entry.name, "resources"), key);
  const there = (room.data ?? room.error) !== null && (limits.data ?? limits.error) !== null;
  useEffect(() => {
    if (there) showPlace();
  }, [there]);
  return (
    <div class="page">
      <StackHeader entry={entry} tab="resources" />
      <Blind entry={entry} />
      <Summary entry={entry} room={room.data} />
      <MachineSection entry={entry} room={room.data} />
      <Asked title="Admission" id="admission" fetched={room}>{(data) => <AdmissionSection entry={entry} room={data} />}</Asked>
      <Asked title="Limits" id="limits" fetched={limits}>{(data) => <LimitsSection limits={data} />}</Asked>
      <CleanupSection entry={entry} />
    </div>
  );
}

/** Another value now and then, when a service says something else, and when something that was asked for has ended. */
function useNews(entry: StackEntry): string {
  const told = useComputed(() => entry.services.value.map(({ status: { value } }) => `${value.phase} ${value.reason} ${value.ready}`).join());
  const ended = useComputed(() => [...store.intents.value.values()].filter((one) => one.stack === entry.name && one.intent.state === "done").length);
  return `${useSlow(told.value, 700)} ${ended.value} ${useEvery(10_000)}`;
}

function Blind({ entry }: { readonly entry: StackEntry }) {
  if (!isBlind(entry)) return null;
  return <div class="note warn" role="status"><Icon name="warn" /><div>The engine does not answer: what is told here of services is what was seen last.</div></div>;
}

/** Who waits, before anything else. */
function Summary({ entry, room }: { readonly entry: StackEntry; readonly room: Room | null }) {
  const names = room ? whoWaits(room).map((one) => one.name) : [];
  if (!names.length) return null;
  return (
    <div class="note warn" role="status"><Icon name="hourglass" />
      <div>{some(names)} {names.length === 1 ? "waits" : "wait"} for room on this machine. <a href={hrefOf.resources(entry.name, "admission")}>Why, with the numbers</a></div>
    </div>
  );
}
