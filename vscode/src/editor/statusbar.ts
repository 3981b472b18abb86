// The status bar: an item for each stack, the worst first.

import * as vscode from "vscode";

import { barOf, troubleItem, UNTRUSTED, type BarItem } from "../core/bar.ts";
import type { Hub } from "./hub.ts";
import { hasStatusBar } from "./settings.ts";

export class StatusBar implements vscode.Disposable {
  private items: vscode.StatusBarItem[] = [];
  private shown = "";
  private readonly listening: vscode.Disposable;

  constructor(private readonly hub: Hub) {
    this.listening = hub.onChange(() => this.show());
    this.show();
  }

  dispose(): void {
    this.listening.dispose();
    for (const item of this.items) item.dispose();
    this.items = [];
  }

  private show(): void {
    const wanted = this.wanted();
    const now = JSON.stringify(wanted);
    if (now === this.shown) return;
    this.shown = now;
    while (this.items.length > wanted.length) this.items.pop()?.dispose();
    wanted.forEach((one, at) => this.fill(at, one));
  }

  private wanted(): readonly BarItem[] {
    if (!vscode.workspace.isTrusted) return hasStatusBar() ? [UNTRUSTED] : [];
    const shown = this.hub.sources.filter(({ folder }) => hasStatusBar(folder === null ? undefined : vscode.Uri.file(folder)));
    const items = barOf(shown.map((source) => ({ known: this.hub.knownOf(source), from: source.backend.from })));
    return items.length || !this.hub.trouble || !(shown.length || hasStatusBar()) ? items : [troubleItem(this.hub.trouble)];
  }

  private fill(at: number, one: BarItem): void {
    const item = this.items[at] ?? vscode.window.createStatusBarItem(`controller.stack.${at}`, vscode.StatusBarAlignment.Left, 50 - at);
    this.items[at] = item;
    item.name = one.stack === null ? "Controller" : `Controller: ${one.stack}`;
    item.text = one.text;
    item.backgroundColor = one.background === null ? undefined : new vscode.ThemeColor(one.background);
    item.tooltip = new vscode.MarkdownString(one.tooltip);
    item.accessibilityInformation = { label: one.spoken };
    item.command = one === UNTRUSTED ? "workbench.trust.manage" : { title: "Show", command: "controller.show", arguments: [one.stack] };
    item.show();
  }
}
