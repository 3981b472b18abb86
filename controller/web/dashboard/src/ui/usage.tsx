import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { path } from "../api/client.ts";
import type { UsagePoint, UsageSeries } from "../api/types.ts";
import { bytes, cores, rate } from "../lib/format.ts";
import { theme } from "../lib/theme.ts";
import { useEvery, useFetch } from "../lib/use.ts";
import { Empty, ErrorNote, Loading, Section } from "./basics.tsx";
import type { Line, Plot } from "./plot.ts";

const RANGES = [["1 h", 3600], ["24 h", 86_400], ["7 d", 604_800]] as const;

interface Chart {
  readonly name: string;
  readonly format: (value: number | null | undefined) => string;
  readonly lines: readonly (Line & { readonly of: (point: UsagePoint) => number | null })[];
}

const CHARTS: readonly Chart[] = [
  { name: "CPU, cores", format: cores, lines: [{ label: "mean", colour: "--plot-1", fill: true, of: (p) => p.cpu }, { label: "most", colour: "--plot-1", thin: true, of: (p) => p.cpuMost }] },
  { name: "Memory", format: bytes, lines: [{ label: "used", colour: "--plot-2", fill: true, of: (p) => p.memory }, { label: "limit", colour: "--plot-limit", dashed: true, of: (p) => p.memoryLimit }] },
  { name: "Network", format: rate, lines: [{ label: "received", colour: "--plot-1", of: (p) => p.received }, { label: "sent", colour: "--plot-3", of: (p) => p.sent }] },
  { name: "Block I/O", format: rate, lines: [{ label: "read", colour: "--plot-1", of: (p) => p.read }, { label: "written", colour: "--plot-3", of: (p) => p.written }] },
];

/** Of what does not run nothing can be measured. */
const isKnown = (point: UsagePoint) => point.cpu !== null || point.memory !== null;

export function UsagePlots({ stack, service }: { readonly stack: string; readonly service: string }) {
  const range = useSignal<number>(3600);
  const turn = useEvery(15_000);
  const { data, error, again } = useFetch<{ series: readonly UsageSeries[] }>(`${path("stacks", stack, "usage")}?since=${range.value}&service=${encodeURIComponent(service)}`, turn);
  const points = data?.series.find((one) => one.service === service)?.points ?? data?.series[0]?.points ?? [];
  return (
    <Section title="Usage" id="usage" aside={
      <div class="segments" role="group" aria-label="Time shown">
        {RANGES.map(([name, seconds]) => <button key={name} type="button" aria-pressed={range.value === seconds} onClick={() => (range.value = seconds)}>{name}</button>)}
      </div>
    }>
      {error && !data ? <ErrorNote error={error} again={again} /> : !data ? <Loading /> : points.filter(isKnown).length < 2 ? <Empty title="Nothing has been measured yet." /> : <div class="plots">{CHARTS.map((chart) => <PlotBox key={chart.name} chart={chart} points={points} />)}</div>}
    </Section>
  );
}

function PlotBox({ chart, points }: { readonly chart: Chart; readonly points: readonly UsagePoint[] }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const shown = theme.value;
  const data = () => [points.map((point) => Date.parse(point.at) / 1000), ...chart.lines.map((line) => points.map(line.of))];
  useEffect(() => {
    let gone = false;
    // Drawn by a library that only this page needs.
    void import("./plot.ts").then(({ draw }) => {
      if (!gone && box.current) plot.current = draw(box.current, chart.lines, chart.format, data(), chart.format !== cores);
    });
    return () => {
      gone = true;
      plot.current?.end();
      plot.current = null;
    };
  }, [shown]);
  useEffect(() => plot.current?.set(data()), [points]);
  const last = points.at(-1);
  return (
    <figure class="plot">
      <figcaption>
        <span>{chart.name}</span>
        <span class="plot-now num">{last && chart.lines.filter((line) => !line.thin && !(line.dashed && line.of(last) === null)).map((line) => <span key={line.label}>{line.label} <strong>{chart.format(line.of(last))}</strong></span>)}</span>
      </figcaption>
      <div ref={box} class="plot-box" role="img" aria-label={`${chart.name}: ${last ? chart.lines.map((line) => `${line.label} ${chart.format(line.of(last))}`).join(", ") : "nothing known"}`} />
    </figure>
  );
}
