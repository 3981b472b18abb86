// Curves over time by uPlot, in the colours of the page.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export interface Line {
  readonly label: string;
  /** A colour of the page: the name of a custom property. */
  readonly colour: string;
  readonly fill?: boolean;
  readonly dashed?: boolean;
  readonly thin?: boolean;
}

export interface Plot {
  readonly set: (data: readonly (readonly (number | null)[])[]) => void;
  readonly end: () => void;
}

const HEIGHT = 150;

export function draw(box: HTMLElement, lines: readonly Line[], format: (value: number | null | undefined) => string, data: readonly (readonly (number | null)[])[], binary = false): Plot {
  const colour = colours(box);
  const axis = { stroke: colour("--muted"), font: "11px system-ui, sans-serif", grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  const options: uPlot.Options = {
    width: box.clientWidth || 300,
    height: HEIGHT,
    padding: [8, 4, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { y: { range: (_, __, most) => [0, Math.max(most * 1.15, 1e-9)] } },
    axes: [{ ...axis, size: 30, space: 70, values: (_, splits) => splits.map((at, index) => tickOf(at, splits[index - 1], (splits[1] ?? 0) - (splits[0] ?? 0) < 60)) }, { ...axis, size: 64, space: 36, values: (_, splits) => splits.map(format), ...(binary ? { incrs: BINARY } : {}) }],
    series: [{}, ...lines.map((line) => seriesOf(line, colour))],
    hooks: { setCursor: [(plot) => tell(plot, tip, lines, format)] },
  };
  const tip = document.createElement("div");
  tip.className = "plot-tip";
  tip.hidden = true;
  const plot = new uPlot(options, data as uPlot.AlignedData, box);
  box.append(tip);
  const observer = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: HEIGHT }));
  observer.observe(box);
  return {
    set: (next) => plot.setData(next as uPlot.AlignedData),
    end: () => {
      observer.disconnect();
      plot.destroy();
      tip.remove();
    },
  };
}

/** Steps of an axis of bytes. */
const BINARY = Array.from({ length: 42 }, (_, power) => 2 ** power);

/** The time of day; where a day begins, the day. */
function tickOf(at: number, before: number | undefined, fine: boolean): string {
  const date = new Date(at * 1000);
  const day = date.toLocaleDateString(undefined, { month: "short", day: "numeric" });
  const clock = `${String(date.getHours()).padStart(2, "0")}:${String(date.getMinutes()).padStart(2, "0")}`;
  if (fine) return `${clock}:${String(date.getSeconds()).padStart(2, "0")}`;
  const begins = before === undefined ? clock === "00:00" : new Date(before * 1000).getDate() !== date.getDate();
  return begins ? day : clock;
}

function seriesOf(line: Line, colour: (name: string) => string): uPlot.Series {
  return {
    label: line.label, stroke: colour(line.colour), width: line.thin ? 1 : 1.75, points: { show: false }, spanGaps: false,
    ...(line.fill ? { fill: colour(`${line.colour}-fill`) } : {}), ...(line.dashed ? { dash: [5, 4] } : {}), ...(line.thin ? { alpha: 0.55 } : {}),
  };
}

/** A canvas needs colours as they come out. */
function colours(box: HTMLElement): (name: string) => string {
  return (name) => {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    box.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
}

function tell(plot: uPlot, tip: HTMLElement, lines: readonly Line[], format: (value: number | null | undefined) => string): void {
  const index = plot.cursor.idx;
  const time = index === null || index === undefined ? undefined : plot.data[0][index];
  tip.hidden = time === undefined || (plot.cursor.left ?? -1) < 0;
  if (tip.hidden || time === undefined || index === null || index === undefined) return;
  const values = lines.map((line, at) => `${line.label} ${format(plot.data[at + 1]?.[index])}`);
  tip.textContent = `${new Date(time * 1000).toLocaleString()}  ${values.join("  ")}`;
}
