// The tree of stacks, services and replicas.

import * as vscode from "vscode";

import type { Replica } from "../backend/backend.ts";
import { nodesOf, type TreeNode } from "../core/nodes.ts";
import { clock } from "../shared.ts";
import type { Hub } from "./hub.ts";

export class StackTree implements vscode.TreeDataProvider<TreeNode>, vscode.Disposable {
  private readonly changes = new vscode.EventEmitter<TreeNode | undefined>();
  readonly onDidChangeTreeData = this.changes.event;
  readonly view: vscode.TreeView<TreeNode>;
  private roots: readonly TreeNode[] = [];
  private parents = new Map<string, TreeNode>();
  private shown = "";
  private readonly listening: vscode.Disposable;

  constructor(private readonly hub: Hub) {
    this.view = vscode.window.createTreeView("controller.stacks", { treeDataProvider: this, showCollapseAll: true });
    this.listening = hub.onChange(() => this.look());
    this.look();
  }

  getTreeItem(node: TreeNode): vscode.TreeItem {
    const state = node.children.length ? (node.open ? vscode.TreeItemCollapsibleState.Expanded : vscode.TreeItemCollapsibleState.Collapsed) : vscode.TreeItemCollapsibleState.None;
    const item = new vscode.TreeItem(node.label, state);
    item.id = node.id;
    item.description = node.description;
    item.iconPath = new vscode.ThemeIcon(node.look.icon, node.look.colour === null ? undefined : new vscode.ThemeColor(node.look.colour));
    item.tooltip = new vscode.MarkdownString(node.tooltip);
    item.contextValue = node.kind;
    item.accessibilityInformation = { label: node.spoken };
    return item;
  }

  getChildren(node?: TreeNode): TreeNode[] {
    return [...(node ? node.children : this.roots)];
  }

  getParent(node: TreeNode): TreeNode | undefined {
    return this.parents.get(node.id);
  }

  /** Stacks and services, for who chooses by name. */
  get nodes(): readonly TreeNode[] {
    return this.roots.flatMap((stack) => [stack, ...stack.children.filter((child) => child.kind === "service")]);
  }

  /** Of a replica: how its service knows it. */
  replicaOf(node: TreeNode): Replica {
    if (node.replica === undefined) return null;
    return { name: node.replica, alone: this.getParent(node)?.children.length === 1 };
  }

  async show(stack: string | null): Promise<void> {
    const node = this.roots.find((root) => root.stack === stack);
    if (node) await this.view.reveal(node, { focus: true, select: true, expand: true });
    else await vscode.commands.executeCommand("controller.stacks.focus");
  }

  dispose(): void {
    this.listening.dispose();
    this.view.dispose();
    this.changes.dispose();
  }

  private look(): void {
    const sources = this.hub.sources;
    const roots = nodesOf(sources.map((source) => {
      const { stacks, staleSince } = this.hub.knownOf(source);
      const old = staleSince === null ? "" : `as it was at ${clock(staleSince)}`;
      return { key: source.key, label: sources.length > 1 ? source.label : "", old, stacks };
    }));
    this.view.message = this.hub.trouble;
    const [only] = sources;
    // Where there is one view, the editor shows no description of it.
    this.view.title = only?.folder === null ? only.key.replace(/^https?:\/\//, "") : "Stacks";
    this.view.description = (sources.length === 1 && sources[0]?.backend.from) || "";
    const now = JSON.stringify(roots);
    if (now === this.shown) return;
    this.shown = now;
    this.roots = roots;
    this.parents = parentsOf(roots);
    this.changes.fire(undefined);
  }
}

function parentsOf(roots: readonly TreeNode[]): Map<string, TreeNode> {
  const parents = new Map<string, TreeNode>();
  const walk = (node: TreeNode): void => node.children.forEach((child) => (parents.set(child.id, node), walk(child)));
  roots.forEach(walk);
  return parents;
}
