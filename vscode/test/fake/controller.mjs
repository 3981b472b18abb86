#!/usr/bin/env node
// As the command answers: real answers, by what is asked. Says in `calls` what it was asked, and stays where it is told to.
// Usage: FAKE_HOME/controller ARGUMENT…; beside it lie `VERB.json`, `VERB.code`, `VERB.stderr`, and `VERB.stays`. In `logs.json` stands
// `[[REPLICA, LINE], …]`, which is printed as the command does it: names as wide as the widest, and none where there is one replica.

import { appendFileSync, existsSync, readFileSync, watchFile } from "node:fs";
import { dirname, join } from "node:path";

const home = dirname(process.argv[1]);
const args = process.argv.slice(2);
const verb = args[0] === "rollout" ? `rollout-${args[1]}` : args[0];
const read = (kind) => (existsSync(join(home, `${verb}.${kind}`)) ? readFileSync(join(home, `${verb}.${kind}`), "utf8") : "");
appendFileSync(join(home, "calls"), `${JSON.stringify({ pid: process.pid, cwd: process.cwd(), args })}\n`);
// All of it is read first: the test may change it as soon as something is printed.
const [stays, code, complaint] = [existsSync(join(home, `${verb}.stays`)), Number(read("code") || 0), read("stderr")];
process.stderr.write(complaint);
const logs = () => {
  const lines = JSON.parse(read("json") || "[]");
  const width = Math.max(0, ...lines.map(([name]) => name.length));
  const bare = new Set(lines.map(([name]) => name)).size === 1;
  return lines.map(([name, line]) => `${bare ? "" : `${name.padEnd(width)} | `}${line}\n`).join("");
};
process.stdout.write(verb === "logs" ? logs() : read("json"));
if (stays) {
  process.on("SIGINT", () => process.exit(130));
  watchFile(join(home, `${verb}.json`), { interval: 50 }, () => process.stdout.write(`\n${read("json")}`));
  watchFile(join(home, `${verb}.stderr`), { interval: 50 }, () => process.stderr.write(read("stderr")));
  setInterval(() => undefined, 1000);
} else process.exitCode = code;
