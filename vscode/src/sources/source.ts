// Where stacks are known from: each source follows one place and tells when something is new there.

import type { Backend } from "../backend/backend.ts";
import type { Stack } from "../shared.ts";

export interface Known {
  readonly stacks: readonly Stack[];
  /** Since when nothing new is known, in milliseconds; null: what stands there holds now. */
  readonly staleSince: number | null;
  /** What is in the way, in a sentence; "": nothing. */
  readonly trouble: string;
}

export interface Source {
  readonly key: string;
  /** Of a workspace folder its name. */
  readonly label: string;
  /** Its path; null: it is of no folder. */
  readonly folder: string | null;
  readonly backend: Backend;
  readonly known: Known;
  start(): void;
  /** Nothing is told any more, and no process or connection stays. */
  stop(): void;
}

export const NOTHING: Known = { stacks: [], staleSince: null, trouble: "" };
