import { useComputed, useSignal } from "@preact/signals";
import { useCallback, useEffect, useMemo } from "preact/hooks";

import { path } from "../api/client.ts";
import { Stream } from "../api/stream.ts";
import type { LogLine } from "../api/types.ts";
import { LogBuffer, type KeptLine } from "../store/logs.ts";
import { Section } from "./basics.tsx";
import { VirtualList } from "./virtual.tsx";

/** The output of the replicas: the last lines, then what comes. Paused, it goes on being collected. */
export function Logs({ stack, service, replicas }: { readonly stack: string; readonly service: string; readonly replicas: readonly string[] }) {
  const buffer = useMemo(() => new LogBuffer(), []);
  const follow = useSignal(true);
  const frozen = useSignal<readonly KeptLine[] | null>(null);
  const text = useSignal("");
  const replica = useSignal("");
  const away = useSignal(false);
  useFollow(stack, service, buffer, away);
  const shown = useComputed(() => filtered(frozen.value ?? buffer.lines.value, text.value, replica.value));
  const missed = useComputed(() => (frozen.value ? buffer.count.value - Math.max(frozen.value.at(-1)?.number ?? 0, buffer.first - 1) : 0));
  const names = replicas.join("\n");
  const row = useCallback((line: KeptLine) => <Line line={line} hue={replicas.indexOf(line.replica)} several={replicas.length > 1} />, [names]);
  const pause = () => (frozen.value = frozen.value ? null : buffer.lines.value);
  return (
    <Section title="Logs" id="logs" flush aside={
      <div class="tools">
        <label class="tool"><span class="visually-hidden">Filter log lines by text</span><input type="search" data-search placeholder="Filter  /" value={text.value} onInput={(event) => (text.value = event.currentTarget.value)} /></label>
        <label class="tool"><span class="visually-hidden">Replica</span>
          <select value={replica.value} onChange={(event) => (replica.value = event.currentTarget.value)}><option value="">all replicas</option>{replicas.map((name) => <option key={name} value={name}>{name}</option>)}</select>
        </label>
        <button type="button" class="button small" aria-pressed={frozen.value !== null} onClick={pause}>{frozen.value ? `Resume${missed.value > 0 ? ` (${missed.value} new)` : ""}` : "Pause"}</button>
        <button type="button" class="button small" aria-pressed={follow.value} onClick={() => (follow.value = !follow.value)}>Follow</button>
      </div>
    }>
      {shown.value.length ? (
        <VirtualList className="logs" items={shown.value} rowHeight={20} keyOf={(line) => line.number} label={`Output of ${service}`} follow={follow.value && frozen.value === null} onFollow={(follows) => (follow.value = follows)}
          row={row} />
      ) : <p class="logs-none muted">{away.value ? "The log is not to be had now; trying again." : buffer.count.value ? "No line matches." : "It has said nothing yet."}</p>}
    </Section>
  );
}

function Line({ line, hue, several }: { readonly line: KeptLine; readonly hue: number; readonly several: boolean }) {
  return (
    <span class="log-line">
      {several && <span class={`log-replica hue${((hue % 6) + 6) % 6}`}>{line.replica}</span>}
      <span>{line.line}</span>
    </span>
  );
}

function filtered(lines: readonly KeptLine[], text: string, replica: string): readonly KeptLine[] {
  if (!text && !replica) return lines;
  const wanted = text.toLowerCase();
  return lines.filter((line) => (!replica || line.replica === replica) && (!wanted || line.line.toLowerCase().includes(wanted)));
}

function useFollow(stack: string, service: string, buffer: LogBuffer, away: { value: boolean }): void {
  useEffect(() => {
    const logs = path("stacks", stack, "services", service, "logs");
    const stream = new Stream(() => `${logs}?tail=${buffer.tail()}&follow=true`, {
      frame: ({ kind, data }) => buffer.add([kind === "dropped" ? leftOut(data) : (JSON.parse(data) as LogLine)]),
      open: () => {
        away.value = false;
        buffer.begin();
      },
      lost: () => (away.value = true),
    });
    stream.start();
    return () => stream.stop();
  }, [stack, service]);
}

function leftOut(data: string): LogLine {
  const { lines } = JSON.parse(data) as { readonly lines: number };
  return { replica: "", line: `… ${lines} lines came too fast and are left out …` };
}
