// Where the nodes of a dependency graph stand: batches left to right, few crossings. Pure.

import type { Graph } from "../api/types.ts";

export interface Place {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly places: ReadonlyMap<string, Place>;
  readonly width: number;
  readonly height: number;
}

export const NODE = { width: 184, height: 44, gapX: 76, gapY: 14, margin: 10 } as const;
const SWEEPS = 4;

export function layOut(graph: Graph): Layout {
  const columns = graph.batches.map((batch) => [...batch]);
  const before = neighbours(graph, "to", "from");
  const after = neighbours(graph, "from", "to");
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (let index = 1; index < columns.length; index += 1) arrange(columns, index, before);
    for (let index = columns.length - 2; index >= 0; index -= 1) arrange(columns, index, after);
  }
  return place(columns);
}

function neighbours(graph: Graph, of: "from" | "to", other: "from" | "to"): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const edge of graph.edges) found.set(edge[of], [...(found.get(edge[of]) ?? []), edge[other]]);
  return found;
}

/** Orders one column by where its neighbours stand. */
function arrange(columns: string[][], index: number, near: ReadonlyMap<string, readonly string[]>): void {
  const column = columns[index];
  if (!column) return;
  const heights = new Map(columns.flatMap((names) => names.map((name, row) => [name, row - names.length / 2] as const)));
  const weight = new Map(column.map((name, row) => [name, mean(near.get(name) ?? [], heights) ?? row - column.length / 2]));
  column.sort((a, b) => (weight.get(a) ?? 0) - (weight.get(b) ?? 0));
}

function mean(names: readonly string[], heights: ReadonlyMap<string, number>): number | null {
  const known = names.flatMap((name) => heights.get(name) ?? []);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}

function place(columns: readonly (readonly string[])[]): Layout {
  const rows = Math.max(1, ...columns.map((column) => column.length));
  const height = rows * (NODE.height + NODE.gapY) - NODE.gapY + 2 * NODE.margin;
  const places = new Map<string, Place>();
  columns.forEach((column, index) => {
    const tall = column.length * (NODE.height + NODE.gapY) - NODE.gapY;
    column.forEach((name, row) => {
      const x = NODE.margin + index * (NODE.width + NODE.gapX);
      places.set(name, { name, x, y: (height - tall) / 2 + row * (NODE.height + NODE.gapY) });
    });
  });
  const width = Math.max(1, columns.length) * (NODE.width + NODE.gapX) - NODE.gapX + 2 * NODE.margin;
  return { places, width, height };
}

export function edgePath(from: Place, to: Place): string {
  const x1 = from.x + NODE.width;
  const y1 = from.y + NODE.height / 2;
  const x2 = to.x - 5;
  const y2 = to.y + NODE.height / 2;
  const bend = Math.max(28, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}
