// Plans, causes and descriptions as documents that nobody can write into, shown as a page.

import * as vscode from "vscode";

export const SCHEME = "controller";
/** Pages of which the text is kept. */
const MOST = 50;

export class Documents implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changes = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changes.event;
  private readonly texts = new Map<string, string>();
  private readonly provided = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? "What stood here is not kept any more: ask again.\n";
  }

  /** Shows it beside what is being edited, and in the place of a page that is looked at; what was shown under that name is replaced. */
  async show(name: readonly string[], text: string): Promise<void> {
    const uri = uriOf(name);
    this.keep(uri.toString(), text);
    this.changes.fire(uri);
    const { activeTextEditor, tabGroups } = vscode.window;
    try {
      // Beside a page, it would open one column more each time.
      if (!activeTextEditor && tabGroups.all.length > 1) await vscode.commands.executeCommand("workbench.action.focusFirstEditorGroup");
      await vscode.commands.executeCommand(activeTextEditor || tabGroups.all.length > 1 ? "markdown.showPreviewToSide" : "markdown.showPreview", uri);
    } catch {
      // An editor without its Markdown extension shows the text.
      const document = await vscode.workspace.openTextDocument(uri);
      await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preview: true, preserveFocus: true });
    }
  }

  dispose(): void {
    this.provided.dispose();
    this.changes.dispose();
    this.texts.clear();
  }

  /** A page that is shown asks for its text again whenever it comes back to sight, long after its document was closed. */
  private keep(name: string, text: string): void {
    this.texts.delete(name);
    this.texts.set(name, text);
    const [oldest] = this.texts.keys();
    if (this.texts.size > MOST && oldest !== undefined) this.texts.delete(oldest);
  }
}

/** `controller:/why/the command line in shop/web.md`: its last part is the tab's title. */
export function uriOf(name: readonly string[]): vscode.Uri {
  const path = name.map((part) => part.replace(/[\\/]/g, "∕")).join("/");
  return vscode.Uri.from({ scheme: SCHEME, path: `/${path}.md` });
}
