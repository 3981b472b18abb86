// What a person has set, as this extension reads it. A setting of another type than it is declared with counts as not set.

import { homedir } from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";

import type { Place } from "../backend/command.ts";
import { commandOf } from "../core/argv.ts";
import { projectIn } from "../edge/project.ts";

export function placeOf(folder: vscode.WorkspaceFolder): Place {
  const root = folder.uri.fsPath;
  return {
    command: commandOf(textOf("path", "controller", folder.uri), root, homedir(), path.join), folder: root, name: folder.name,
    files: textsOf("files", folder.uri), own: () => projectIn(root)?.files ?? ["."],
  };
}

/** Whether the command has something to look at there. */
export function hasProject(folder: vscode.WorkspaceFolder): boolean {
  return folder.uri.scheme === "file" && (textsOf("files", folder.uri).length > 0 || projectIn(folder.uri.fsPath) !== null);
}

export interface Checks {
  readonly onSave: boolean;
  readonly scan: boolean;
  /** The least severity of findings that are shown. */
  readonly least: string;
}

export function checksOf({ uri }: vscode.WorkspaceFolder): Checks {
  return { onSave: flagOf("checkOnSave", true, uri), scan: flagOf("scan.enabled", true, uri), least: textOf("scan.leastSeverity", "high", uri) };
}

export interface ApiSettings {
  readonly address: string;
  readonly caFile: string;
}

export function apiSettings(): ApiSettings {
  return { address: textOf("api.address", ""), caFile: textOf("api.caFile", "") };
}

/** Stacks that are shown; none: all. */
export function shownStacks(): readonly string[] {
  return textsOf("stacks");
}

/** `scope`: of the folder whose stacks they are; none: of the window. */
export function hasStatusBar(scope?: vscode.Uri): boolean {
  return flagOf("statusBar.enabled", true, scope);
}

/** Settings by which sources differ; all others change only what is shown. */
export const OF_SOURCES = ["path", "files", "api"].map((name) => `controller.${name}`);
export const OF_CHECKS = ["path", "files", "checkOnSave", "scan"].map((name) => `controller.${name}`);

/** Files from which the command takes a project, as it looks for them in a folder. */
export const PROJECT_FILES = "{manifests/*.yaml,manifests/*.yml,compose.yaml,compose.yml,docker-compose.yaml,docker-compose.yml,.env}";

function valueOf(name: string, scope?: vscode.Uri): unknown {
  return vscode.workspace.getConfiguration("controller", scope).get<unknown>(name, undefined);
}

function textOf(name: string, otherwise: string, scope?: vscode.Uri): string {
  const value = valueOf(name, scope);
  return typeof value === "string" ? value : otherwise;
}

function flagOf(name: string, otherwise: boolean, scope?: vscode.Uri): boolean {
  const value = valueOf(name, scope);
  return typeof value === "boolean" ? value : otherwise;
}

function textsOf(name: string, scope?: vscode.Uri): readonly string[] {
  const value = valueOf(name, scope);
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];
}
