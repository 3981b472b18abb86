import type { ComponentChildren } from "preact";

import type { Gauge } from "../lib/machine.ts";
import { Icon } from "./icons.tsx";

type Tell = (value: number) => string;

/** Who has what of one thing: a bar of parts, and each part in words below it, in the same order. */
export function GaugeBox({ name, gauge, tell, whole, children }: {
  readonly name: string; readonly gauge: Gauge | null; readonly tell: Tell;
  /** How the whole is called: `8 cores`. */
  readonly whole?: string; readonly children?: ComponentChildren;
}) {
  return (
    <section class="gauge" aria-label={name}>
      <h3><span>{name}</span>{gauge && <span class="num">{whole ?? tell(gauge.total)}</span>}</h3>
      {gauge ? <Parts gauge={gauge} tell={tell} /> : <p class="muted">Not known.</p>}
      {children}
    </section>
  );
}

function Parts({ gauge, tell }: { readonly gauge: Gauge; readonly tell: Tell }) {
  const [amount, what] = gauge.head;
  return (
    <>
      <p class="gauge-head num"><strong>{tell(amount)}</strong> {what}</p>
      <span class="gauge-bar" aria-hidden="true">
        {gauge.parts.map((part) => <span key={part.kind} class={`part ${part.kind}`} style={{ flexGrow: part.amount / gauge.total }} />)}
      </span>
      <dl class="gauge-parts">
        {gauge.parts.map((part) => <div key={part.kind}><dt><span class={`swatch part ${part.kind}`} aria-hidden="true" />{part.label}</dt><dd class="num">{tell(part.amount)}</dd></div>)}
      </dl>
      {gauge.short > 0 && <p class="gauge-short"><Icon name="info" /> <span>the stack is counted with {tell(gauge.short)} more than there is</span></p>}
    </>
  );
}

/** What is used under a limit: filled up to what it is now, with a mark at what it was at most, in a bar as long as the limit. */
export function LimitBar({ used, peak, limit, target }: { readonly used: number | null; readonly peak: number | null; readonly limit: number | null; readonly target: number | null }) {
  const whole = Math.max(limit ?? 0, target ?? 0, peak ?? 0, used ?? 0);
  if (whole <= 0) return null;
  const at = (value: number) => `${(100 * value) / whole}%`;
  const full = limit !== null && (used ?? 0) >= 0.9 * limit;
  return (
    <span class="limit-bar" aria-hidden="true">
      {limit !== null && <span class="limit-allowed" style={{ width: at(limit) }} />}
      <span class={`limit-used${full ? " warn" : ""}`} style={{ width: at(used ?? 0) }} />
      {peak !== null && <span class="limit-mark" style={{ left: at(peak) }} />}
      {target !== null && <span class="limit-target" style={{ left: at(target) }} />}
    </span>
  );
}
