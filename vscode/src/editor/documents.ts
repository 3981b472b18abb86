// Plans, causes and descriptions as documents that nobody can write into, shown as a page.

import * as vscode from "vscode";

export const SCHEME = "controller";

export class Documents implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changes = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changes.event;
  private readonly texts = new Map<string, string>();
  private readonly held: vscode.Disposable[];

  constructor() {
    this.held = [
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.workspace.onDidCloseTextDocument((document) => document.uri.scheme === SCHEME && this.texts.delete(document.uri.toString())),
    ];
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? "It was closed, and what it held is not kept: ask again.\n";
  }

  /** Shows it beside what is being edited; what was shown under that name is replaced. */
  async show(name: readonly string[], text: string): Promise<void> {
    const uri = uriOf(name);
    this.texts.set(uri.toString(), text);
    this.changes.fire(uri);
    try {
      await vscode.commands.executeCommand("markdown.showPreviewToSide", uri);
    } catch {
      // An editor without its Markdown extension shows the text.
      const document = await vscode.workspace.openTextDocument(uri);
      await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preview: true, preserveFocus: true });
    }
  }

  dispose(): void {
    for (const one of this.held) one.dispose();
    this.changes.dispose();
    this.texts.clear();
  }
}

/** `controller:/plan/shop.md`: its last part is the tab's title. */
export function uriOf(name: readonly string[]): vscode.Uri {
  const path = name.map((part) => part.replace(/[\\/]/g, "∕")).join("/");
  return vscode.Uri.from({ scheme: SCHEME, path: `/${path}.md` });
}
