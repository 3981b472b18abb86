import type { Room } from "../api/resources.ts";
import { store } from "../app.ts";
import { bytes, cores, coresOf } from "../lib/format.ts";
import { coresInUse, coresReserved, diskOf, factsOf, memoryOf, sharesHost, type Gauge, type Seen } from "../lib/machine.ts";
import type { StackEntry } from "../store/store.ts";
import { Age, Section } from "./basics.tsx";
import { GaugeBox } from "./gauge.tsx";
import { MachinePlots } from "./usage.tsx";

/** What there is, who has it, and what all of it has been used. */
export function MachineSection({ entry, room }: { readonly entry: StackEntry; readonly room: Room | null }) {
  const seen: Seen = { room, host: store.host.value, engine: store.engine.value, services: usageOf(entry) };
  const here = sharesHost(seen);
  const inUse = coresInUse(seen), reserved = coresReserved(seen);
  return (
    <Section title="Machine" id="machine" aside={room?.machine && <span class="muted small-text">looked at <Age since={room.machine.at} /> ago</span>}>
      {!here && <p class="muted machine-word">The engine runs elsewhere: what is told of memory and cores is its own word, and how full its disk is, it does not say.</p>}
      <div class="gauges">
        <GaugeBox name="Memory" gauge={memoryOf(seen)} tell={bytes} />
        <GaugeBox name="CPU" gauge={inUse} tell={(value) => `${cores(value)} cores`} {...wholeOf(inUse)} />
        {reserved && <GaugeBox name="CPU reserved" gauge={reserved} tell={coresOf} />}
        <GaugeBox name="Disk" gauge={diskOf(seen)} tell={bytes}>{seen.host?.diskPath && here && <p class="muted small-text">of <code>{seen.host.diskPath}</code></p>}</GaugeBox>
      </div>
      <Facts seen={seen} />
      <MachinePlots />
    </Section>
  );
}

function usageOf(entry: StackEntry): Seen["services"] {
  return Object.fromEntries(entry.services.value.flatMap((one) => (one.usage.value ? [[one.name, one.usage.value]] : [])));
}

function wholeOf(gauge: Gauge | null): { readonly whole?: string } {
  return gauge ? { whole: coresOf(gauge.total) } : {};
}

function Facts({ seen }: { readonly seen: Seen }) {
  const facts = factsOf(seen);
  return facts.length ? <dl class="facts machine-facts">{facts.map(([name, words]) => <div key={name}><dt>{name}</dt><dd class="num">{words}</dd></div>)}</dl> : null;
}
