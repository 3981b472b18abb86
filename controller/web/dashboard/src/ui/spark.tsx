import type { ServiceEntry } from "../store/store.ts";
import { bytes, cores } from "../lib/format.ts";

const WIDTH = 64;
const HEIGHT = 18;

/** The line of the last samples, from 0 to their most. */
export function sparkPath(values: readonly (number | null)[], least: number): string {
  const most = Math.max(least, ...values.map((value) => value ?? 0));
  let path = "";
  let pen = "M";
  values.forEach((value, index) => {
    if (value === null) {
      pen = "M";
      return;
    }
    const x = values.length < 2 ? WIDTH : (index / (values.length - 1)) * WIDTH;
    path += `${pen}${x.toFixed(1)} ${(HEIGHT - 1 - (value / most) * (HEIGHT - 2)).toFixed(1)}`;
    pen = "L";
  });
  return path;
}

export function Spark({ values, least }: { readonly values: readonly (number | null)[]; readonly least: number }) {
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={sparkPath(values, least)} />
    </svg>
  );
}

export function CpuSpark({ entry }: { readonly entry: ServiceEntry }) {
  entry.samples.value;
  return (
    <span class="usage">
      <Spark values={entry.cpu.all} least={0.05} />
      <span class="num">{cores(entry.usage.value?.total.cpu)}</span>
    </span>
  );
}

export function MemorySpark({ entry }: { readonly entry: ServiceEntry }) {
  entry.samples.value;
  const total = entry.usage.value?.total;
  const full = total?.memory && total.memoryLimit ? total.memory / total.memoryLimit : 0;
  return (
    <span class={`usage${full > 0.9 ? " warn" : ""}`} title={total?.memoryLimit ? `of ${bytes(total.memoryLimit)}` : "no limit"}>
      <Spark values={entry.memory.all} least={total?.memoryLimit ?? 1} />
      <span class="num">{bytes(total?.memory)}</span>
    </span>
  );
}
