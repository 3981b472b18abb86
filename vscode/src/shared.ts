// What the dashboard knows already: shapes of answers, words and roles of phases, what is asked before acting. One
// source for both, so that they say the same.

export { Frames, type Frame } from "../../controller/web/dashboard/src/api/frames.ts";
export type { FindingSeverity, ScanFinding } from "../../controller/web/dashboard/src/api/security.ts";
export type {
  Cause, Condition, Event, Finding, Held, Intent, LogLine, Phase, Plan, Replica, Service, Stack, StackHead, StackPhase, StackResult,
} from "../../controller/web/dashboard/src/api/types.ts";
export { confirmationOf, LABELS, type Asked, type Verb } from "../../controller/web/dashboard/src/lib/actions.ts";
export { age, clock, count, secondsSince, some, span } from "../../controller/web/dashboard/src/lib/format.ts";
export { isTrouble, meaningOf, rankOf, remarkOn, roleOf, SICK, type Role } from "../../controller/web/dashboard/src/lib/phases.ts";
export { atWords, HELD_WORDS, inOrder } from "../../controller/web/dashboard/src/lib/planned.ts";
