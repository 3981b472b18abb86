// Where the nodes of a dependency graph stand: batches left to right, few crossings. Pure.
// An edge over several batches goes through lanes between their nodes, so that none runs behind a node.

import type { Edge, Graph } from "../api/types.ts";

export interface Place {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly places: ReadonlyMap<string, Place>;
  /** By `from>to`. */
  readonly routes: ReadonlyMap<string, Route>;
  readonly width: number;
  readonly height: number;
}

export interface Route {
  readonly path: string;
  /** Where it arrives. */
  readonly end: Place;
}

export const NODE = { width: 170, height: 44, lane: 12, gapX: 80, gapY: 14, margin: 10 } as const;
const SWEEPS = 6;
const PORT = 12;

interface Item {
  readonly id: string;
  readonly lane: boolean;
}

type Links = ReadonlyMap<string, readonly string[]>;

export function edgeKey(edge: Pick<Edge, "from" | "to">): string {
  return `${edge.from}>${edge.to}`;
}

export function layOut(graph: Graph): Layout {
  const columns = graph.batches.map((batch) => batch.map((id): Item => ({ id, lane: false })));
  const depth = new Map(graph.batches.flatMap((batch, index) => batch.map((name) => [name, index] as const)));
  const chains = new Map(graph.edges.map((edge) => [edgeKey(edge), addLanes(columns, depth, edge)]));
  const pairs = [...chains.values()].flatMap((chain) => chain.slice(1).map((id, index) => [chain[index] ?? id, id] as const));
  const before = group(pairs.map(([from, to]) => [to, from] as const));
  const after = group(pairs);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (let index = 1; index < columns.length; index += 1) arrange(columns, index, before);
    for (let index = columns.length - 2; index >= 0; index -= 1) arrange(columns, index, after);
  }
  const tall = Math.max(NODE.height, ...columns.map(heightOf));
  const all = place(columns, tall);
  const width = Math.max(1, columns.length) * (NODE.width + NODE.gapX) - NODE.gapX + 2 * NODE.margin;
  return { places: all, routes: route(graph, chains, all), width, height: tall + 2 * NODE.margin };
}

/** The chain of an edge: where it begins, a lane in each batch between, where it ends. */
function addLanes(columns: Item[][], depth: ReadonlyMap<string, number>, edge: Edge): readonly string[] {
  const lanes: string[] = [];
  for (let index = (depth.get(edge.from) ?? 0) + 1; index < (depth.get(edge.to) ?? 0); index += 1) {
    const id = `${edgeKey(edge)}#${index}`;
    columns[index]?.push({ id, lane: true });
    lanes.push(id);
  }
  return [edge.from, ...lanes, edge.to];
}

function group(pairs: readonly (readonly [string, string])[]): Links {
  const found = new Map<string, string[]>();
  for (const [key, value] of pairs) {
    const known = found.get(key);
    if (known) known.push(value);
    else found.set(key, [value]);
  }
  return found;
}

/** Orders one column by where its neighbours stand. */
function arrange(columns: Item[][], index: number, near: Links): void {
  const column = columns[index];
  if (!column) return;
  const rows = new Map(columns.flatMap((items) => items.map((item, row) => [item.id, row - items.length / 2] as const)));
  const weight = new Map(column.map((item) => [item.id, mean(near.get(item.id) ?? [], rows) ?? rows.get(item.id) ?? 0]));
  column.sort((a, b) => (weight.get(a.id) ?? 0) - (weight.get(b.id) ?? 0));
}

function mean(ids: readonly string[], rows: ReadonlyMap<string, number>): number | null {
  const known = ids.flatMap((id) => rows.get(id) ?? []);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}

function sizeOf(item: Item): number {
  return item.lane ? NODE.lane : NODE.height;
}

function heightOf(column: readonly Item[]): number {
  return column.reduce((sum, item) => sum + sizeOf(item) + NODE.gapY, -NODE.gapY);
}

/** The upper left corner of each. */
function place(columns: readonly (readonly Item[])[], tall: number): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>();
  columns.forEach((column, index) => {
    let y = NODE.margin + (tall - heightOf(column)) / 2;
    for (const item of column) {
      places.set(item.id, { x: NODE.margin + index * (NODE.width + NODE.gapX), y });
      y += sizeOf(item) + NODE.gapY;
    }
  });
  return places;
}

function route(graph: Graph, chains: ReadonlyMap<string, readonly string[]>, places: ReadonlyMap<string, Place>): ReadonlyMap<string, Route> {
  const arriving = group(graph.edges.map((edge) => [edge.to, edgeKey(edge)] as const));
  const ports = new Map<string, number>();
  for (const keys of arriving.values()) {
    const last = (key: string) => places.get(chains.get(key)?.at(-2) ?? "")?.y ?? 0;
    [...keys].sort((a, b) => last(a) - last(b)).forEach((key, index) => ports.set(key, portAt(index, keys.length)));
  }
  return new Map([...chains].flatMap(([key, chain]) => draw(chain, places, ports.get(key) ?? 0).map((one) => [key, one] as const)));
}

/** How far from its middle the n-th of several edges arrives at a node. */
function portAt(index: number, count: number): number {
  const step = Math.min(PORT, (NODE.height - 10) / Math.max(1, count - 1));
  return (index - (count - 1) / 2) * step;
}

function draw(chain: readonly string[], places: ReadonlyMap<string, Place>, port: number): readonly Route[] {
  const [first = "", ...rest] = chain;
  const from = places.get(first);
  const to = places.get(rest.at(-1) ?? "");
  if (!from || !to) return [];
  let x = from.x + NODE.width;
  let y = from.y + NODE.height / 2;
  let path = `M${x} ${y}`;
  for (const id of rest.slice(0, -1)) {
    const lane = places.get(id);
    if (!lane) continue;
    const middle = lane.y + NODE.lane / 2;
    path += `${bend(x, y, lane.x, middle)}H${lane.x + NODE.width}`;
    x = lane.x + NODE.width;
    y = middle;
  }
  const end = { x: to.x - 5, y: to.y + NODE.height / 2 + port };
  return [{ path: path + bend(x, y, end.x, end.y), end }];
}

function bend(x1: number, y1: number, x2: number, y2: number): string {
  const half = (x2 - x1) / 2;
  return `C${x1 + half} ${y1} ${x2 - half} ${y2} ${x2} ${y2}`;
}
