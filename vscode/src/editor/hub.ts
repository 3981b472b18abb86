// Who is asked: the API where there is a token for it, else the command line of each folder, and what they know.

import { readFileSync } from "node:fs";
import * as vscode from "vscode";

import type { Backend } from "../backend/backend.ts";
import { CommandBackend } from "../backend/command.ts";
import { addressOf } from "../core/address.ts";
import type { Cli, Missing } from "../edge/cli.ts";
import type { Door } from "../edge/api.ts";
import type { Known, Source } from "../sources/source.ts";
import { StreamSource } from "../sources/stream.ts";
import { WatchSource } from "../sources/watch.ts";
import { apiSettings, placeOf, PROJECT_FILES, shownStacks } from "./settings.ts";
import type { Tokens } from "./token.ts";

/** Milliseconds. */
const GATHER = 300;

/** Where a setting of the API cannot be used. */
class Unusable extends Error {}

export class Hub implements vscode.Disposable {
  private readonly changes = new vscode.EventEmitter<void>();
  readonly onChange = this.changes.event;
  private api: StreamSource | null = null;
  private loopback = true;
  private readonly folders = new Map<string, WatchSource>();
  private readonly rereading = new Map<string, NodeJS.Timeout>();
  /** Complaints about settings; "": none. */
  private fault = "";
  private toldRefused = false;
  private toldMissing = "";
  private disposed = false;
  private setting: Promise<void> = Promise.resolve();

  constructor(private readonly cli: Cli, private readonly tokens: Tokens, private readonly log: (line: string) => void) {}

  /** What is to be seen now: the API's stacks, or those of each folder. */
  get sources(): readonly Source[] {
    return this.usesApi && this.api ? [this.api] : [...this.folders.values()];
  }

  get trouble(): string {
    return this.fault || this.sources.map((source) => source.known.trouble).find(Boolean) || "";
  }

  knownOf(source: Source): Known {
    const only = shownStacks();
    return only.length ? { ...source.known, stacks: source.known.stacks.filter((stack) => only.includes(stack.name)) } : source.known;
  }

  backendOf(key: string): Backend | null {
    return this.sources.find((source) => source.key === key)?.backend ?? null;
  }

  /** The command line of a folder, with these files or with its own; whether or not it is followed. */
  commandOf(folder: vscode.WorkspaceFolder, files: readonly string[] | null = null): CommandBackend {
    const place = placeOf(folder);
    return new CommandBackend(this.cli, files === null ? place : { ...place, files });
  }

  /** Settings, folders, the token or the trust may be others: begins anew with what differs. One after the other. */
  renew(): Promise<void> {
    this.setting = this.setting.then(() => this.setUp()).catch((error: unknown) => this.log(`set-up: ${String(error)}`));
    return this.setting;
  }

  /** A person wants it looked at anew, or has changed a setting: a complaint may be made again. */
  refresh(): Promise<void> {
    this.toldMissing = "";
    this.toldRefused = false;
    return this.renew();
  }

  /** Files of a folder have changed: the command reads them when it starts. Several at once count as one. */
  reread(folder: vscode.WorkspaceFolder): void {
    const key = folder.uri.toString();
    clearTimeout(this.rereading.get(key));
    this.rereading.set(key, setTimeout(() => {
      this.rereading.delete(key);
      this.folders.get(key)?.renew();
    }, GATHER));
  }

  /** Files came or went: a folder may have a project now, or none any more. */
  async recount(): Promise<void> {
    if (this.api && this.usesApi) return;
    await this.renew();
  }

  dispose(): void {
    this.disposed = true;
    for (const timer of this.rereading.values()) clearTimeout(timer);
    this.api?.stop();
    this.stopFolders();
    this.changes.dispose();
  }

  private async setUp(): Promise<void> {
    this.api?.stop();
    this.api = null;
    this.stopFolders();
    this.fault = "";
    if (this.disposed || !vscode.workspace.isTrusted) return this.tell();
    await this.openApi();
    if (this.disposed) return;
    if (!this.api) await this.followFolders();
    this.tell();
  }

  private async openApi(): Promise<void> {
    try {
      const door = await this.door();
      if (this.disposed || !door) return;
      this.loopback = door.address.loopback;
      this.api = new StreamSource(door.address.origin, door, () => this.onApi());
      this.api.start();
    } catch (error) {
      if (!(error instanceof Unusable)) throw error;
      this.fault = error.message;
    }
  }

  /** null: no token, so nothing is asked of it. */
  private async door(): Promise<Door | null> {
    const { address: text, caFile } = apiSettings();
    if (!text.trim()) return null;
    const addressed = addressOf(text);
    if ("fault" in addressed) throw new Unusable(`controller.api.address: ${addressed.fault}`);
    const token = await this.tokens.of(addressed.address.origin);
    if (!token) return null;
    return { address: addressed.address, token, ca: caFile.trim() ? readCa(caFile.trim()) : null };
  }

  private get usesApi(): boolean {
    if (!this.api || this.api.state === "refused") return false;
    // What a controller elsewhere keeps, this machine's command line knows nothing of.
    return this.api.state !== "away" || !this.loopback;
  }

  private onApi(): void {
    if (this.api?.state === "refused" && !this.toldRefused) {
      this.toldRefused = true;
      void this.tellRefused(this.api.key);
    }
    if (this.api?.state === "open") this.toldRefused = false;
    if (this.usesApi) this.stopFolders();
    else if (!this.folders.size) void this.followFolders().then(() => this.tell());
    this.tell();
  }

  private async tellRefused(origin: string): Promise<void> {
    const again = "Set API token";
    const chosen = await vscode.window.showWarningMessage(`${origin} does not take the token (any more). Stacks are asked of the command line meanwhile.`, again);
    if (chosen === again) await this.tokens.ask();
  }

  private async followFolders(): Promise<void> {
    for (const folder of vscode.workspace.workspaceFolders ?? []) {
      if (folder.uri.scheme !== "file" || !(await hasProject(folder))) continue;
      if (this.disposed || this.usesApi) return;
      const key = folder.uri.toString();
      if (this.folders.has(key)) continue;
      const source = new WatchSource(key, folder.name, this.cli, placeOf(folder), () => this.tell(), (missing) => void this.tellMissing(missing));
      this.folders.set(key, source);
      source.start();
    }
  }

  /** Once for each command, and `again` where a person asked for something that it was needed for. */
  async tellMissing(missing: Missing, again = false): Promise<void> {
    if (this.toldMissing === missing.command && !again) return;
    this.toldMissing = missing.command;
    const settings = "Open settings";
    const chosen = await vscode.window.showErrorMessage(`${missing.message}.`, settings);
    if (chosen === settings) await vscode.commands.executeCommand("workbench.action.openSettings", "controller.path");
  }

  private stopFolders(): void {
    for (const source of this.folders.values()) source.stop();
    this.folders.clear();
  }

  private tell(): void {
    if (!this.disposed) this.changes.fire();
  }
}

function readCa(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Unusable(`controller.api.caFile: '${file}' cannot be read: ${(error as Error).message}`);
  }
}

async function hasProject(folder: vscode.WorkspaceFolder): Promise<boolean> {
  if (placeOf(folder).files.length) return true;
  return (await vscode.workspace.findFiles(new vscode.RelativePattern(folder, PROJECT_FILES), null, 1)).length > 0;
}
