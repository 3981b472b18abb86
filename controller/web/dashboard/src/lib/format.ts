// Numbers and times as people read them; ages as kubectl and `controller` say them.

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;
const YEAR = 365 * DAY;

/** Below so many seconds: unit and its size, sub-unit (if any) and its size. */
const AGES: readonly (readonly [number, string, number, string, number])[] = [
  [2 * MINUTE, "s", 1, "", 1],
  [10 * MINUTE, "m", MINUTE, "s", 1],
  [3 * HOUR, "m", MINUTE, "", 1],
  [8 * HOUR, "h", HOUR, "m", MINUTE],
  [2 * DAY, "h", HOUR, "", 1],
  [8 * DAY, "d", DAY, "h", HOUR],
  [2 * YEAR, "d", DAY, "", 1],
  [8 * YEAR, "y", YEAR, "d", DAY],
];

/** `45s`, `5m30s`, `3h5m`, `2d3h`. */
export function age(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  for (const [below, unit, size, sub, subSize] of AGES) {
    if (whole >= below) continue;
    const rest = sub ? Math.floor((whole % size) / subSize) : 0;
    return `${Math.floor(whole / size)}${unit}${rest ? `${rest}${sub}` : ""}`;
  }
  return `${Math.floor(whole / YEAR)}y`;
}

/** A measured time: `0.4 s`, `2m5s`. */
export function span(seconds: number | null): string {
  if (seconds === null) return "unknown";
  return seconds < 99.95 ? `${seconds.toFixed(1)} s` : age(seconds);
}

export function secondsSince(time: string, now = Date.now()): number {
  return (now - Date.parse(time)) / 1000;
}

const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

export function fullTime(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : FULL.format(date);
}

export function clock(time: string | number): string {
  return CLOCK.format(new Date(time));
}

/** `1 change`, `2 changes`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? noun : plural}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function joined(names: readonly string[], last = "and"): string {
  if (names.length < 2) return names[0] ?? "";
  return `${names.slice(0, -1).join(", ")} ${last} ${names.at(-1)}`;
}

/** `a, b, c and 4 more`. */
export function some(names: readonly string[], most = 3): string {
  if (names.length <= most) return joined(names);
  return `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${size >= 100 || unit === 0 ? size.toFixed(0) : size.toFixed(1)} ${UNITS[unit]}`;
}

export function rate(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : `${bytes(value)}/s`;
}

/** Cores: `0.02`, `1.4`. */
export function cores(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return value < 0.995 ? value.toFixed(2) : value.toFixed(1);
}

/** `1 core`, `0.5 cores`, `8 cores`. */
export function coresOf(value: number): string {
  const told = Number.isInteger(value) ? String(value) : value < 0.1 ? String(Math.round(value * 1000) / 1000) : String(Math.round(value * 100) / 100);
  return `${told} ${value === 1 ? "core" : "cores"}`;
}

export function percent(part: number, whole: number): string {
  return whole > 0 ? `${Math.round((100 * part) / whole)} %` : "–";
}

export function milliseconds(seconds: number): string {
  return seconds < 1 ? `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms` : span(seconds);
}

/** A first letter in upper case, as sentences begin. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function shortImage(image: string): string {
  return image.replace(/@sha256:([0-9a-f]{12})[0-9a-f]+$/, "@$1");
}
