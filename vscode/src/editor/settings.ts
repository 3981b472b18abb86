// What a person has set, as this extension reads it.

import * as path from "node:path";
import * as vscode from "vscode";

import { commandOf } from "../core/argv.ts";
import type { Place } from "../backend/command.ts";

export function placeOf(folder: vscode.WorkspaceFolder): Place {
  const settings = vscode.workspace.getConfiguration("controller", folder.uri);
  const root = folder.uri.fsPath;
  return { command: commandOf(settings.get("path", "controller"), root, path.join), folder: root, name: folder.name, files: settings.get<string[]>("files", []) };
}

export interface Checks {
  readonly onSave: boolean;
  readonly scan: boolean;
  /** The least severity of findings that are shown. */
  readonly least: string;
}

export function checksOf(folder: vscode.WorkspaceFolder): Checks {
  const settings = vscode.workspace.getConfiguration("controller", folder.uri);
  return { onSave: settings.get("checkOnSave", true), scan: settings.get("scan.enabled", true), least: settings.get("scan.leastSeverity", "medium") };
}

export interface ApiSettings {
  readonly address: string;
  readonly caFile: string;
}

export function apiSettings(): ApiSettings {
  const settings = vscode.workspace.getConfiguration("controller");
  return { address: settings.get("api.address", ""), caFile: settings.get("api.caFile", "") };
}

/** Stacks that are shown; none: all. */
export function shownStacks(): readonly string[] {
  return vscode.workspace.getConfiguration("controller").get<string[]>("stacks", []);
}

/** Files from which the command takes a project, as it looks for them in a folder. */
export const PROJECT_FILES = "{manifests/*.yaml,manifests/*.yml,compose.yaml,compose.yml,docker-compose.yaml,docker-compose.yml}";
