// Ages tick without drawing anything anew: one timer writes into the text nodes that are on the page.

type Tick = (now: number) => void;

const ticks = new Set<Tick>();

export function everySecond(tick: Tick): () => void {
  ticks.add(tick);
  return () => ticks.delete(tick);
}

setInterval(() => {
  if (document.hidden) return;
  const now = Date.now();
  for (const tick of ticks) tick(now);
}, 1000);
