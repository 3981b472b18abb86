import { useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { get, path } from "../api/client.ts";
import type { Event } from "../api/types.ts";
import { store } from "../app.ts";
import { count } from "../lib/format.ts";
import { queryValue, setQuery } from "../lib/router.ts";
import { useMedia, useTitle } from "../lib/use.ts";
import { keyOf } from "../store/events.ts";
import { Empty } from "../ui/basics.tsx";
import { EventRow } from "../ui/eventlist.tsx";
import { VirtualList } from "../ui/virtual.tsx";

export function EventsPage() {
  useTitle("Events");
  const narrow = useMedia("(max-width: 720px)");
  const frozen = useSignal<readonly Event[] | null>(null);
  const filter = { stack: queryValue("stack"), service: queryValue("service"), type: queryValue("type"), text: queryValue("q").toLowerCase() };
  const key = Object.values(filter).join("\n");
  useOlder(filter.stack, filter.service);
  const shown = useComputed(() => (frozen.value ?? store.events.list.value).filter((event) => matches(event, current())));
  const known = frozen.value ?? store.events.list.value;
  return (
    <div class="page tall">
      <header class="page-head">
        <div class="title-row"><h1>Events</h1><span class="muted num">{count(shown.value.length, "event")}{shown.value.length < known.length && ` of ${known.length}`}</span></div>
        <Filters frozen={frozen.value !== null} toggle={() => (frozen.value = frozen.value ? null : store.events.list.value)} />
      </header>
      {shown.value.length ? (
        <VirtualList key={key} className="event-list card" items={shown.value} rowHeight={narrow.value ? 68 : 36} keyOf={keyOf} label="Events, the newest first" row={drawEvent} />
      ) : <Empty title={known.length ? "No event matches." : "Nothing has happened yet."} />}
    </div>
  );
}

function drawEvent(event: Event) {
  return <EventRow event={event} />;
}

function current() {
  return { stack: queryValue("stack"), service: queryValue("service"), type: queryValue("type"), text: queryValue("q").toLowerCase() };
}

function matches(event: Event, filter: ReturnType<typeof current>): boolean {
  return (!filter.stack || event.stack === filter.stack) && (!filter.service || event.service === filter.service) && (!filter.type || event.type === filter.type)
    && (!filter.text || `${event.reason} ${event.message} ${event.service ?? ""}`.toLowerCase().includes(filter.text));
}

/** What was before the latest, of the stack that is looked at. */
function useOlder(stack: string, service: string): void {
  useEffect(() => {
    for (const name of stack ? [stack] : store.stacks.peek().map((entry) => entry.name)) {
      const more = service ? `&service=${encodeURIComponent(service)}` : "";
      void get<{ events: readonly Event[] }>(`${path("stacks", name, "events")}?limit=500${more}`).then(({ events }) => {
        store.addEvents(events);
        store.apply([]);
      }).catch(() => undefined);
    }
  }, [stack, service]);
}

function Filters({ frozen, toggle }: { readonly frozen: boolean; readonly toggle: () => void }) {
  const stack = queryValue("stack");
  const services = (stack ? store.stack(stack) : undefined)?.services.value ?? store.stacks.value.flatMap((entry) => entry.services.value);
  const names = [...new Set(services.map((one) => one.name))].sort();
  return (
    <div class="tools" role="search" aria-label="Filter events">
      <label class="tool grow"><span class="visually-hidden">Filter by text</span><input type="search" data-search placeholder="Filter  /" value={queryValue("q")} onInput={(event) => setQuery({ q: event.currentTarget.value })} /></label>
      <label class="tool"><span class="visually-hidden">Stack</span><select value={stack} onChange={(event) => setQuery({ stack: event.currentTarget.value, service: "" })}><option value="">all stacks</option>{store.stacks.value.map((one) => <option key={one.name} value={one.name}>{one.name}</option>)}</select></label>
      <label class="tool"><span class="visually-hidden">Service</span><select value={queryValue("service")} onChange={(event) => setQuery({ service: event.currentTarget.value })}><option value="">all services</option>{names.map((name) => <option key={name} value={name}>{name}</option>)}</select></label>
      <label class="tool"><span class="visually-hidden">Type</span><select value={queryValue("type")} onChange={(event) => setQuery({ type: event.currentTarget.value })}><option value="">all types</option><option>Warning</option><option>Normal</option></select></label>
      <button type="button" class="button small" aria-pressed={frozen} onClick={toggle}>{frozen ? "Resume" : "Pause"}</button>
    </div>
  );
}
