// As much of the editor as the extension uses, and what tests ask of it: what is shown, who listens, what was said.

type Listener<T> = (value: T) => unknown;

/** All that was made and not disposed of: nothing may be left. */
export const alive = new Set<object>();

export class Disposable {
  constructor(private readonly undo: () => void) { alive.add(this); }
  dispose(): void { if (alive.delete(this)) this.undo(); }
}

export class EventEmitter<T> {
  private readonly listeners = new Set<Listener<T>>();
  constructor() { alive.add(this); }
  readonly event = (listener: Listener<T>): Disposable => {
    this.listeners.add(listener);
    return new Disposable(() => this.listeners.delete(listener));
  };
  fire(value: T): void { for (const listener of [...this.listeners]) listener(value); }
  dispose(): void { this.listeners.clear(); alive.delete(this); }
}

/** Of the editor itself: it stays. */
function own<T>(): EventEmitter<T> {
  const emitter = new EventEmitter<T>();
  alive.delete(emitter);
  return emitter;
}

export class Uri {
  private constructor(readonly scheme: string, readonly path: string) {}
  static file(path: string): Uri { return new Uri("file", path); }
  static from({ scheme, path }: { scheme: string; path: string }): Uri { return new Uri(scheme, path); }
  get fsPath(): string { return this.path; }
  toString(): string { return `${this.scheme}://${this.path}`; }
}
export class Position { constructor(readonly line: number, readonly character: number) {} }
export class Range {
  readonly start: Position;
  readonly end: Position;
  constructor(a: number, b: number, c: number, d: number) { this.start = new Position(a, b); this.end = new Position(c, d); }
}
export enum DiagnosticSeverity { Error, Warning, Information, Hint }
export class Diagnostic {
  source = "";
  code = "";
  constructor(readonly range: Range, readonly message: string, readonly severity: DiagnosticSeverity) {}
}
export class MarkdownString { isTrusted = false; constructor(readonly value: string) {} }
export class ThemeColor { constructor(readonly id: string) {} }
export class ThemeIcon { constructor(readonly id: string, readonly color?: ThemeColor) {} }
export enum TreeItemCollapsibleState { None, Collapsed, Expanded }
export class TreeItem {
  id = ""; description = ""; contextValue = "";
  iconPath: ThemeIcon | undefined; tooltip: MarkdownString | undefined; accessibilityInformation: { label: string } | undefined;
  constructor(readonly label: string, readonly collapsibleState: TreeItemCollapsibleState) {}
}
export enum StatusBarAlignment { Left = 1, Right }
export enum ProgressLocation { SourceControl = 1, Window = 10, Notification = 15 }
export enum ViewColumn { Beside = -2 }
export class RelativePattern { constructor(readonly base: Folder, readonly pattern: string) {} }

export interface Folder { readonly uri: Uri; readonly name: string; readonly index: number }
export interface FakeDocument { readonly uri: Uri; isDirty: boolean; getText(): string; save(): Promise<boolean> }
export interface BarItem { id: string; text: string; name: string; tooltip?: MarkdownString; backgroundColor?: ThemeColor; command?: unknown; accessibilityInformation?: { label: string }; visible: boolean; show(): void; dispose(): void }
export interface Said { readonly kind: "info" | "warning" | "error"; readonly text: string; readonly modal: boolean; readonly detail: string; readonly buttons: readonly string[] }

const NONE = (): Record<string, unknown> => ({});

class State {
  trusted = true;
  folders: Folder[] = [];
  settings = NONE();
  /** Of a folder (by path) alone. */
  own = new Map<string, Record<string, unknown>>();
  secrets = new Map<string, string>();
  documents: FakeDocument[] = [];
  files = new Map<string, string>();
  bar: BarItem[] = [];
  commands = new Map<string, (...args: unknown[]) => unknown>();
  /** Commands of the editor that were asked for. */
  executed: { name: string; args: readonly unknown[] }[] = [];
  said: Said[] = [];
  /** What a person chooses, by the text of what is asked; else nothing. */
  choose: (said: Said) => string | undefined = () => undefined;
  typed: string | undefined;
  picked = 0;
  diagnostics = new Map<string, readonly Diagnostic[]>();
  progress: { title: string; messages: string[]; cancel: () => void }[] = [];
  output: string[] = [];
  providers = new Map<string, { provideTextDocumentContent(uri: Uri): string }>();
  previews: string[] = [];
  terminals: { name: string; pty: { open(): void; close(): void; onDidWrite: (listener: Listener<string>) => Disposable; handleInput?(text: string): void }; text: string }[] = [];
  tree: { title: string; message: string; description: string; provider: { getChildren(node?: unknown): unknown[]; getTreeItem(node: unknown): TreeItem; getParent(node: unknown): unknown }; revealed: unknown[] } | null = null;
}
export let fake = new State();

const events = {
  saved: own<FakeDocument>(), closed: own<FakeDocument>(), settings: own<{ affectsConfiguration(name: string): boolean }>(), folders: own<{ added: Folder[]; removed: Folder[] }>(),
  trust: own<void>(), secrets: own<{ key: string }>(), created: own<Uri>(), changed: own<Uri>(), deleted: own<Uri>(),
};

export function begin(): State {
  alive.clear();
  fake = new State();
  return fake;
}
/** What a person or the editor does. */
export const act = {
  save: (document: FakeDocument): void => events.saved.fire(document),
  change: (uri: Uri): void => events.changed.fire(uri),
  create: (uri: Uri): void => events.created.fire(uri),
  remove: (uri: Uri): void => events.deleted.fire(uri),
  set(name: string, value: unknown): void {
    fake.settings[name] = value;
    events.settings.fire({ affectsConfiguration: (section) => `${name}.`.startsWith(`${section}.`) });
  },
  folders(added: Folder[], removed: Folder[]): void {
    fake.folders = [...fake.folders.filter((one) => !removed.includes(one)), ...added];
    events.folders.fire({ added, removed });
  },
  trust(): void { fake.trusted = true; events.trust.fire(); },
  command: async (name: string, ...args: unknown[]): Promise<unknown> => {
    const run = fake.commands.get(`controller.${name}`);
    if (!run) throw new Error(`no command controller.${name}`);
    return run(...args);
  },
};

export const secrets = {
  get: async (key: string): Promise<string | undefined> => fake.secrets.get(key),
  store: async (key: string, value: string): Promise<void> => { fake.secrets.set(key, value); events.secrets.fire({ key }); },
  delete: async (key: string): Promise<void> => { fake.secrets.delete(key); events.secrets.fire({ key }); },
  onDidChange: events.secrets.event,
};

async function say(kind: Said["kind"], text: string, rest: readonly unknown[]): Promise<string | undefined> {
  const options = typeof rest[0] === "object" ? (rest[0] as { modal?: boolean; detail?: string }) : {};
  const buttons = rest.filter((one): one is string => typeof one === "string");
  const said = { kind, text, modal: options.modal ?? false, detail: options.detail ?? "", buttons };
  fake.said.push(said);
  return fake.choose(said);
}

export const window = {
  tabGroups: { all: [{}] },
  activeTextEditor: undefined as { document: FakeDocument } | undefined,
  createOutputChannel: () => {
    const write = (level: string) => (line: string): void => void fake.output.push(`${level}: ${line}`);
    const channel = new Disposable(() => undefined);
    return Object.assign(channel, { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error"), show: () => void fake.executed.push({ name: "output.show", args: [] }) });
  },
  createStatusBarItem(id: string): BarItem {
    const item: BarItem & Disposable = Object.assign(new Disposable(() => { fake.bar = fake.bar.filter((one) => one !== item); }), { id, text: "", name: "", visible: false, show() { item.visible = true; } }) as never;
    fake.bar.push(item);
    return item;
  },
  createTreeView(_id: string, { treeDataProvider }: { treeDataProvider: never }) {
    const view = Object.assign(new Disposable(() => { fake.tree = null; }), { title: "Stacks", message: "", description: "", provider: treeDataProvider, revealed: [] as unknown[], reveal: async (node: unknown) => void view.revealed.push(node) });
    fake.tree = view as never;
    return view;
  },
  createTerminal({ name, pty }: { name: string; pty: State["terminals"][number]["pty"] }) {
    const terminal = { name, pty, text: "", show: () => undefined };
    fake.terminals.push(terminal);
    pty.onDidWrite((text) => { terminal.text += text; });
    pty.open();
    return terminal;
  },
  showInformationMessage: (text: string, ...rest: unknown[]) => say("info", text, rest),
  showWarningMessage: (text: string, ...rest: unknown[]) => say("warning", text, rest),
  showErrorMessage: (text: string, ...rest: unknown[]) => say("error", text, rest),
  showInputBox: async ({ validateInput }: { validateInput?: (text: string) => string | undefined }): Promise<string | undefined> => (fake.typed !== undefined && validateInput?.(fake.typed) === undefined ? fake.typed : undefined),
  showQuickPick: async <T>(items: readonly T[]): Promise<T | undefined> => items[fake.picked],
  showWorkspaceFolderPick: async (): Promise<Folder | undefined> => fake.folders[fake.picked],
  showTextDocument: async (document: FakeDocument): Promise<void> => void fake.previews.push(document.getText()),
  async withProgress<T>({ title }: { title: string }, work: (progress: unknown, token: unknown) => Promise<T>): Promise<T> {
    const cancelled = own<void>();
    const messages: string[] = [];
    fake.progress.push({ title, messages, cancel: () => cancelled.fire() });
    return work({ report: ({ message }: { message: string }) => messages.push(message) }, { onCancellationRequested: cancelled.event });
  },
};

export const languages = {
  createDiagnosticCollection: () => Object.assign(new Disposable(() => fake.diagnostics.clear()), {
    set: (uri: Uri, all: readonly Diagnostic[]) => void fake.diagnostics.set(uri.path, all), delete: (uri: Uri) => void fake.diagnostics.delete(uri.path),
  }),
};

export const commands = {
  registerCommand(name: string, run: (...args: unknown[]) => unknown): Disposable {
    fake.commands.set(name, run);
    return new Disposable(() => fake.commands.delete(name));
  },
  async executeCommand(name: string, ...args: unknown[]): Promise<void> {
    fake.executed.push({ name, args });
    const [uri] = args;
    if (/^markdown\.showPreview(ToSide)?$/.test(name) && uri instanceof Uri) fake.previews.push(fake.providers.get(uri.scheme)?.provideTextDocumentContent(uri) ?? "");
  },
};

export const workspace = {
  get isTrusted(): boolean { return fake.trusted; },
  get workspaceFolders(): readonly Folder[] { return fake.folders; },
  get textDocuments(): readonly FakeDocument[] { return fake.documents; },
  getConfiguration: (section: string, scope?: Uri) => ({ get: <T>(name: string, fallback: T): T => ({ ...fake.settings, ...fake.own.get(scope?.path ?? "") }[`${section}.${name}`] as T | undefined) ?? fallback }),
  getWorkspaceFolder: (uri: Uri): Folder | undefined => fake.folders.find((folder) => uri.path.startsWith(`${folder.uri.path}/`)),
  asRelativePath: (uri: Uri): string => uri.path.split("/").slice(-2).join("/"),
  openTextDocument: async (uri: Uri): Promise<FakeDocument> => fake.documents.find((one) => one.uri.path === uri.path) ?? documentOf(uri.path, fake.files.get(uri.path) ?? fake.providers.get(uri.scheme)?.provideTextDocumentContent(uri) ?? ""),
  registerTextDocumentContentProvider(scheme: string, provider: { provideTextDocumentContent(uri: Uri): string }): Disposable {
    fake.providers.set(scheme, provider);
    return new Disposable(() => fake.providers.delete(scheme));
  },
  createFileSystemWatcher: ({ base, pattern }: RelativePattern) => {
    if (pattern.includes("**")) throw new Error("a watcher has to be bounded");
    const of = (event: EventEmitter<Uri>["event"]) => (listener: Listener<Uri>): Disposable => event((uri) => uri.path.startsWith(`${base.uri.path}/`) && listener(uri));
    return Object.assign(new Disposable(() => undefined), { onDidCreate: of(events.created.event), onDidChange: of(events.changed.event), onDidDelete: of(events.deleted.event) });
  },
  fs: {
    readFile: async (uri: Uri): Promise<Uint8Array> => {
      const text = fake.files.get(uri.path);
      if (text === undefined) throw new Error("no such file");
      return Buffer.from(text);
    },
  },
  onDidSaveTextDocument: events.saved.event, onDidCloseTextDocument: events.closed.event, onDidChangeConfiguration: events.settings.event,
  onDidChangeWorkspaceFolders: events.folders.event, onDidGrantWorkspaceTrust: events.trust.event,
};

export function documentOf(path: string, text: string): FakeDocument {
  const document: FakeDocument = { uri: Uri.file(path), isDirty: false, getText: () => text, save: async () => { document.isDirty = false; return true; } };
  return document;
}
