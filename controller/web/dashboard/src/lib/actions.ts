// What a person can ask for: each verb of the command line with its words, and what is to be confirmed before.

import { placeOf } from "./admission.ts";
import type { Role } from "./phases.ts";

export type Verb =
  | "apply" | "start" | "stop" | "retry" | "pause" | "resume" | "adopt" | "confirm" | "prune" | "release"
  | "rollout-undo" | "rollout-restart" | "rollout-pause" | "rollout-resume" | "resources-apply" | "resources-undo" | "resources-resume" | "cleanup";

export interface Asked {
  readonly verb: Verb;
  readonly stack: string;
  readonly services: readonly string[];
  readonly options?: Readonly<Record<string, boolean | number | string>>;
  /** What is to be known of it before. */
  readonly about?: readonly string[];
}

export interface Confirmation {
  readonly title: string;
  readonly says: readonly string[];
  readonly names?: readonly string[];
  readonly button: string;
  readonly role: Role;
  /** What has to be typed before. */
  readonly typed?: string;
}

export const LABELS: Readonly<Record<Verb, string>> = {
  apply: "Apply", start: "Start", stop: "Stop", retry: "Retry now", pause: "Pause", resume: "Resume", adopt: "Adopt",
  confirm: "Confirm removal", prune: "Prune", release: "Release", "rollout-undo": "Undo", "rollout-restart": "Restart",
  "rollout-pause": "Pause rollout", "rollout-resume": "Resume rollout", "resources-apply": "Set limits", "resources-undo": "Undo limits",
  "resources-resume": "Follow use again", cleanup: "Clean up",
};

/** The same, as it is typed in a terminal. */
export function commandOf(asked: Asked): string {
  const verb = asked.verb.replace(/^(rollout|resources)-/, "$1 ");
  const names = asked.services.map((service) => `${asked.stack}/${service}`);
  const byStack = asked.verb === "adopt" || asked.verb === "confirm" || asked.verb === "release" || asked.verb === "cleanup";
  const to = asked.options?.["to"] === undefined ? [] : ["--to", String(asked.options["to"])];
  const scope = names.length ? names : byStack ? [asked.stack] : ["-s", asked.stack];
  return ["controller", verb, ...scope, ...to].join(" ");
}

function whatOf(asked: Asked): string {
  return asked.services.length === 1 ? `${asked.services[0]}` : asked.services.length ? `${asked.services.length} services` : `all of ${asked.stack}`;
}

/** What will happen, for those that ask; null: it is done at once. */
export function confirmationOf(asked: Asked, names: readonly string[] = []): Confirmation | null {
  const what = whatOf(asked);
  switch (asked.verb) {
    case "stop":
      return {
        title: `Stop ${what}?`, button: "Stop", role: "bad",
        says: [
          "Containers are stopped in reverse order of their dependencies, with their grace. None is removed, no volume is touched.",
          "It stays stopped, also after the controller starts anew, until somebody starts it.",
        ],
      };
    case "rollout-undo": {
      const to = asked.options?.["to"];
      return {
        title: to === undefined ? `Undo the last change of ${what}?` : `Go back to revision ${to}?`, button: "Undo", role: "warn",
        says: [
          "Replicas are replaced, as in any update, by those of the earlier release; it stays so until the files change or the rollout is resumed.",
          "Data in volumes is not turned back.",
        ],
      };
    }
    case "rollout-restart":
      return {
        title: `Restart ${what}?`, button: "Restart", role: "warn",
        says: ["Every replica is replaced by a new one of the same release, in the order in which it is updated."],
      };
    case "adopt":
      return {
        title: `Take ${asked.stack} over?`, button: "Adopt", role: "warn",
        says: ["The plan is carried out: it replaces, renames or reconnects containers that run now. Named volumes stay."],
      };
    case "confirm":
      return {
        title: `Let the removal in ${asked.stack} happen?`, button: "Confirm removal", role: "bad",
        says: ["The containers that the plan names are removed. Named volumes stay."], names,
      };
    case "prune":
      return {
        title: `Remove what is left over in ${asked.stack}?`, button: "Prune", role: "bad",
        says: names.length ? ["The containers of these services, which are not in the Compose file any more, are removed. Volumes stay."]
          : ["Containers of services that are not in the Compose file any more are removed; there are none now. Volumes stay."],
        names,
      };
    case "release":
      return {
        title: `Give ${asked.stack} back to plain Compose?`, button: "Release", role: "bad", typed: asked.stack,
        says: [
          "The ingress, our override file and our networks are taken out, one after the other; containers that need it are replaced.",
          "From then on nothing is healed, updated or watched, until it is adopted again. Volumes stay.",
        ],
      };
    case "resources-apply":
      return {
        title: `Set the limits of ${what}?`, button: "Apply", role: "warn",
        says: [...(asked.about ?? []), "Running containers are changed in place: none is restarted. The Compose file stays as it is, and Undo gives its limits back."],
      };
    case "resources-undo":
      return {
        title: `Give ${what} its own limits back?`, button: "Undo", role: asked.options?.["confirm"] ? "bad" : "warn",
        says: [...(asked.about ?? []), "The Compose file's limits hold again, in place, and stay until somebody lets them follow use again."],
      };
    case "cleanup":
      return {
        title: `Clean up what ${asked.stack} does not use?`, button: "Clean up", role: "bad", names,
        says: [...(asked.about ?? []), "What is found unused then goes, by the same rules. Volumes stay, and so does everything of other projects."],
      };
    default:
      return null;
  }
}

export type Help = Verb | "plan" | "logs" | "resources" | "security";

/** What helps against a trouble, the most likely first. */
export function helpFor(reason: string): readonly Help[] {
  return HELP[reason] ?? (placeOf(reason) ? ["resources"] : []);
}

const MENDED = ["logs", "retry"] as const;
const HELP: Readonly<Record<string, readonly Help[]>> = {
  AdoptionHeld: ["plan", "adopt"], MassRemovalHeld: ["plan", "confirm"], Released: ["adopt"], Orphans: ["prune"],
  Pinned: ["rollout-resume"], Halted: ["rollout-resume"], UpdateHalted: ["rollout-resume"], Paused: ["resume"],
  StoppedByUser: ["start"], NotStarted: ["start"], NotRunningAtAdoption: ["start"], CrashLoopBackOff: MENDED,
  RolledBack: ["logs", "retry"], UpdatePaused: ["logs", "retry", "rollout-undo"], RollbackFailed: MENDED, JobFailed: MENDED,
  ImagePullBackOff: ["retry"], NotReady: ["logs"], Unhealthy: ["logs", "rollout-restart"], SelfHealOff: ["logs", "rollout-restart"],
  Findings: ["security"], Insecure: ["security"], WaiverExpired: ["security"], Unconfined: ["security"],
  MemoryNearLimit: ["resources", "logs"], OutOfMemory: ["resources", "logs"],
};

/** The command that helps where no button can. */
export function commandFor(reason: string): string {
  return COMMANDS[reason] ?? "";
}

const COMMANDS: Readonly<Record<string, string>> = {
  EngineUnavailable: "controller doctor", IngressUnavailable: "controller doctor", GenerationHeld: "controller validate", PortTaken: "ss -ltnp",
};
