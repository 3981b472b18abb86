// What a person asks for: plans, applies, restarts, causes. Shows the plan or asks before anything is changed, and says
// afterwards in words what came of it.

import * as vscode from "vscode";

import { Cancelled } from "../backend/command.ts";
import type { Backend } from "../backend/backend.ts";
import type { Target } from "../core/argv.ts";
import type { TreeNode } from "../core/nodes.ts";
import type { Ending } from "../core/outcome.ts";
import { consentOf, headline, planText } from "../core/plantext.ts";
import { describeText, whyText } from "../core/whytext.ts";
import { ApiFailure } from "../edge/api.ts";
import { Missing } from "../edge/cli.ts";
import { clock, confirmationOf, LABELS, type Plan, type Verb } from "../shared.ts";
import { chosenNode, folderFor, manifestIn } from "./choose.ts";
import type { Documents } from "./documents.ts";
import type { Hub } from "./hub.ts";
import { showLogs } from "./logs.ts";
import { isOfProject } from "./problems.ts";
import { confirmed, say, withProgress, type Report } from "./say.ts";
import type { StackTree } from "./tree.ts";

/** Of whom something is asked, and how it is called. */
interface Asked {
  readonly backend: Backend;
  /** null: all that the folder's files name. */
  readonly target: Target | null;
  readonly title: string;
  /** Whose files the command reads, where they are still to be saved. */
  readonly folder?: string | null;
}

export class Acts {
  constructor(
    private readonly hub: Hub,
    private readonly tree: StackTree,
    private readonly documents: Documents,
    private readonly output: vscode.LogOutputChannel,
    private readonly running: Set<AbortController>,
  ) {}

  async plan(given: unknown): Promise<void> {
    const asked = await this.askedOf(given);
    if (asked) await this.showPlan(asked);
  }

  async apply(given: unknown): Promise<void> {
    const asked = await this.askedOf(given);
    const plan = asked && (await this.showPlan(asked));
    if (!plan) return;
    const consents = consentOf(plan.held);
    if (!plan.steps.length && !consents.length) {
      const nothing = plan.held.length ? "nothing would be done: it is held back, the plan says why" : "as desired, there is nothing to do";
      void say.info(`${asked.title}: ${nothing}.`);
      return;
    }
    const button = consents.some(({ flag }) => flag === "adopt") ? "Adopt and Apply" : consents.length ? "Confirm Removal and Apply" : "Apply";
    const says = [headline(plan).replaceAll("*", ""), "The plan stands beside this: its steps are done in that order.", ...consents.map(({ says }) => says), byWhom(asked)];
    if (await confirmed(`Apply ${asked.title}?`, says, button)) await this.act("apply", asked, consents.map(({ flag }) => flag));
  }

  /** A verb for a stack or a service; asks first where it changes what serves. */
  async steer(verb: Verb, given: unknown, kinds: readonly TreeNode["kind"][]): Promise<void> {
    const asked = await this.nodeOf(given, kinds, `${LABELS[verb]} what?`);
    if (!asked?.target) return;
    const { stack, service } = asked.target;
    const confirmation = confirmationOf({ verb, stack, services: service === undefined ? [] : [service] });
    if (confirmation && !(await confirmed(confirmation.title, [...confirmation.says, byWhom(asked)], confirmation.button))) return;
    await this.act(verb, asked, []);
  }

  async why(given: unknown): Promise<void> {
    const asked = await this.nodeOf(given, ["stack", "service"], "Why is what not ready?");
    if (!asked) return;
    const why = await this.ask(`Why: ${asked.title}`, asked.backend, (signal) => asked.backend.why(asked.target as Target, signal));
    if (why) await this.documents.show(["why", asked.backend.from, `Why ${asked.title}`], whyText(why, asked.title));
  }

  async describe(given: unknown): Promise<void> {
    const asked = await this.nodeOf(given, ["stack", "service"], "Describe what?");
    if (!asked) return;
    const one = await this.ask(`Describe ${asked.title}`, asked.backend, (signal) => asked.backend.describe(asked.target as Target, signal));
    if (one) await this.documents.show(["describe", asked.backend.from, asked.title], describeText(one));
  }

  async logs(given: unknown): Promise<void> {
    const asked = await this.nodeOf(given, ["service"], "Output of what?");
    if (asked?.target) showLogs(asked.backend, asked.target, isNode(given) ? this.tree.replicaOf(given) : null, this.running);
  }

  private async showPlan({ backend, target, title, folder }: Asked): Promise<Plan | undefined> {
    if (folder && !(await savedIn(folder, null))) return undefined;
    const plan = await this.ask(`Plan: ${title}`, backend, (signal) => backend.plan(target, signal));
    if (plan) await this.documents.show(["plan", backend.from, `Plan ${title}`], planText(plan, title, clock(Date.now())));
    return plan;
  }

  private async act(verb: Verb, { backend, target, title }: Asked, flags: readonly string[]): Promise<void> {
    const what = `${LABELS[verb]} ${title}`;
    const ending = await this.ask(what, backend, (signal, report) => backend.act(verb, target, what, { signal, onProgress: report, flags }), true);
    if (ending) await this.tell(ending, target, backend);
  }

  private async tell(ending: Ending, target: Target | null, backend: Backend): Promise<void> {
    this.output[ending.ok ? "info" : "warn"](ending.text);
    if (ending.ok) return void say.info(ending.text);
    const [why, show] = ["Why?", "Show Output"];
    const chosen = await say.error(ending.text, ...(target ? [why, show] : [show]));
    if (chosen === show) this.output.show(true);
    if (chosen !== why || !target) return;
    const title = nameOf(target);
    const answer = await this.ask(`Why: ${title}`, backend, (signal) => backend.why(target, signal));
    if (answer) await this.documents.show(["why", backend.from, `Why ${title}`], whyText(answer, title));
  }

  /** With its progress and, `aloud`, a way to cancel; a failure is told, and nothing comes back. */
  private async ask<T>(title: string, backend: Backend, question: (signal: AbortSignal, report: Report) => Promise<T>, aloud = false): Promise<T | undefined> {
    const abort = new AbortController();
    this.running.add(abort);
    try {
      return await withProgress(title, aloud, async (report, token) => {
        const listening = token.onCancellationRequested(() => abort.abort());
        try {
          return await question(abort.signal, (line) => (this.output.info(`${title}: ${line}`), report(line)));
        } finally {
          listening.dispose();
        }
      });
    } catch (error) {
      this.complain(title, backend, error, abort.signal);
      return undefined;
    } finally {
      this.running.delete(abort);
    }
  }

  private complain(title: string, backend: Backend, error: unknown, signal: AbortSignal): void {
    if (error instanceof Cancelled || signal.aborted) return;
    if (error instanceof Missing) return void this.hub.tellMissing(error, true);
    const findings = error instanceof ApiFailure ? error.findings.slice(0, 3).map((one) => `${[one.file, one.line].filter((part) => part !== null).join(":")} ${one.message}`.trim()) : [];
    const text = [`${title}: ${(error as Error).message}`, ...findings].join("\n");
    this.output.error(`${text} (by ${backend.from})`);
    void say.error(text);
  }

  /** Of a node of the tree, of a file, or of what is being edited; of a stack that is chosen, where the API is asked. */
  private async askedOf(given: unknown): Promise<Asked | undefined> {
    if (isNode(given)) return this.askedOfNode(given);
    const uri = given instanceof vscode.Uri ? given : undefined;
    const manifest = await manifestAt(uri ?? vscode.window.activeTextEditor?.document.uri);
    // What the API shows is not what the folder's files would change.
    if (!uri && !manifest && this.hub.usesApi) return this.nodeOf(undefined, ["stack"], "Which stack?");
    const folder = await folderFor(uri);
    if (!folder || !(await savedIn(folder.uri.fsPath, manifest))) return undefined;
    return { backend: this.hub.commandOf(folder, manifest && [manifest.uri.fsPath]), target: null, title: manifest ? vscode.workspace.asRelativePath(manifest.uri, false) : folder.name };
  }

  private async nodeOf(given: unknown, kinds: readonly TreeNode["kind"][], doing: string): Promise<Asked | undefined> {
    const node = isNode(given) ? given : await chosenNode(this.tree.nodes, kinds, doing);
    return node && this.askedOfNode(node);
  }

  private async askedOfNode(node: TreeNode): Promise<Asked | undefined> {
    const source = this.hub.sources.find(({ key }) => key === node.source);
    if (!source) {
      void say.warning(`${node.label} is no more known from there: choose it anew in the tree.`);
      return undefined;
    }
    const target = { stack: node.stack, ...(node.service !== undefined && { service: node.service }) };
    return { backend: source.backend, target, title: nameOf(target), folder: source.folder };
  }
}

function nameOf({ stack, service }: Target): string {
  return service === undefined ? stack : `${stack}/${service}`;
}

function byWhom({ backend }: Asked): string {
  return `By ${backend.from}.`;
}

function isNode(given: unknown): given is TreeNode {
  return typeof given === "object" && given !== null && "kind" in given && "stack" in given && "source" in given;
}

async function manifestAt(uri: vscode.Uri | undefined): Promise<vscode.TextDocument | null> {
  if (uri?.scheme !== "file") return null;
  const document = await vscode.workspace.openTextDocument(uri);
  return manifestIn(document) ? document : null;
}

/** The command reads what is on the disk: what is being edited of the project is saved first. Whether all is. */
async function savedIn(folder: string, manifest: vscode.TextDocument | null): Promise<boolean> {
  const of = (document: vscode.TextDocument): boolean => document === manifest || (isOfProject(document) && vscode.workspace.getWorkspaceFolder(document.uri)?.uri.fsPath === folder);
  for (const document of vscode.workspace.textDocuments.filter((one) => one.isDirty && of(one))) {
    if (await document.save()) continue;
    void say.warning(`${vscode.workspace.asRelativePath(document.uri, false)} could not be saved: nothing is asked, for the command reads what is on the disk.`);
    return false;
  }
  return true;
}
