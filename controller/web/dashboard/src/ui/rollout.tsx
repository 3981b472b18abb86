import type { Service } from "../api/types.ts";
import type { ServiceEntry } from "../store/store.ts";
import { count } from "../lib/format.ts";
import { hrefOf } from "../lib/router.ts";
import { ActButton, type Act } from "./acts.tsx";
import { Age, PhaseTag, Prose } from "./basics.tsx";

/** How far an update is: a block a replica, the new ones filled, in words beside it. */
export function RolloutLine({ entry }: { readonly entry: ServiceEntry }) {
  const { stack } = entry;
  const service = entry.status.value;
  const back = service.phase === "RollingBack";
  const total = Math.max(service.replicas.length, service.desired);
  const fresh = Math.min(service.updated, total);
  return (
    <li class="rollout">
      <span class="rollout-name"><a href={hrefOf.service(stack, service.name)}>{service.name}</a> <PhaseTag phase={service.phase} /></span>
      <span class="blocks" aria-hidden="true">
        {Array.from({ length: Math.min(total, 24) }, (_, index) => <span key={index} class={index < fresh ? (back || service.phase === "Degraded" ? "block back" : "block new") : "block old"} />)}
      </span>
      <span class="num">{service.phase === "Updating" || back ? `${service.updated} of ${count(service.desired, "replica")} ${back ? "back" : "replaced"}, ` : ""}{service.ready}{service.phase === "Updating" || back ? "" : ` of ${service.desired}`} ready</span>
      <span class="rollout-word"><strong>{stageOf(service)}</strong> {service.message && <Prose text={service.message} />} <span class="muted">for <Age since={service.since} /></span></span>
      <span class="buttons">{actsOf(service).map((act) => <ActButton key={act.verb} act={act} stack={stack} services={[service.name]} kind="small" />)}</span>
    </li>
  );
}

const STAGES: Readonly<Record<string, string>> = {
  Watching: "Monitor:", Baking: "Bake:", Delaying: "Pause between batches:", RolledBack: "Rolled back:", UpdateHalted: "Halted:", Pinned: "Undone:",
  UpdatePaused: "Halted after a failure:", RollbackFailed: "Could not go back:", RollingBack: "Rolling back:", FetchingImage: "Fetching the image:",
  DependencyNotReady: "Waiting:", DependentsFirst: "Waiting:", Draining: "Draining:",
};

function stageOf(service: Service): string {
  return STAGES[service.reason] ?? (service.phase === "RollingBack" ? "Rolling back:" : service.phase === "Updating" ? "Replacing:" : `${service.reason}:`);
}

function actsOf(service: Service): readonly Act[] {
  if (service.reason === "UpdateHalted" || service.reason === "Pinned") return [{ verb: "rollout-resume", label: "Resume" }];
  if (service.phase === "Updating") return [{ verb: "rollout-pause", label: "Pause" }, { verb: "rollout-undo", label: "Undo" }];
  if (["RolledBack", "UpdatePaused", "RollbackFailed"].includes(service.reason)) return [{ verb: "retry", label: "Retry" }];
  return [];
}
