// What a folder holds for the command, by the names and rules that the command itself goes by.

import { closeSync, existsSync, openSync, readdirSync, readSync } from "node:fs";
import * as path from "node:path";

export interface Project {
  /** What `--file` names so that it is this folder's project and no other: what `--stack` alone means, the command takes from its store. */
  readonly files: readonly string[];
  /** The file that stands for the whole. */
  readonly first: string;
}

const COMPOSE = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const HEAD = 1 << 16;
const OURS = /^\uFEFF?(?:apiVersion:\s*["']?controller\b|kind:\s*["']?(?:Stack|Controller)\b)/m;
const STACK = /^\uFEFF?kind:\s*["']?Stack\b/m;

/** null: neither a manifest nor a Compose file lies there. */
export function projectIn(folder: string): Project | null {
  const manifests = manifestsIn(path.join(folder, "manifests"));
  const [stack] = manifests.filter(({ text }) => STACK.test(text));
  if (stack) return { files: ["manifests"], first: stack.file };
  // A Controller alone leaves the Compose files to be looked for.
  const beside = manifests.length ? ["manifests"] : [];
  const named = namedIn(folder);
  const compose = named.length ? named : COMPOSE.filter((name) => existsSync(path.join(folder, name))).slice(0, 1);
  const [first] = compose;
  if (first === undefined) return null;
  // As a folder, it is taken with its override file.
  return { files: [...beside, ...(named.length ? named : ["."])], first: path.resolve(folder, first) };
}

function manifestsIn(folder: string): readonly { readonly file: string; readonly text: string }[] {
  const names = namesIn(folder).filter((name) => /\.ya?ml$/.test(name)).sort();
  return names.map((name) => path.join(folder, name)).map((file) => ({ file, text: headOf(file) })).filter(({ text }) => OURS.test(text));
}

/** COMPOSE_FILE, as the environment or the `.env` beside sets it. */
function namedIn(folder: string): readonly string[] {
  const own = headOf(path.join(folder, ".env"));
  const setting = (name: string): string => process.env[name] ?? new RegExp(`^(?:export\\s+)?${name}\\s*=\\s*["']?([^"'\\r\\n#]*)`, "m").exec(own)?.[1]?.trim() ?? "";
  return setting("COMPOSE_FILE").split(setting("COMPOSE_PATH_SEPARATOR") || path.delimiter).filter(Boolean);
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function headOf(file: string): string {
  try {
    const at = openSync(file, "r");
    try {
      const room = Buffer.alloc(HEAD);
      return room.toString("utf8", 0, readSync(at, room, 0, HEAD, 0));
    } finally {
      closeSync(at);
    }
  } catch {
    return "";
  }
}
