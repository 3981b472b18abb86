// Who is asked: the API where there is a token for it, else the command line of each folder, and what they know.

import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import * as vscode from "vscode";

import { CommandBackend, type Place } from "../backend/command.ts";
import { addressOf } from "../core/address.ts";
import type { Cli, Missing } from "../edge/cli.ts";
import type { Door } from "../edge/api.ts";
import type { Known, Source } from "../sources/source.ts";
import { StreamSource } from "../sources/stream.ts";
import { WatchSource } from "../sources/watch.ts";
import { say } from "./say.ts";
import { apiSettings, hasProject, placeOf, shownStacks } from "./settings.ts";
import type { Tokens } from "./token.ts";

/** Milliseconds. */
const GATHER = 300;

/** Where a setting of the API cannot be used. */
class Unusable extends Error {}

export class Hub implements vscode.Disposable {
  private readonly changes = new vscode.EventEmitter<void>();
  readonly onChange = this.changes.event;
  private api: StreamSource | null = null;
  private door: Door | null = null;
  private readonly folders = new Map<string, WatchSource>();
  private readonly rereading = new Map<string, NodeJS.Timeout>();
  private recounting: NodeJS.Timeout | undefined;
  /** Complaints about settings; "": none. */
  private fault = "";
  private toldRefused = false;
  private toldMissing = "";
  private disposed = false;
  private setting: Promise<void> = Promise.resolve();

  constructor(private readonly cli: Cli, private readonly tokens: Tokens, private readonly log: (line: string, failed?: boolean) => void) {}

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

  /** The command line of a folder, with these files or with its own; whether or not it is followed. */
  commandOf(folder: vscode.WorkspaceFolder, files: readonly string[] | null = null): CommandBackend {
    const place = placeOf(folder);
    return new CommandBackend(this.cli, files === null ? place : { ...place, files });
  }

  /** Whether the API's stacks are shown, and not those of the folders. */
  get usesApi(): boolean {
    if (!this.api || this.api.state === "refused") return false;
    // What a controller elsewhere keeps, this machine's command line knows nothing of.
    return this.api.state !== "away" || !this.door?.address.loopback;
  }

  /** Settings, folders, the token or the trust may be others: begins anew with what differs, and with nothing else. */
  renew(): Promise<void> {
    return this.inTurn(() => this.setUp());
  }

  /** A person wants it looked at anew: all begins anew, and a complaint may be made again. */
  refresh(): Promise<void> {
    this.toldMissing = "";
    this.toldRefused = false;
    return this.inTurn(() => {
      this.stopApi();
      this.stopFolders();
      return this.setUp();
    });
  }

  /** A setting of what is shown is another. */
  show(): void {
    this.tell();
  }

  /** Files of a folder have changed: the command reads them when it starts. Several at once count as one. */
  reread(folder: vscode.WorkspaceFolder): void {
    const key = folder.uri.toString();
    clearTimeout(this.rereading.get(key));
    this.rereading.set(key, setTimeout(() => {
      this.rereading.delete(key);
      const source = this.folders.get(key);
      source?.stop();
      source?.start();
    }, GATHER));
  }

  /** Files came or went: a folder may have a project now, or none any more. Several at once count as one. */
  recount(): void {
    clearTimeout(this.recounting);
    this.recounting = setTimeout(() => void this.inTurn(() => this.followFolders()), GATHER);
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.recounting);
    for (const timer of this.rereading.values()) clearTimeout(timer);
    this.api?.stop();
    this.stopFolders();
    this.changes.dispose();
  }

  /** One after the other. */
  private inTurn(step: () => Promise<void> | void): Promise<void> {
    this.setting = this.setting.then(step).catch((error: unknown) => this.log(`set-up: ${String(error)}`, true));
    return this.setting;
  }

  private async setUp(): Promise<void> {
    if (this.disposed) return;
    await this.openApi();
    this.followFolders();
  }

  private async openApi(): Promise<void> {
    const door = vscode.workspace.isTrusted ? await this.wantedDoor() : null;
    if (this.disposed || (door !== null) === (this.api !== null) && isDeepStrictEqual(door, this.door)) return;
    this.stopApi();
    if (!door) return;
    this.door = door;
    this.api = new StreamSource(door.address.origin, door, () => this.onApi());
    this.api.start();
  }

  private stopApi(): void {
    this.api?.stop();
    this.api = null;
    this.door = null;
  }

  /** null: no token, so nothing is asked of it; or a setting that cannot be used. */
  private async wantedDoor(): Promise<Door | null> {
    this.fault = "";
    const { address: text, caFile } = apiSettings();
    if (!text.trim()) return null;
    try {
      const addressed = addressOf(text);
      if ("fault" in addressed) throw new Unusable(`controller.api.address: ${addressed.fault}`);
      const token = await this.tokens.of(addressed.address.origin);
      return token ? { address: addressed.address, token, ca: caFile.trim() ? readCa(caFile.trim()) : null } : null;
    } catch (error) {
      if (!(error instanceof Unusable)) throw error;
      this.fault = error.message;
      return null;
    }
  }

  private onApi(): void {
    if (this.api?.state === "refused" && !this.toldRefused) {
      this.toldRefused = true;
      void this.tellRefused(this.api.key);
    }
    if (this.api?.state === "open") this.toldRefused = false;
    this.followFolders();
  }

  private async tellRefused(origin: string): Promise<void> {
    const again = "Set API Token";
    const chosen = await say.warning(`${origin} does not take the token (any more). Stacks are asked of the command line meanwhile.`, again);
    if (chosen === again) await this.tokens.ask();
  }

  /** The folders that are to be followed now, and no others. */
  private followFolders(): void {
    if (this.disposed) return;
    const wanted = new Map((this.usesApi || !vscode.workspace.isTrusted ? [] : vscode.workspace.workspaceFolders ?? []).filter(hasProject).map((folder) => [folder.uri.toString(), placeOf(folder)]));
    for (const [key, source] of this.folders) {
      const place = wanted.get(key);
      if (place && sameOf(place) === sameOf(source.place)) continue;
      source.stop();
      this.folders.delete(key);
    }
    for (const [key, place] of wanted) {
      if (this.folders.has(key)) continue;
      const source = new WatchSource(key, place.name, this.cli, place, () => this.tell(), (missing) => void this.tellMissing(missing));
      this.folders.set(key, source);
      source.start();
    }
    this.tell();
  }

  /** Once for each command, and `again` where a person asked for something that it was needed for. */
  async tellMissing(missing: Missing, again = false): Promise<void> {
    // Who asks the API alone does without.
    if (!again && this.usesApi) return this.log(missing.message, true);
    if (this.toldMissing === missing.command && !again) return;
    this.toldMissing = missing.command;
    const settings = "Open Settings";
    const chosen = await say.error(`${missing.message}.`, settings);
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

/** What a source stands on; with another one it begins anew. */
function sameOf({ command, folder, name, files }: Place): string {
  return JSON.stringify([command, folder, name, files]);
}
