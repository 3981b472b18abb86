// Markdown of what others have said: names, messages and output stand in it as they are, and mean nothing.

/** Text in which no mark, link, image or tag of Markdown is left. */
export function plain(text: string): string {
  return text.replace(/[\\`*_{}[\]()<>#+\-!|~$&:@]/g, (mark) => (mark === "<" ? "&lt;" : mark === "&" ? "&amp;" : `\\${mark}`)).replace(/\s*\n\s*/g, " ");
}

/** A block of output, whatever it holds. */
export function fenced(text: string, language = ""): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text.replace(/\s+$/, "")}\n${fence}`;
}

/** A name or a command in code. */
export function code(text: string): string {
  const inside = text.replace(/\s*\n\s*/g, " ");
  const longest = Math.max(0, ...[...inside.matchAll(/`+/g)].map(([run]) => run.length));
  const marks = "`".repeat(longest + 1);
  const room = inside.startsWith("`") || inside.endsWith("`") ? " " : "";
  return `${marks}${room}${inside}${room}${marks}`;
}

/** Cells are Markdown already; a bar in code would end its cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replace(/(?<!\\)\|/g, "\\|")).join(" | ")} |`;
  return [row(head), `|${head.map(() => " --- ").join("|")}|`, ...rows.map(row)].join("\n");
}

export function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join("\n");
}

/** Parts with an empty line between them; empty ones are left out. */
export function parts(...all: readonly string[]): string {
  return `${all.filter(Boolean).join("\n\n")}\n`;
}
