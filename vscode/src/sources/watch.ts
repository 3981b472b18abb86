// `controller status --watch` in a folder: one process that looks every second and says what has changed.

import { CommandBackend, type Place } from "../backend/command.ts";
import { Documents, jsonOf, readStatus } from "../core/answers.ts";
import { statusArgs } from "../core/argv.ts";
import { codeWords, complaintIn } from "../core/outcome.ts";
import { Retry, WATCH } from "../core/pauses.ts";
import { Missing, type Cli } from "../edge/cli.ts";
import { NOTHING, type Known, type Source } from "./source.ts";

const NO_PROJECT = /neither a manifest nor a Compose file/;

export class WatchSource implements Source {
  readonly folder: string;
  readonly backend: CommandBackend;
  known: Known = NOTHING;
  private readonly retry = new Retry(WATCH);
  private timer: NodeJS.Timeout | undefined;
  private halt: (() => void) | null = null;
  private began = 0;

  constructor(
    readonly key: string,
    readonly label: string,
    private readonly cli: Cli,
    readonly place: Place,
    private readonly changed: () => void,
    private readonly onMissing: (missing: Missing) => void,
  ) {
    this.folder = place.folder;
    this.backend = new CommandBackend(cli, place);
  }

  start(): void {
    if (this.halt) return;
    clearTimeout(this.timer);
    this.began = Date.now();
    const documents = new Documents();
    this.halt = this.cli.follow({
      command: this.place.command, args: statusArgs(this.place.files), cwd: this.place.folder,
      onOutput: (text) => this.take(documents, text),
      onLine: (line) => this.heed(line),
      onEnd: (code, stderr, missing) => this.over(code, stderr, missing),
    });
  }

  stop(): void {
    clearTimeout(this.timer);
    this.retry.reset();
    this.halt?.();
    this.halt = null;
  }

  private take(documents: Documents, text: string): void {
    try {
      for (const one of documents.take(text)) this.know({ stacks: readStatus(jsonOf(one, "status")), staleSince: null, trouble: "" });
    } catch (error) {
      this.halt?.();
      this.over(null, `error: ${(error as Error).message}`, null);
    }
  }

  /** Where the engine goes away the command says so once, waits, and says nothing when it is back: what it said before holds no more. */
  private heed(line: string): void {
    const said = /^warning: (.*); waiting for it$/.exec(line);
    if (!said) return;
    this.halt?.();
    this.over(null, `error: ${said[1] ?? ""}`, null);
  }

  private over(code: number | null, stderr: string, missing: Error | null): void {
    this.halt = null;
    // No complaint: there may be manifests of something else. A file that is saved begins anew.
    if (NO_PROJECT.test(stderr)) return this.know(NOTHING);
    this.know({ ...this.known, staleSince: this.known.staleSince ?? Date.now(), trouble: missing?.message ?? (complaintIn(stderr) || `controller status: ${codeWords(code)}`) });
    // It would be missing then, too: a setting that changes, or a person, begins anew.
    if (missing instanceof Missing) return this.onMissing(missing);
    this.timer = setTimeout(() => this.start(), this.retry.next(Date.now() - this.began));
  }

  private know(known: Known): void {
    this.known = known;
    this.changed();
  }
}
