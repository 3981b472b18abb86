// A workspace with a command that answers as the real one, in which the extension is activated against the fake editor.

import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { activate, deactivate } from "../src/extension.ts";
import { answer } from "./answers.ts";
import { alive, begin, documentOf, fake, secrets, Uri, type Folder } from "./fake/vscode.ts";

export interface Call {
  readonly pid: number;
  readonly cwd: string;
  readonly args: readonly string[];
}

export class World {
  readonly home = realpathSync(mkdtempSync(join(tmpdir(), "controller-editor-")));
  readonly command = join(this.home, "controller");
  readonly subscriptions: { dispose(): unknown }[] = [];

  constructor(folders: readonly string[] = ["shop"]) {
    begin();
    copyFileSync("test/fake/controller.mjs", this.command);
    chmodSync(this.command, 0o755);
    fake.settings["controller.path"] = this.command;
    folders.forEach((name) => this.folder(name));
    this.answers("status", answer("status.json"), { stays: true });
    this.answers("validate", '{"errors": []}');
    this.answers("scan", '{"findings": [], "summary": {}, "errors": []}');
  }

  folder(name: string): Folder {
    const path = join(this.home, name);
    mkdirSync(path, { recursive: true });
    const folder = { uri: Uri.file(path), name, index: fake.folders.length };
    fake.folders.push(folder);
    writeFileSync(join(path, "compose.yaml"), "services: {}\n");
    return folder;
  }

  answers(verb: string, text: string, { code = 0, stderr = "", stays = false } = {}): void {
    writeFileSync(join(this.home, `${verb}.json`), text);
    writeFileSync(join(this.home, `${verb}.code`), String(code));
    writeFileSync(join(this.home, `${verb}.stderr`), stderr);
    if (stays) writeFileSync(join(this.home, `${verb}.stays`), "");
    else rmSync(join(this.home, `${verb}.stays`), { force: true });
  }

  document(path: string, text: string): ReturnType<typeof documentOf> {
    const document = documentOf(join(this.home, path), text);
    fake.documents.push(document);
    return document;
  }

  async activate(): Promise<void> {
    await activate({ subscriptions: this.subscriptions, secrets } as never);
  }

  get calls(): readonly Call[] {
    const file = join(this.home, "calls");
    return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").filter(Boolean).map((line) => JSON.parse(line) as Call) : [];
  }

  called(verb: string): readonly Call[] {
    return this.calls.filter(({ args }) => args[0] === verb);
  }

  /** Ends it as the editor does, and waits for its processes. */
  async end(): Promise<void> {
    for (const one of this.subscriptions.splice(0).reverse()) one.dispose();
    deactivate();
    await until(() => this.calls.every(({ pid }) => !runs(pid)), "no process is left");
    rmSync(this.home, { recursive: true, force: true });
  }

  get left(): readonly object[] {
    return [...alive];
  }
}

export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** What comes about in the end; what never does fails with its name. */
export async function until(holds: () => unknown, what: string, seconds = 20): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export const texts = (): readonly string[] => fake.bar.map(({ text }) => text);
