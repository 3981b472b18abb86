import { useSignal, type Signal } from "@preact/signals";
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
/** Of the machine: what it has is no limit that somebody set. */
const OF_MACHINE: readonly Chart[] = [CHARTS[0], CHARTS[1]].flatMap((chart) => chart ?? []).map((chart) => ({ ...chart, lines: chart.lines.map((line) => (line.label === "limit" ? { ...line, label: "all" } : line)) }));

/** Of what does not run nothing can be measured. */
const isKnown = (point: UsagePoint) => point.cpu !== null || point.memory !== null;

export function UsagePlots({ stack, service }: { readonly stack: string; readonly service: string }) {
  const range = useSignal<number>(3600);
  return (
    <Section title="Usage" id="usage" aside={<Ranges range={range} />}>
      <Plots address={`${path("stacks", stack, "usage")}?since=${range.value}&service=${encodeURIComponent(service)}`} charts={CHARTS} />
    </Section>
  );
}

/** What all that runs on the machine has used. */
export function MachinePlots() {
  const range = useSignal<number>(3600);
  return (
    <div class="machine-plots">
      <div class="card-head"><h3>In use, over time</h3><Ranges range={range} /></div>
      <Plots address={`${path("host", "usage")}?since=${range.value}`} charts={OF_MACHINE} />
    </div>
  );
}

function Ranges({ range }: { readonly range: Signal<number> }) {
  return (
    <div class="segments" role="group" aria-label="Time shown">
      {RANGES.map(([name, seconds]) => <button key={name} type="button" aria-pressed={range.value === seconds} onClick={() => (range.value = seconds)}>{name}</button>)}
    </div>
  );
}

/** The one series that is found at an address, fetched anew as it grows. */
function Plots({ address, charts }: { readonly address: string; readonly charts: readonly Chart[] }) {
  const { data, error, again } = useFetch<{ series: readonly UsageSeries[] }>(address, useEvery(15_000));
  const points = data?.series[0]?.points ?? [];
  if (error && !data) return <ErrorNote error={error} again={again} />;
  if (!data) return <Loading />;
  if (points.filter(isKnown).length < 2) return <Empty title="Nothing has been measured yet." />;
  return <div class="plots">{charts.map((chart) => <PlotBox key={chart.name} chart={chart} points={points} />)}</div>;
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
