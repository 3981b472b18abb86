import assert from "node:assert/strict";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { afterEach, test } from "node:test";

import type { TreeNode } from "../src/core/nodes.ts";
import manifest from "../package.json" with { type: "json" };
import { answer, shop } from "./answers.ts";
import { act, DiagnosticSeverity, fake, Uri, window, type TreeItem } from "./fake/vscode.ts";
import { runs, texts, until, World } from "./world.ts";

let world: World;
afterEach(async () => {
  window.activeTextEditor = undefined;
  await world.end();
});

const GOOD = "$(pass-filled) shop Converged 2/2";
const nodes = (): TreeNode[] => fake.tree?.provider.getChildren() as TreeNode[];
const node = (service: string): TreeNode => {
  const found = nodes()[0]?.children.find((one) => one.service === service);
  assert.ok(found, service);
  return found;
};
const running = async (): Promise<void> => {
  await world.activate();
  await until(() => texts().includes(GOOD), "the stack in the status bar");
};

test("every command of the package is there, and no other", async () => {
  world = new World();
  await world.activate();
  const declared = manifest.contributes.commands.map(({ command }) => command).sort();
  assert.deepEqual([...fake.commands.keys()].sort(), declared);
  const used = Object.values(manifest.contributes.menus).flat().map(({ command }) => command);
  assert.deepEqual(used.filter((command) => !declared.includes(command)), []);
});

test("the status bar and the tree follow what the command says", async () => {
  world = new World();
  await running();
  assert.deepEqual(world.called("status").map(({ cwd, args }) => [cwd, args.includes("--watch")]), [[`${world.home}/shop`, true]]);
  assert.deepEqual(nodes().map(({ label }) => label), ["shop"]);
  assert.equal(fake.tree?.description, "the command line in shop");
  world.answers("status", JSON.stringify({ stacks: [shop({ phase: "Degraded" }, { web: { phase: "Degraded", ready: 1, message: "1 of 2 replicas ready" } })] }, null, 2) + "\n", { stays: true });
  await until(() => texts().includes("$(warning) shop Degraded 1/2"), "the killed service in the status bar");
  assert.equal(fake.bar[0]?.backgroundColor?.id, "statusBarItem.warningBackground");
  const item = fake.tree?.provider.getTreeItem(node("web")) as TreeItem;
  assert.deepEqual([item.label, item.description, item.contextValue, item.iconPath?.id], ["web", "Degraded · 1/2 · 1 of 2 replicas ready", "service", "warning"]);
});

test("several folders have a source each, and the tree says whose a stack is", async () => {
  world = new World(["shop", "blog"]);
  await world.activate();
  await until(() => nodes().length === 2, "both stacks");
  assert.deepEqual(nodes().map(({ description }) => description), ["Converged · 2/2 · shop", "Converged · 2/2 · blog"]);
  assert.equal(new Set(nodes().map(({ id }) => id)).size, 2);
  const [shopFolder] = fake.folders;
  act.folders([], shopFolder ? [shopFolder] : []);
  await until(() => nodes().length === 1, "one stack");
});

test("only stacks that are wished for are shown", async () => {
  world = new World();
  await running();
  act.set("controller.stacks", ["other"]);
  await until(() => texts().length === 0, "no item");
});

test("a workspace that is not trusted runs nothing until it is", async () => {
  world = new World();
  fake.trusted = false;
  await world.activate();
  assert.deepEqual(texts(), ["$(shield) controller: restricted"]);
  act.save(world.document("shop/compose.yaml", "services: {}"));
  await act.command("plan");
  await act.command("refresh");
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.deepEqual(world.calls, []);
  assert.match(fake.said.at(-1)?.text ?? "", /not trusted/);
  act.trust();
  await until(() => texts().includes(GOOD), "the stack in the status bar");
});

test("a missing command is one clear message that says what to do", async () => {
  world = new World(["shop", "blog"]);
  fake.settings["controller.path"] = "/nowhere/controller";
  fake.choose = ({ buttons }) => buttons[0];
  await world.activate();
  await until(() => fake.bar.length, "an item");
  act.save(world.document("shop/compose.yaml", "services: {}"));
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.deepEqual(fake.said.map(({ kind, text }) => [kind, text]), [["error", "'/nowhere/controller' cannot be run (it is not there): install controller, or set \"controller.path\" to where it is."]]);
  assert.deepEqual(fake.executed.find(({ name }) => name === "workbench.action.openSettings")?.args, ["controller.path"]);
  assert.deepEqual(texts(), ["$(warning) controller: status unknown"]);
  act.set("controller.path", world.command);
  await until(() => texts().length === 2, "both stacks");
});

test("what is wrong with the files is told where status ends, and it is tried again when one is saved", async () => {
  world = new World();
  await running();
  world.answers("status", "", { code: 1, stderr: "error: manifests/shop.yaml:8:7: spec.services.web.replicaz: unknown key 'replicaz'\nhint: did you mean 'replicas'?\n" });
  const manifest = world.document("shop/manifests/shop.yaml", "a");
  act.save(manifest);
  await until(() => texts()[0]?.startsWith("$(question) shop Converged 2/2 at "), "an old word that says so");
  assert.match(fake.tree?.message ?? "", /^manifests\/shop\.yaml:8:7: .*unknown key 'replicaz' \(did you mean 'replicas'\?\)/);
  world.answers("status", answer("status.json"), { stays: true });
  act.save(manifest);
  await until(() => texts()[0] === GOOD, "it is known again");
  assert.equal(fake.tree?.message, "");
});

test("findings are set when a file is saved, and cleared when they are mended", async () => {
  world = new World();
  await running();
  world.answers("validate", answer("validate-broken.json"), { code: 1, stderr: `warning: ${world.home}/shop/compose.yaml:2:3: secrets.a.file: './a' does not exist\n` });
  world.answers("scan", answer("scan.json"));
  const document = world.document("shop/manifests/shop.yaml", "apiVersion: controller/v1\nkind: Stack\nmetadata: {name: shop}\nspec:\n  compose: {files: [../compose.yaml]}\n  services:\n    web:\n      replicaz: 2\n");
  fake.settings["controller.scan.leastSeverity"] = "medium";
  fake.files.set(`${world.home}/shop/compose.yaml`, "name: shop\nservices:\n  db:\n    image: local/busybox:1.35\n");
  act.save(document);
  await until(() => fake.diagnostics.size === 2, "both files");
  const [error] = fake.diagnostics.get(document.uri.path) ?? [];
  assert.deepEqual([error?.range.start.line, error?.range.start.character, error?.range.end.character, error?.severity, error?.source], [7, 6, 14, DiagnosticSeverity.Error, "controller validate"]);
  const compose = fake.diagnostics.get(`${world.home}/shop/compose.yaml`) ?? [];
  assert.ok(compose.some(({ source, severity }) => source === "controller validate" && severity === DiagnosticSeverity.Warning));
  assert.ok(compose.some(({ source, code, range }) => source === "controller scan" && code === "F01" && range.start.line === 2));
  assert.ok(world.called("scan").every(({ args }) => args.includes("compose")), "what runs is left alone");

  world.answers("validate", '{"errors": []}');
  world.answers("scan", '{"findings": [], "errors": []}');
  act.save(document);
  await until(() => fake.diagnostics.size === 0, "nothing is wrong");
});

test("nothing is looked at where that is not wished, nor for what is no part of a project", async () => {
  world = new World();
  fake.settings["controller.checkOnSave"] = false;
  await running();
  act.save(world.document("shop/compose.yaml", ""));
  fake.settings["controller.checkOnSave"] = true;
  act.save(world.document("shop/main.py", ""));
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.deepEqual(world.called("validate"), []);
});

test("what cannot be asked leaves what was found before, and a person who asked is told", async () => {
  world = new World();
  await running();
  world.answers("validate", answer("validate-broken.json"), { code: 1 });
  await act.command("check");
  assert.equal(fake.diagnostics.size, 1);
  world.answers("validate", "", { code: 1, stderr: "error: the state folder cannot be written\nhint: mend its rights\n" });
  act.save(world.document("shop/compose.yaml", ""));
  await until(() => fake.output.some((line) => line.startsWith("warn: looking at the files of shop")), "it is logged");
  assert.deepEqual([fake.diagnostics.size, fake.said.length], [1, 0], "a save says nothing");
  await act.command("check");
  assert.equal(fake.said.at(-1)?.text, "The files of shop could not be checked: the state folder cannot be written (mend its rights). What was found before still stands.");
  assert.equal(fake.diagnostics.size, 1);
});

test("findings go where checks are turned off, and with a file that is gone", async () => {
  world = new World();
  await running();
  world.answers("validate", answer("validate-broken.json"), { code: 1 });
  const look = async (): Promise<void> => (act.save(world.document("shop/compose.yaml", "")), until(() => fake.diagnostics.size === 1, "a finding"));
  await look();
  act.set("controller.checkOnSave", false);
  assert.equal(fake.diagnostics.size, 0);
  act.set("controller.checkOnSave", true);
  await look();
  rmSync(`${world.home}/shop/compose.yaml`);
  act.remove(Uri.file(`${world.home}/shop/compose.yaml`));
  assert.equal(fake.diagnostics.size, 0);
  await until(() => texts().length === 0, "no stack either");
});

test("two folders that name the same file do not clear each other's findings", async () => {
  world = new World(["shop", "blog"]);
  await world.activate();
  const shared = `${world.home}/shared.yaml`;
  const error = (message: string): string => JSON.stringify({ errors: [{ file: shared, line: 1, column: 1, path: null, message, hint: null }] });
  const [first, second] = fake.folders;
  world.answers("validate", error("one"), { code: 1 });
  await act.command("check", Uri.file(`${first?.uri.path}/compose.yaml`));
  world.answers("validate", error("two"), { code: 1 });
  await act.command("check", Uri.file(`${second?.uri.path}/compose.yaml`));
  const messages = (): (string | undefined)[] => (fake.diagnostics.get(shared) ?? []).map(({ message }) => message);
  assert.deepEqual(messages().sort(), ["one", "two"]);
  world.answers("validate", '{"errors": []}');
  await act.command("check", Uri.file(`${second?.uri.path}/compose.yaml`));
  assert.deepEqual(messages(), ["one"]);
});

test("a folder that was opened by a link has its findings under that name", async () => {
  world = new World();
  const linked = `${world.home}/linked`;
  symlinkSync(`${world.home}/shop`, linked);
  fake.folders = [{ uri: Uri.file(linked), name: "linked", index: 0 }];
  await world.activate();
  world.answers("validate", JSON.stringify({ errors: [{ file: `${world.home}/shop/compose.yaml`, line: 1, column: 1, path: null, message: "x", hint: null }] }), { code: 1 });
  await act.command("check");
  assert.deepEqual([...fake.diagnostics.keys()], [`${linked}/compose.yaml`]);
});

test("a byte order mark moves no underline", async () => {
  world = new World();
  await running();
  fake.files.set(`${world.home}/shop/compose.yaml`, "\uFEFFservises: {}\n");
  world.answers("validate", JSON.stringify({ errors: [{ file: "compose.yaml", line: 1, column: 1, path: null, message: "x", hint: null }] }), { code: 1 });
  await act.command("check");
  const [found] = fake.diagnostics.get(`${world.home}/shop/compose.yaml`) ?? [];
  assert.deepEqual([found?.range.start.character, found?.range.end.character], [0, 8]);
});

test("an engine that goes away makes what is known old, and it is asked again", async () => {
  world = new World();
  await running();
  world.answers("status", answer("status.json"), { stays: true, stderr: "warning: compose.yaml: 'version' is obsolete\n" });
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(texts(), [GOOD], "other warnings are none of that");
  world.answers("status", answer("status.json"), { stays: true, stderr: "warning: the engine at unix:///run/docker.sock does not answer; waiting for it\n" });
  await until(() => texts()[0]?.startsWith("$(question) shop Converged 2/2 at "), "an old word that says so");
  assert.equal(fake.tree?.message, "the engine at unix:///run/docker.sock does not answer");
  world.answers("status", answer("status.json"), { stays: true });
  await until(() => texts()[0] === GOOD, "it is known again");
  assert.equal(world.called("status").length, 2);
});

test("a folder without a project is left alone, and one of something else's manifests says nothing", async () => {
  world = new World(["shop", "kube"]);
  rmSync(`${world.home}/kube/compose.yaml`);
  mkdirSync(`${world.home}/kube/manifests`);
  writeFileSync(`${world.home}/kube/manifests/a.yaml`, "apiVersion: apps/v1\nkind: Deployment\n");
  await running();
  act.save(world.document("kube/manifests/a.yaml", ""));
  await until(() => world.called("scan").length, "the project's own check");
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.deepEqual(new Set(world.calls.map(({ cwd }) => cwd)), new Set([`${world.home}/shop`]));
  world.answers("status", "", { code: 1, stderr: "error: .: there is neither a manifest nor a Compose file here\nhint: name one with -f\n" });
  await act.command("refresh");
  await until(() => world.called("status").length === 2 && texts().length === 0, "nothing is shown");
  assert.equal(fake.tree?.message, "");
});

test("files that come and go are counted once, and only what differs begins anew", async () => {
  world = new World(["shop", "blog"]);
  rmSync(`${world.home}/blog/compose.yaml`);
  await running();
  writeFileSync(`${world.home}/blog/compose.yaml`, "services: {}\n");
  for (const name of ["compose.yaml", "manifests/a.yaml", ".env"]) act.create(Uri.file(`${world.home}/blog/${name}`));
  await until(() => texts().length === 2, "both stacks");
  act.set("controller.scan.enabled", false);
  act.set("controller.stacks", []);
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.deepEqual(world.called("status").map(({ cwd }) => cwd), [`${world.home}/shop`, `${world.home}/blog`], "nobody was asked twice");
});

test("the status bar can be turned off, for a folder too", async () => {
  world = new World(["shop", "blog"]);
  await world.activate();
  await until(() => texts().length === 2, "both stacks");
  act.set("controller.statusBar.enabled", false);
  assert.deepEqual(texts(), []);
  assert.equal(nodes().length, 2, "the tree stays");
  act.set("controller.statusBar.enabled", true);
  fake.own.set(`${world.home}/blog`, { "controller.statusBar.enabled": false });
  act.set("controller.stacks", []);
  assert.deepEqual(fake.bar.map(({ name }) => name), ["Controller: shop"]);
  assert.equal(manifest.contributes.configuration.properties["controller.statusBar.enabled"].default, true);
});

test("a setting of another type than it is declared with counts as not set", async () => {
  world = new World();
  Object.assign(fake.settings, { "controller.files": "compose.yaml", "controller.stacks": 3, "controller.scan.leastSeverity": null, "controller.api.address": 7070 });
  await running();
  assert.ok(!world.called("status")[0]?.args.includes("--file"));
});

test("what is edited of the project is saved before it is planned, and nothing is asked where that fails", async () => {
  world = new World();
  await running();
  world.answers("plan", answer("plan-first.json"));
  const [compose, other] = [world.document("shop/compose.yaml", "a"), world.document("shop/main.py", "b")];
  compose.isDirty = other.isDirty = true;
  window.activeTextEditor = { document: other };
  await act.command("plan");
  assert.deepEqual([compose.isDirty, other.isDirty, world.called("plan").length], [false, true, 1]);
  compose.isDirty = true;
  compose.save = async () => false;
  await act.command("plan");
  await act.command("plan", nodes()[0]);
  assert.equal(world.called("plan").length, 1);
  assert.match(fake.said.at(-1)?.text ?? "", /^shop\/compose\.yaml could not be saved: nothing is asked/);
});

test("a plan is shown beside the manifest, of this manifest alone, as it was just saved", async () => {
  world = new World();
  await running();
  world.answers("plan", answer("plan-first.json"));
  const document = world.document("shop/manifests/shop.yaml", "apiVersion: controller/v1\nkind: Stack\nmetadata: {name: shop}\n");
  document.isDirty = true;
  window.activeTextEditor = { document };
  await act.command("plan");
  assert.equal(document.isDirty, false);
  assert.deepEqual(world.called("plan").map(({ args }) => args.slice(0, 3)), [["plan", "--file", document.uri.path]]);
  assert.equal(fake.executed.at(-1)?.name, "markdown.showPreviewToSide");
  assert.match(fake.previews[0] ?? "", /^# Plan: manifests\/shop\.yaml\n\n\*\*6 changes\*\*/);
  await act.command("plan", nodes()[0]);
  assert.deepEqual(world.called("plan")[1]?.args.slice(-2), ["--stack", "shop"]);
});

test("the button above the tree means the whole, whatever is selected in it", async () => {
  world = new World();
  await running();
  world.answers("plan", answer("plan-first.json"));
  await act.command("applyAll", node("web"));
  assert.equal(fake.said[0]?.text, "Apply shop?");
  assert.deepEqual(world.called("plan").map(({ args }) => args), [["plan", "--output", "json", "--color", "never"]]);
});

test("apply shows the plan first, asks, shows its progress and says what came of it", async () => {
  world = new World();
  await running();
  world.answers("plan", answer("plan-first.json"));
  world.answers("apply", answer("apply.json"), { stderr: answer("apply.stderr.txt") });
  await act.command("apply", nodes()[0]);
  assert.deepEqual(fake.said.map(({ text, modal, buttons }) => [text, modal, buttons]), [["Apply shop?", true, ["Apply"]]]);
  assert.match(fake.said[0]?.detail ?? "", /By the command line in shop\.$/);
  assert.match(fake.said[0]?.detail ?? "", /^6 changes, how long it takes is not known yet/);
  assert.deepEqual(world.called("apply"), [], "who does not say yes has nothing done");

  fake.choose = ({ modal, buttons }) => (modal ? buttons[0] : undefined);
  await act.command("apply", nodes()[0]);
  assert.deepEqual(world.called("apply").map(({ args }) => args), [["apply", "--file", ".", "--output", "json", "--color", "never", "--stack", "shop"]]);
  assert.ok(fake.progress.find(({ title }) => title === "Apply shop")?.messages.some((line) => line.includes("web Ready after 2.3 s")));
  assert.deepEqual([fake.said.at(-1)?.kind, fake.said.at(-1)?.text], ["info", "Apply shop: converged in 7.1 s, 2 services."]);
});

test("apply asks for what is held back, and does nothing where there is nothing to do", async () => {
  world = new World();
  await running();
  world.answers("plan", answer("plan-done.json"));
  await act.command("apply", nodes()[0]);
  assert.deepEqual(fake.said.map(({ kind, text }) => [kind, text]), [["info", "shop: as desired, there is nothing to do."]]);
  world.answers("plan", JSON.stringify({ ...JSON.parse(answer("plan-first.json")), held: [{ stack: "shop", service: null, reason: "AdoptionHeld" }] }));
  world.answers("apply", answer("apply.json"));
  fake.choose = ({ modal, buttons }) => (modal ? buttons[0] : undefined);
  await act.command("apply", nodes()[0]);
  assert.deepEqual(fake.said.find(({ modal }) => modal)?.buttons, ["Adopt and Apply"]);
  assert.ok(world.called("apply")[0]?.args.includes("--adopt"));
});

test("an apply that is cancelled is interrupted, and that is said", async () => {
  world = new World();
  await running();
  world.answers("plan", answer("plan-first.json"));
  world.answers("apply", "", { stays: true });
  fake.choose = ({ modal, buttons }) => (modal ? buttons[0] : undefined);
  const applied = act.command("apply", nodes()[0]);
  await until(() => world.called("apply").length, "it was begun");
  fake.progress.find(({ title }) => title === "Apply shop")?.cancel();
  await applied;
  assert.match(fake.said.at(-1)?.text ?? "", /^Apply shop: interrupted\. What was done stays done/);
});

test("restart asks before it acts, and a failure is told with the exit code's meaning and a way on", async () => {
  world = new World();
  await running();
  world.answers("rollout-restart", "", { code: 1, stderr: "error: another controller keeps shop\nhint: ask ada\n" });
  world.answers("why", answer("why.json"));
  await act.command("restart", node("web"));
  assert.deepEqual(world.called("rollout"), []);
  assert.deepEqual([fake.said[0]?.text, fake.said[0]?.modal], ["Restart web?", true]);
  fake.choose = ({ buttons }) => buttons[0];
  await act.command("restart", node("web").children[0]);
  assert.deepEqual(world.called("rollout")[0]?.args.slice(-4), ["--stack", "shop", "--", "web"]);
  assert.match(fake.said.at(-1)?.text ?? "", /^Restart shop\/web: another controller keeps shop \(ask ada\); .*\(exit code 1\)\.$/);
  assert.match(fake.previews.at(-1) ?? "", /^# Why: shop\/web/);
});

test("why and describe open as pages, of what is chosen where nothing was given", async () => {
  world = new World();
  await running();
  world.answers("why", answer("why.json"));
  world.answers("describe", answer("describe.json"));
  await act.command("why", node("web"));
  assert.match(fake.previews.at(-1) ?? "", /Nothing is in the way/);
  fake.picked = 1;
  await act.command("describe");
  assert.deepEqual(world.called("describe")[0]?.args.slice(-2), ["service", "db"]);
  assert.match(fake.previews.at(-1) ?? "", /^# Service web/);
});

test("pages of two folders' stacks of one name are two", async () => {
  world = new World(["shop", "blog"]);
  await world.activate();
  await until(() => nodes().length === 2, "both stacks");
  world.answers("describe", answer("describe.json"));
  for (const root of nodes()) await act.command("describe", root.children.find(({ service }) => service === "web"));
  const shown = fake.executed.filter(({ name }) => name === "markdown.showPreview").map(({ args }) => String(args[0]));
  window.tabGroups.all.push({});
  await act.command("describe", nodes()[0]?.children[0]);
  window.tabGroups.all.pop();
  assert.deepEqual(fake.executed.slice(-2).map(({ name }) => name), ["workbench.action.focusFirstEditorGroup", "markdown.showPreviewToSide"], "no third column");
  assert.deepEqual(shown, ["controller:///describe/the command line in shop/shop∕web.md", "controller:///describe/the command line in blog/shop∕web.md"]);
});

test("logs follow in a terminal, of one replica where that was chosen, and end with it", async () => {
  world = new World();
  await running();
  world.answers("logs", JSON.stringify([["shop-web-1", "one"], ["shop-web-10", "two"], ["shop-web-1", ""], ["shop-web-1", "three | \x1b[2Jfour\u202e"]]), { stays: true });
  await act.command("logs", node("web").children[0]);
  const terminal = fake.terminals[0];
  await until(() => terminal?.text.includes("three"), "its output");
  assert.ok(terminal?.text.includes("shop-web-1  | one\r\nshop-web-1  | \r\nshop-web-1  | three | \\x1b[2Jfour\\u202e\r\n"), terminal?.text);
  assert.equal(terminal?.name, "Logs: shop-web-1");
  assert.doesNotMatch(terminal?.text ?? "", /two/);
  terminal?.pty.close();
  await until(() => world.called("logs").every(({ pid }) => !runs(pid)), "its process has ended");
});

test("logs of a service's only replica come, though no name stands before their lines", async () => {
  world = new World();
  await running();
  world.answers("logs", JSON.stringify([["shop-db-1", "one"], ["shop-db-1", ""], ["shop-db-1", "two"]]), { stays: true });
  await act.command("logs", node("db").children[0]);
  await until(() => fake.terminals[0]?.text.endsWith("one\r\n\r\ntwo\r\n"), "its output");
  assert.deepEqual(world.called("logs")[0]?.args.slice(0, 6), ["logs", "--follow", "--tail", "200", "--file", "."]);
});

test("an answer of another shape is told as that", async () => {
  world = new World();
  await running();
  world.answers("plan", '{"changes": "many"}');
  await act.command("plan", nodes()[0]);
  assert.match(fake.said.at(-1)?.text ?? "", /^Plan: shop: the answer of plan is not of the documented shape .* another version/);
});

test("nothing stays behind: no process, no listener, no item", async () => {
  world = new World(["shop", "blog"]);
  await world.activate();
  await until(() => texts().length === 2, "both stacks");
  world.answers("apply", "", { stays: true });
  world.answers("plan", answer("plan-first.json"));
  fake.choose = ({ modal, buttons }) => (modal ? buttons[0] : undefined);
  const applied = act.command("apply", nodes()[0]);
  await until(() => world.called("apply").length, "an apply under way");
  await world.end();
  await applied;
  assert.deepEqual([texts(), fake.commands.size, fake.providers.size, fake.tree, fake.diagnostics.size], [[], 0, 0, null, 0]);
  assert.deepEqual(world.left.map((one) => one.constructor.name), []);
});
