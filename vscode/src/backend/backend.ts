// What can be asked of a stack, whoever answers: the command, or the API of a controller that runs.

import type { Described, Why } from "../core/answers.ts";
import type { Target } from "../core/argv.ts";
import type { Ending } from "../core/outcome.ts";
import type { Plan, Verb } from "../shared.ts";

export interface Acting {
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
  /** What else is allowed: `adopt`, `confirm`. */
  readonly flags: readonly string[];
}

/** Whose output is meant: null, that of the whole service; else of one replica, which may be the service's only one. */
export type Replica = { readonly name: string; readonly alone: boolean } | null;

export interface Backend {
  /** As it is told: `the command line in shop`, `http://127.0.0.1:7070`. */
  readonly from: string;
  /** Without a target: of all that the folder's files name. */
  plan(target: Target | null, signal: AbortSignal): Promise<Plan>;
  why(target: Target, signal: AbortSignal): Promise<Why>;
  describe(target: Target, signal: AbortSignal): Promise<Described>;
  /** Until it ends or is cancelled. */
  logs(target: Target, replica: Replica, onText: (text: string) => void, signal: AbortSignal): Promise<void>;
  act(verb: Verb, target: Target | null, what: string, acting: Acting): Promise<Ending>;
}

/** Lines of each replica that logs begin with. */
export const TAIL = 200;
