// Which folder, stack or service is meant, where a command was not given one.

import * as vscode from "vscode";

import type { TreeNode } from "../core/nodes.ts";
import { say } from "./say.ts";

/** Of what is being edited; else the only one; else one that is chosen. */
export async function folderFor(uri: vscode.Uri | undefined): Promise<vscode.WorkspaceFolder | undefined> {
  const meant = uri ?? vscode.window.activeTextEditor?.document.uri;
  const own = meant && vscode.workspace.getWorkspaceFolder(meant);
  if (own) return own;
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length > 1) return vscode.window.showWorkspaceFolderPick({ placeHolder: "Of which folder?" });
  if (!folders.length) void say.info("Open a folder with a Compose file or with manifests first.");
  return folders[0];
}

export async function chosenNode(nodes: readonly TreeNode[], kinds: readonly TreeNode["kind"][], doing: string): Promise<TreeNode | undefined> {
  const fitting = nodes.filter((node) => kinds.includes(node.kind));
  if (!fitting.length) {
    void say.info("No stack is known here yet: see the view 'Controller'.");
    return undefined;
  }
  const items = fitting.map((node) => ({ label: `$(${node.look.icon}) ${node.service === undefined ? node.stack : `${node.stack}/${node.service}`}`, description: node.description, node }));
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: doing, matchOnDescription: true });
  return chosen?.node;
}

/** A manifest of a stack is planned by itself; of everything else, its folder's project is meant. */
export function manifestIn(document: vscode.TextDocument): boolean {
  const text = document.getText();
  return document.uri.scheme === "file" && /^apiVersion:\s*["']?controller\/v1/m.test(text) && /^kind:\s*["']?Stack\b/m.test(text);
}
