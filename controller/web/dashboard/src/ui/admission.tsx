import { useComputed } from "@preact/signals";

import type { Room, ServiceRoom } from "../api/resources.ts";
import type { Phase } from "../api/types.ts";
import { amountWords, policyWords, whoWaits } from "../lib/admission.ts";
import { bytes, capital, count } from "../lib/format.ts";
import { hrefOf } from "../lib/router.ts";
import type { StackEntry } from "../store/store.ts";
import { Empty, Prose, Section, Tag } from "./basics.tsx";
import { Icon } from "./icons.tsx";

/** Who is let start, who waits, and with what each is counted. */
export function AdmissionSection({ entry, room }: { readonly entry: StackEntry; readonly room: Room }) {
  const waiting = whoWaits(room);
  return (
    <Section title="Admission" id="admission" flush aside={<span class="muted small-text"><code>admission: {room.admission}</code></span>}>
      <p class="section-word">{policyWords(room)}</p>
      <Overcommitted entry={entry} />
      {waiting.length > 0 ? <Waiting entry={entry} waiting={waiting} /> : room.services.length > 0 && room.admission !== "off" && <Fits room={room} />}
      {room.services.length > 0 ? <RoomTable entry={entry} room={room} /> : <Empty title="This stack has no service." />}
    </Section>
  );
}

function Fits({ room }: { readonly room: Room }) {
  if (!room.machine) return <p class="section-word muted">Nobody had to look at the machine yet: nothing of this stack asks for a part of it.</p>;
  const over = room.room.memory !== null && room.counted.memory > room.room.memory;
  if (over) return null;
  return <p class="section-word all-fits"><span class="glyph good"><Icon name="check" /></span> Everything has room.</p>;
}

/** What the stack's condition says of what runs. */
function Overcommitted({ entry }: { readonly entry: StackEntry }) {
  const found = entry.head.value.conditions.find((one) => one.type === "Overcommitted" && one.status === "True");
  return found ? <div class="section-note over"><div class="note warn"><Icon name="warn" /><div>{capital(found.message)}.</div></div></div> : null;
}

function Waiting({ entry, waiting }: { readonly entry: StackEntry; readonly waiting: readonly ServiceRoom[] }) {
  return (
    <ol class="waiting" aria-label="Who waits for room">
      {waiting.map((one, index) => (
        <li key={one.name}>
          <span class="glyph warn"><Icon name="hourglass" /></span>
          <div>
            <p><a href={hrefOf.service(entry.name, one.name)}><strong>{one.name}</strong></a> {index === 0 ? "waits first" : "waits after that"} <span class="muted num">(priority {one.priority})</span></p>
            <p class="waiting-why"><Prose text={one.waits ?? ""} /></p>
          </div>
        </li>
      ))}
    </ol>
  );
}

function RoomTable({ entry, room }: { readonly entry: StackEntry; readonly room: Room }) {
  return (
    <table class="table room">
      <caption class="visually-hidden">Services of {entry.name} in the order in which they are let start, with what each is counted with</caption>
      <thead>
        <tr>
          <th scope="col">Service</th><th scope="col" class="right">Priority</th><th scope="col" class="right" title="reserved, or measured, or its limit">One replica counts</th>
          <th scope="col" class="right" title="of one replica, 95 % of the time of the last day">Measured</th><th scope="col" class="right">Replicas</th>
          <th scope="col" class="right" title="all of its replicas together">Counted</th><th scope="col" class="right">Uses now</th><th scope="col">Room</th>
        </tr>
      </thead>
      <tbody>{room.services.map((one) => <RoomRow key={one.name} entry={entry} one={one} policy={room.admission} />)}</tbody>
      <tfoot><tr><th scope="row">All together</th><td colSpan={4} /><td data-label="Counted" class="right num">{amountWords(room.counted) || "nothing"}</td><td data-label="Uses now" class="right num">{bytes(usedBy(room))}</td><td /></tr></tfoot>
    </table>
  );
}

function usedBy(room: Room): number | null {
  const known = room.services.flatMap((one) => one.used ?? []);
  return known.length ? known.reduce((total, value) => total + value, 0) : null;
}

function RoomRow({ entry, one, policy }: { readonly entry: StackEntry; readonly one: ServiceRoom; readonly policy: Room["admission"] }) {
  return (
    <tr>
      <th scope="row"><a href={hrefOf.service(entry.name, one.name)}>{one.name}</a></th>
      <td data-label="Priority" class="right num">{one.priority}</td>
      <td data-label="One replica counts" class="right num">{amountWords(one.asked) || <span class="muted">nothing</span>}</td>
      <td data-label="Measured" class="right num">{one.learned === null ? <span class="muted">not yet</span> : bytes(one.learned)}</td>
      <td data-label="Replicas" class="right num"><Replicas entry={entry} one={one} /></td>
      <td data-label="Counted" class="right num">{amountWords(one.counted) || <span class="muted">nothing</span>}</td>
      <td data-label="Uses now" class="right num">{bytes(one.used)}</td>
      <td data-label="Room"><RoomTag one={one} policy={policy} phase={entry.byName.get(one.name)?.status.value.phase} /></td>
    </tr>
  );
}

/** What runs, what has a place kept though it does not run now, and what is wanted. */
function Replicas({ entry, one }: { readonly entry: StackEntry; readonly one: ServiceRoom }) {
  const running = useComputed(() => entry.byName.get(one.name)?.status.value.replicas.filter((replica) => replica.phase === "running").length ?? 0);
  const kept = one.places - running.value;
  return <span title={`${count(running.value, "replica")} running, ${one.wanted} wanted`}>{running.value} of {one.wanted}{kept > 0 && <span class="muted"> (+{kept} kept)</span>}</span>;
}

function RoomTag({ one, policy, phase }: { readonly one: ServiceRoom; readonly policy: Room["admission"]; readonly phase: Phase | undefined }) {
  if (one.waits) return <Tag role="warn" icon="hourglass">waits</Tag>;
  if (one.wanted === 0 || phase === "Stopped") return <Tag role="dim" icon="stop">not wanted</Tag>;
  if (phase === "Completed") return <Tag role="dim" icon="done">has ended</Tag>;
  if (policy === "off") return <span class="muted">–</span>;
  return one.places >= one.wanted ? <Tag role="good" icon="check">has it</Tag> : <Tag role="dim" icon="ring">not asked yet</Tag>;
}
