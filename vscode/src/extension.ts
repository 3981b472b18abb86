// Where the editor begins and ends: what is made here is disposed of with it.

import * as vscode from "vscode";

import type { Verb } from "./shared.ts";
import { Cli } from "./edge/cli.ts";
import { Acts } from "./editor/acts.ts";
import { Documents } from "./editor/documents.ts";
import { Hub } from "./editor/hub.ts";
import { isOfProject, Problems } from "./editor/problems.ts";
import { say } from "./editor/say.ts";
import { OF_CHECKS, OF_SOURCES } from "./editor/settings.ts";
import { StatusBar } from "./editor/statusbar.ts";
import { Tokens } from "./editor/token.ts";
import { StackTree } from "./editor/tree.ts";
import { Watchers } from "./editor/watchers.ts";
import { folderFor } from "./editor/choose.ts";

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const keep = <T extends vscode.Disposable>(one: T): T => (context.subscriptions.push(one), one);
  const output = keep(vscode.window.createOutputChannel("Controller", { log: true }));
  const log = (line: string, failed = false): void => output[failed ? "warn" : "info"](line);
  const cli = keep(new Cli(log));
  const tokens = new Tokens(context.secrets);
  const hub = keep(new Hub(cli, tokens, log));
  const documents = keep(new Documents());
  const tree = keep(new StackTree(hub));
  keep(new StatusBar(hub));
  const problems = keep(new Problems(cli, log, (missing) => void hub.tellMissing(missing)));
  const running = new Set<AbortController>();
  keep({ dispose: () => running.forEach((abort) => abort.abort()) });

  registerCommands(keep, new Acts(hub, tree, documents, output, running), { hub, tokens, tree, problems, output });
  listen(keep, hub, tokens, problems);
  await hub.renew();
  checkAll(problems);
}

export function deactivate(): void {
  // All was given to `context.subscriptions`.
}

type Keep = <T extends vscode.Disposable>(one: T) => T;

interface Parts {
  readonly hub: Hub;
  readonly tokens: Tokens;
  readonly tree: StackTree;
  readonly problems: Problems;
  readonly output: vscode.LogOutputChannel;
}

function registerCommands(keep: Keep, acts: Acts, { hub, tokens, tree, problems, output }: Parts): void {
  const command = (name: string, run: (given: unknown) => unknown): void => void keep(vscode.commands.registerCommand(`controller.${name}`, run));
  /** In a workspace that is not trusted nothing is run. */
  const trusted = (name: string, run: (given: unknown) => unknown): void => command(name, (given) => (vscode.workspace.isTrusted ? run(given) : tellRestricted()));
  const steer = (name: string, verb: Verb, kinds: readonly ("stack" | "service")[]): void => trusted(name, (given) => acts.steer(verb, given, kinds));

  trusted("plan", (given) => acts.plan(given));
  trusted("apply", (given) => acts.apply(given));
  // The editor gives buttons of a view's title what is selected in it, which is not what they stand above.
  trusted("applyAll", () => acts.apply(undefined));
  trusted("why", (given) => acts.why(given));
  trusted("describe", (given) => acts.describe(given));
  trusted("logs", (given) => acts.logs(given));
  steer("restart", "rollout-restart", ["service"]);
  steer("retry", "retry", ["stack", "service"]);
  steer("start", "start", ["stack", "service"]);
  steer("stop", "stop", ["stack", "service"]);
  trusted("check", async (given) => {
    const folder = await folderFor(given instanceof vscode.Uri ? given : undefined);
    if (folder) await problems.checkNow(folder);
  });
  trusted("refresh", () => hub.refresh());
  command("setToken", () => tokens.ask());
  command("forgetToken", () => tokens.forget());
  command("show", (stack) => tree.show(typeof stack === "string" ? stack : null));
  command("showOutput", () => output.show());
}

async function tellRestricted(): Promise<void> {
  const manage = "Manage Workspace Trust";
  const chosen = await say.warning("This workspace is not trusted: nothing is run in it.", manage);
  if (chosen === manage) await vscode.commands.executeCommand("workbench.trust.manage");
}

function listen(keep: Keep, hub: Hub, tokens: Tokens, problems: Problems): void {
  keep(tokens.onChange(() => void hub.renew()));
  keep(vscode.workspace.onDidSaveTextDocument((document) => {
    const folder = isOfProject(document) ? vscode.workspace.getWorkspaceFolder(document.uri) : undefined;
    if (!folder) return;
    problems.saved(folder);
    hub.reread(folder);
  }));
  keep(vscode.workspace.onDidGrantWorkspaceTrust(() => void hub.renew().then(() => checkAll(problems))));
  keep(vscode.workspace.onDidChangeConfiguration((event) => {
    const isOf = (names: readonly string[]): boolean => names.some((name) => event.affectsConfiguration(name));
    if (isOf(OF_SOURCES)) void hub.renew();
    else if (event.affectsConfiguration("controller")) hub.show();
    if (isOf(OF_CHECKS)) checkAll(problems);
  }));
  const watchers = keep(new Watchers((folder) => {
    hub.recount();
    problems.saved(folder);
  }, (folder) => hub.reread(folder)));
  keep(vscode.workspace.onDidChangeWorkspaceFolders(({ added, removed }) => {
    watchers.renew();
    removed.forEach((folder) => problems.forget(folder));
    void hub.renew().then(() => added.forEach((folder) => problems.saved(folder)));
  }));
}

function checkAll(problems: Problems): void {
  for (const folder of vscode.workspace.workspaceFolders ?? []) problems.saved(folder);
}
