// All that is said in notifications: text of others means nothing there, and no link in it runs a command.

import * as vscode from "vscode";

import { unlinked } from "../core/clean.ts";

export const say = {
  info: (text: string, ...buttons: readonly string[]): Thenable<string | undefined> => vscode.window.showInformationMessage(unlinked(text), ...buttons),
  warning: (text: string, ...buttons: readonly string[]): Thenable<string | undefined> => vscode.window.showWarningMessage(unlinked(text), ...buttons),
  error: (text: string, ...buttons: readonly string[]): Thenable<string | undefined> => vscode.window.showErrorMessage(unlinked(text), ...buttons),
};

/** Asked in the middle of the window before something is changed; whether the button was chosen. */
export async function confirmed(text: string, says: readonly string[], button: string): Promise<boolean> {
  return (await vscode.window.showWarningMessage(unlinked(text), { modal: true, detail: unlinked(says.join("\n\n")) }, button)) === button;
}

export type Report = (line: string) => void;

/** Work with its progress; `aloud`: in a notification that can cancel it, and not in the status bar. */
export function withProgress<T>(title: string, aloud: boolean, work: (report: Report, token: vscode.CancellationToken) => Promise<T>): Thenable<T> {
  const location = aloud ? vscode.ProgressLocation.Notification : vscode.ProgressLocation.Window;
  const options = { location, title: unlinked(title), cancellable: aloud };
  return vscode.window.withProgress(options, (progress, token) => work((line) => progress.report({ message: unlinked(line) }), token));
}
