import type { Event } from "../api/types.ts";
import { age, secondsSince } from "../lib/format.ts";
import { hrefOf } from "../lib/router.ts";
import { keyOf } from "../store/events.ts";
import { Age, Empty } from "./basics.tsx";
import { Icon } from "./icons.tsx";

/** One event: when, of what, why, in words. A repeat says how often. */
export function EventRow({ event, object = true }: { readonly event: Event; readonly object?: boolean }) {
  const warns = event.type === "Warning";
  const to = event.service ? hrefOf.service(event.stack, event.service) : hrefOf.stack(event.stack);
  return (
    <div class={`event${warns ? " warn" : ""}${object ? "" : " plain"}`}>
      <span class="event-age"><Age since={event.time} /></span>
      <span class={`glyph ${warns ? "warn" : "dim"}`} title={event.type}><Icon name={warns ? "warn" : "info"} /></span>
      <span class="event-what">
        {object && <a href={to}>{event.service ? `${event.stack}/${event.service}` : event.stack}</a>}
        <strong>{event.reason}</strong>
        {event.count > 1 && <span class="repeat" title={`first ${event.firstTime}`}>×{event.count} over {age(secondsSince(event.firstTime, Date.parse(event.time)))}</span>}
      </span>
      <span class="event-text" title={event.message}>{event.message}</span>
    </div>
  );
}

export function EventList({ events, object = false }: { readonly events: readonly Event[]; readonly object?: boolean }) {
  if (!events.length) return <Empty title="Nothing has happened yet." />;
  return <ol class="events">{events.map((event) => <li key={keyOf(event)}><EventRow event={event} object={object} /></li>)}</ol>;
}
