// What admission says: its policy, and who waits. Pure.

import type { Amount, Room, ServiceRoom } from "../api/resources.ts";
import { bytes, coresOf, joined } from "./format.ts";

/** Of services that wait for the machine. */
export const ROOM_REASONS: ReadonlySet<string> = new Set(["InsufficientMemory", "InsufficientCPU", "InsufficientDisk", "ExceedsMachine", "PortTaken", "VolumeInUse"]);

export type Place = "machine" | "admission" | "limits" | "cleanup";

const PLACES: Readonly<Record<string, Place>> = {
  InsufficientRoom: "admission", Overcommitted: "admission", InsufficientMemory: "admission", InsufficientCPU: "admission", ExceedsMachine: "admission", VolumeInUse: "admission",
  InsufficientDisk: "cleanup", HostDiskHigh: "cleanup", HostInodesHigh: "cleanup", HostMemoryHigh: "machine", HostCpuHigh: "machine", HostOpenFilesHigh: "machine",
  HostPressureHigh: "machine", MemoryNearLimit: "limits", OutOfMemory: "limits",
};

/** Where the page of resources tells more of a reason, a condition or an alert; null: nowhere. */
export function placeOf(reason: string): Place | null {
  return PLACES[reason] ?? null;
}

export const PLACE_LABELS: Readonly<Record<Place, string>> = { machine: "Show the machine", admission: "Show who has what", limits: "Show the limits", cleanup: "Show what is unused" };

const POLICIES: Readonly<Record<Room["admission"], string>> = {
  enforce: "What has no room on this machine waits, and starts by itself when there is room",
  warn: "Everything starts; where more is promised than there is, that is only told",
  off: "Nobody looks whether there is room before something starts",
};

/** One sentence, with what is kept for the host. */
export function policyWords({ admission, reserve }: Room): string {
  const kept = [...(reserve.memory ? [`${bytes(reserve.memory)} of memory`] : []), ...(reserve.cpu ? [coresOf(reserve.cpu)] : []), ...(reserve.disk ? [`${bytes(reserve.disk)} of disk`] : [])];
  if (admission === "off") return `${POLICIES.off}.`;
  return `${POLICIES[admission]}. ${kept.length ? `${joined(kept)} ${kept.length === 1 && !reserve.cpu ? "is" : "are"} kept free for the host.` : "Nothing is kept free for the host."}`;
}

/** `256 MiB and 0.5 cores`; "" is "nothing". */
export function amountWords({ memory, cpu }: Amount): string {
  return joined([...(memory ? [bytes(memory)] : []), ...(cpu ? [coresOf(cpu)] : [])]);
}

/** In the order in which they will be let start. */
export function whoWaits(room: Room): readonly ServiceRoom[] {
  return room.services.filter((one) => one.waits);
}
