// Files of a project that come, go or change, also by others than this editor: in the folders themselves, and no deeper.

import * as vscode from "vscode";

import { PROJECT_FILES } from "./settings.ts";

type Tell = (folder: vscode.WorkspaceFolder) => void;

export class Watchers implements vscode.Disposable {
  private readonly watched = new Map<string, vscode.Disposable[]>();

  /** `counted`: a file came or went; `changed`: one is another. */
  constructor(private readonly counted: Tell, private readonly changed: Tell) {
    this.renew();
  }

  /** The folders may be others. */
  renew(): void {
    const folders = new Map((vscode.workspace.workspaceFolders ?? []).map((folder) => [folder.uri.toString(), folder]));
    for (const key of [...this.watched.keys()]) if (!folders.has(key)) this.end(key);
    for (const [key, folder] of folders) if (!this.watched.has(key)) this.watched.set(key, this.watch(folder));
  }

  dispose(): void {
    for (const key of [...this.watched.keys()]) this.end(key);
  }

  private watch(folder: vscode.WorkspaceFolder): vscode.Disposable[] {
    const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(folder, PROJECT_FILES));
    const counted = (): void => this.counted(folder);
    return [watcher.onDidCreate(counted), watcher.onDidDelete(counted), watcher.onDidChange(() => this.changed(folder)), watcher];
  }

  private end(key: string): void {
    for (const one of this.watched.get(key) ?? []) one.dispose();
    this.watched.delete(key);
  }
}
